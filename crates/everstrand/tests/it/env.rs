//! `everstrand env`: what it prints does what it says in a shell.

use std::fs;
use std::process::Command;

use crate::evidence::everstrand;

/// What a POSIX shell prints after it has evaluated the program's output.
fn evaluated(arguments: &str, print: &str) -> String {
    let script = format!("eval \"$({} env {arguments})\" && {print}", env!("CARGO_BIN_EXE_everstrand"));
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", &script])
        .env("AWS_ACCESS_KEY_ID", "before")
        .env_remove("AWS_ENDPOINT_URL_QLDB_SESSION");
    let output = shell.output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_shell_takes_the_variables() {
    let print = "echo $AWS_ENDPOINT_URL_QLDB $AWS_ENDPOINT_URL_QLDB_SESSION $AWS_REGION $AWS_ACCESS_KEY_ID";
    let printed = evaluated("--endpoint http://[::1]:8182", print);
    assert_eq!(printed, "http://[::1]:8182 http://[::1]:8182 us-east-1 local\n");
    assert!(evaluated("", "echo $AWS_ENDPOINT_URL_QLDB").starts_with("http://127.0.0.1:8182"));
}

#[test]
fn keys_in_a_file_take_the_place_of_those_in_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("it's keys");
    fs::write(&file, "[ann]\naws_access_key_id = A\naws_secret_access_key = B\n").expect("written");
    fs::write(folder.path().join("path"), file.display().to_string()).expect("written");
    let file = file.display().to_string().replace('\'', "'\\''");
    let print =
        "echo \"${AWS_ACCESS_KEY_ID-unset} $AWS_PROFILE\" && head -c 5 \"$AWS_SHARED_CREDENTIALS_FILE\"";
    assert_eq!(evaluated(&format!("--access-keys '{file}'"), print), "unset ann\n[ann]");
    let (code, printed) = everstrand(&["env", "--access-keys", "no-such-file"]);
    assert_eq!(code, 2);
    assert!(printed.contains("no-such-file"), "{printed}");
}
