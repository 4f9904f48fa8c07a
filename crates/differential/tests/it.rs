//! The program itself, in a short form.

use std::process::Command;

#[test]
fn a_few_queries_and_changes_have_sqlites_answers() {
    let arguments = ["sqlite", "--queries", "60", "--changes", "20"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_everstrand-differential"));
    let printed = program.args(arguments).output().expect("the program starts").stdout;
    let printed = String::from_utf8_lossy(&printed);
    // Its exit code also says whether the statements were well mixed, which takes more of them.
    assert!(printed.trim_end().ends_with("\n0 differences"), "{printed}");
}
