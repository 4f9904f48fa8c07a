//! Golden scripts of the parser: each statement prints as the tree has it, or as its error.

use std::error::Error;

use everstrand_partiql::parse;

struct Runner;

impl goldenscript::Runner for Runner {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        _context: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let statement = match parse(&command.name) {
            Ok(statement) => statement,
            Err(error) => return Ok(error.to_string()),
        };
        let printed = statement.to_string();
        assert_eq!(parse(&printed).as_ref().ok(), Some(&statement), "{printed} is another statement");
        Ok(printed)
    }
}

#[test]
fn scripts() {
    let mut paths: Vec<_> = std::fs::read_dir("tests/scripts/parser")
        .expect("scripts")
        .map(|entry| entry.expect("entry").path())
        .collect();
    paths.sort();
    for path in paths {
        goldenscript::run(&mut Runner, &path).expect("script");
    }
}
