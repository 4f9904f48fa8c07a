//! The program itself, in a short form.

use std::process::Command;

#[test]
fn a_few_queries_and_changes_have_sqlites_answers() {
    let arguments = ["sqlite", "--queries", "60", "--changes", "20"];
    let done = Command::new(env!("CARGO_BIN_EXE_everstrand-differential"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{printed}{}", String::from_utf8_lossy(&done.stderr));
    assert!(printed.contains("60") && printed.contains("20"), "{printed}");
}
