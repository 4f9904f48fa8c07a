//! Every command of `docs/operations.md` is run as it stands there, page by page, each in a fresh folder, and prints what
//! the page says. `UPDATE_GOLDENFILES=1` writes what they print into the page; read the diff.

use std::path::{Path, PathBuf};
use std::process::Command;

use everstrand_testkit::servers::ObjectServer;

use crate::process::program;

/// A page: a heading of the second level, and the commands below it, each with what it prints.
struct Page {
    title: String,
    blocks: Vec<Block>,
}

struct Block {
    needs_store: bool,
    commands: String,
    /// What the page says that they print.
    prints: Option<String>,
    /// The line behind the commands.
    end: usize,
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md")
}

/// The pages behind the heading `# The worst days`. The first one has no title: all others begin with it.
fn pages(text: &str) -> Vec<Page> {
    let mut pages = vec![Page { title: String::new(), blocks: Vec::new() }];
    let lines: Vec<&str> = text.lines().collect();
    let mut at = lines.iter().position(|line| *line == "# The worst days").expect("the pages");
    while at < lines.len() {
        if let Some(title) = lines[at].strip_prefix("## ") {
            pages.push(Page { title: title.to_owned(), blocks: Vec::new() });
        }
        let body = |from: usize| {
            let length = lines[from..].iter().position(|line| *line == "```").expect("an end");
            (lines[from..from + length].join("\n"), from + length)
        };
        if lines[at] == "```sh" || lines[at] == "```sh store" {
            let (commands, end) = body(at + 1);
            let prints = (lines.get(end + 2) == Some(&"```text")).then(|| body(end + 3).0);
            let needs_store = lines[at] == "```sh store";
            pages.last_mut().expect("a page").blocks.push(Block { needs_store, commands, prints, end });
            at = end;
        }
        at += 1;
    }
    pages
}

/// Replaces what differs from run to run: ids, hashes, times, and how long something took.
fn normal(text: &str) -> String {
    let text = &without_ids(text);
    let word = |word: &str| {
        let is_edge = |letter: char| ",.;:\"'()`{}[]".contains(letter);
        let core = word.trim_matches(is_edge);
        let is_id = core.len() == 22 && core.chars().all(|letter| letter.is_ascii_alphanumeric());
        let is_hash = core.len() == 44 && core.ends_with('=');
        let is_time = core.len() > 19 && core.as_bytes()[10] == b'T' && core.ends_with('Z');
        let is_number = core.contains('.') && core.parse::<f64>().is_ok();
        let shown = match (is_id, is_hash, is_time, is_number) {
            (true, ..) => "ID",
            (_, true, ..) => "DIGEST",
            (_, _, true, _) => "TIME",
            (.., true) => "N",
            _ => return word.to_owned(),
        };
        word.replacen(core, shown, 1)
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let unit = |at: usize| {
            words.get(at).is_some_and(|word| {
                ["B", "kB", "MB"]
                    .contains(&word.split(['/', ',']).next().unwrap_or_default().trim_end_matches([';', '.']))
            })
        };
        let shown = (0..words.len()).map(|at| match (unit(at), unit(at + 1)) {
            (true, _) => words[at].replace("kB", "B").replace("MB", "B"),
            (_, true) => "N".to_owned(),
            _ => word(words[at]),
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n").trim_end().to_owned()
}

/// Replaces ids, which have 22 letters and digits.
fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    let mut run = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || "+/=".contains(letter) {
            run.push(letter);
            continue;
        }
        shown.push_str(if run.len() == 22 { "ID" } else { &run });
        shown.push(letter);
        run.clear();
    }
    shown
}

/// Runs commands in a folder with the program under test on the path; answers what they print.
fn run(commands: &str, folder: &Path, store: Option<&ObjectServer>) -> String {
    let binary = PathBuf::from(program().get_program());
    let path = format!(
        "{}:{}",
        binary.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut bash = Command::new("bash");
    bash.args(["-euc", commands]).current_dir(folder).env("PATH", path).env("EVERSTRAND_LOG", "error");
    if let Some(store) = store {
        bash.env("EVERSTRAND_STORE_ENDPOINT", store.endpoint()).env("AWS_REGION", "us-east-1");
        bash.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
    }
    let output = bash.output().expect("bash");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{commands}\n{stdout}{stderr}");
    stdout.into_owned()
}

#[test]
fn every_command_of_the_worst_days_prints_what_the_page_says() {
    let text = std::fs::read_to_string(document()).expect("the document");
    let pages = pages(&text);
    let store = ObjectServer::in_memory().ok();
    let mut printed: Vec<(usize, String, bool)> = Vec::new();
    let (first, rest) = pages.split_first().expect("a first page");
    for page in rest {
        let folder = tempfile::tempdir().expect("a folder");
        for (begin, block) in first
            .blocks
            .iter()
            .map(|block| (true, block))
            .chain(page.blocks.iter().map(|block| (false, block)))
        {
            if block.needs_store && store.is_none() {
                eprintln!("{}: not run, there is no gofakes3", page.title);
                continue;
            }
            let said = run(&block.commands, folder.path(), store.as_ref());
            if !begin {
                if std::env::var_os("UPDATE_GOLDENFILES").is_none() {
                    let expected = block.prints.as_deref().unwrap_or_default();
                    assert_eq!(normal(&said), normal(expected), "{}:\n{}", page.title, block.commands);
                }
                printed.push((block.end, said, block.prints.is_some()));
            }
        }
    }
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        write_again(&text, &printed);
    }
}

fn write_again(text: &str, printed: &[(usize, String, bool)]) {
    let lines: Vec<&str> = text.lines().collect();
    let mut written = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        written.push(lines[at].to_owned());
        if let Some((_, said, has_text)) = printed.iter().find(|(end, ..)| *end == at) {
            if *has_text {
                let length = lines[at + 3..].iter().position(|line| *line == "```").expect("an end");
                at += 3 + length;
            }
            if !said.trim().is_empty() {
                written.extend([
                    "".to_owned(),
                    "```text".to_owned(),
                    said.trim_end().to_owned(),
                    "```".to_owned(),
                ]);
            }
        }
        at += 1;
    }
    std::fs::write(document(), written.join("\n") + "\n").expect("written");
}
