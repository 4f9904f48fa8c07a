//! `everstrand verify` and `everstrand audit`, run as an auditor runs them: on a ledger's folder, on a server and
//! on files that were saved of it; on what holds, and on what was tampered with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use everstrand::{InProcess, QldbDriver};
use everstrand_ion::{Data, text};
use everstrand_protocol::control::{
    ControlReply, ControlRequest, GetBlockRequest, GetDigestRequest, GetRevisionRequest, IonText,
};
use everstrand_server::config::{CheckpointPlace, Checkpoints, Config, Storage};
use everstrand_server::{Service, ledger_folders};
use everstrand_testkit::data::vector;

/// A ledger in a folder, with what somebody saved of it before more was written.
pub(crate) struct Saved {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) digest: String,
    pub(crate) revision: String,
    pub(crate) revision_proof: String,
    pub(crate) block: String,
    pub(crate) block_proof: String,
}

pub(crate) async fn ledger_and_evidence() -> Saved {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::new(Storage::Folder(folder.path().join("data")));
    let service = Arc::new(Service::open(config).expect("a service"));
    service.create_ledger_unless_it_exists("evidence").expect("a ledger");
    let driver = QldbDriver::builder("evidence")
        .build_over(Arc::new(InProcess::new(service.clone())))
        .expect("a driver");
    run(&driver, "CREATE TABLE Secret").await;
    for number in 0..20 {
        run(&driver, &format!("INSERT INTO Secret {{'word': 'xyzzy', 'number': {number}}}")).await;
    }
    let ControlReply::GetDigest(digest) = service
        .control(ControlRequest::GetDigest(GetDigestRequest { name: "evidence".to_owned() }))
        .expect("a digest")
    else {
        panic!("another reply")
    };
    let row = run(
        &driver,
        "SELECT VALUE [blockAddress, metadata.id] FROM _ql_committed_Secret AS s WHERE s.data.number = 7",
    )
    .await
    .remove(0);
    let row = row.to_value();
    let [address, id] = row.as_sequence().expect("a list") else { panic!("two values") };
    let block_address = IonText::from(text::write(address));
    let tip = Some(digest.digest_tip_address.clone());
    let request = GetRevisionRequest {
        name: "evidence".to_owned(),
        block_address: block_address.clone(),
        document_id: id.as_text().expect("an id").to_owned(),
        digest_tip_address: tip.clone(),
    };
    let ControlReply::GetRevision(revision) =
        service.control(ControlRequest::GetRevision(request)).expect("a revision")
    else {
        panic!("another reply")
    };
    let request = GetBlockRequest { name: "evidence".to_owned(), block_address, digest_tip_address: tip };
    let ControlReply::GetBlock(block) = service.control(ControlRequest::GetBlock(request)).expect("a block")
    else {
        panic!("another reply")
    };
    // The proofs must hold although the journal went on.
    run(&driver, "DELETE FROM Secret AS s WHERE s.number < 10").await;
    driver.close().await;
    service.close();
    let hash = text::write(&Data::Blob(digest.digest).into());
    Saved {
        folder,
        digest: format!("{{digest:{hash},digestTipAddress:{}}}", digest.digest_tip_address.text),
        revision: revision.revision.text,
        revision_proof: revision.proof.expect("a proof").text,
        block: block.block.text,
        block_proof: block.proof.expect("a proof").text,
    }
}

pub(crate) async fn run(driver: &QldbDriver<InProcess>, statement: &str) -> Vec<everstrand_ion::Document> {
    driver
        .execute(|transaction| async move { transaction.execute(statement, ()).await?.fetch_all().await })
        .await
        .expect("a statement")
}

impl Saved {
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    pub(crate) fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        let ledgers = ledger_folders(&self.folder.path().join("data")).expect("a data folder");
        ledgers[0].1.join("journal")
    }

    fn segment(&self) -> PathBuf {
        let mut files: Vec<PathBuf> = fs::read_dir(self.journal())
            .expect("a journal")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
            .collect();
        files.sort();
        files.remove(0)
    }
}

pub(crate) fn everstrand(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_everstrand")).args(arguments).output().expect("the program runs");
    let printed = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code().expect("an exit code"), printed)
}

/// Replaces the first occurrence in a file, which must be there.
fn tamper(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(path).expect("a file");
    let at = bytes.windows(from.len()).position(|window| window == from).expect("what is to be changed");
    bytes[at..at + to.len()].copy_from_slice(to);
    fs::write(path, bytes).expect("written");
}

#[tokio::test]
async fn what_was_saved_verifies_and_what_was_changed_does_not() {
    let saved = ledger_and_evidence().await;
    let digest = saved.file("digest.ion", &saved.digest);
    let revision = saved.file("revision.ion", &saved.revision);
    let proof = saved.file("proof.ion", &saved.revision_proof);
    let (code, printed) =
        everstrand(&["verify", "--digest", &digest, "--revision", &revision, "--proof", &proof]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.trim_end().ends_with("verified"), "{printed}");

    let block = saved.file("block.ion", &saved.block);
    let block_proof = saved.file("block-proof.ion", &saved.block_proof);
    let (code, printed) =
        everstrand(&["verify", "--digest", &digest, "--block", &block, "--proof", &block_proof]);
    assert_eq!(code, 0, "{printed}");

    let forged = saved.file("forged.ion", &saved.revision.replace("number:7", "number:8"));
    let (code, printed) =
        everstrand(&["verify", "--digest", &digest, "--revision", &forged, "--proof", &proof]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("FAILED   the revision's hash"), "the failed step is named: {printed}");

    let (code, printed) =
        everstrand(&["verify", "--digest", &digest, "--revision", &revision, "--proof", &block_proof]);
    assert_eq!(code, 1, "the proof of something else: {printed}");

    let garbage = saved.file("garbage.ion", "{digest: ");
    let (code, printed) = everstrand(&["verify", &garbage]);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("garbage.ion"), "the file is named: {printed}");
    assert_eq!(everstrand(&["verify"]).0, 2, "nothing to verify");
    assert_eq!(everstrand(&["verify", "--digest", "/nowhere/at/all"]).0, 2);
}

#[tokio::test]
async fn an_old_digest_is_the_beginning_of_a_newer_one_or_it_is_not() {
    let saved = ledger_and_evidence().await;
    let (old, data) = (saved.file("old.ion", &saved.digest), saved.data());
    let newer = saved.folder.path().join("newer.ion").display().to_string();
    let (code, printed) = everstrand(&["verify", "--data", &data, "--digest", &old, "--save", &newer]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("up to block 21 is the beginning of that up to block 22"), "{printed}");
    assert_eq!(everstrand(&["verify", "--digest", &old, "--digest", &newer]).0, 0, "offline");
    assert_eq!(everstrand(&["verify", "--data", &data, "--digest", &old, "--digest", &newer]).0, 0);

    // The proof apart from the digest, as a server's answer may have been kept.
    let kept = text::read_one(&fs::read_to_string(&newer).expect("kept")).expect("Ion");
    let part = |name: &str| text::write(kept.get(name).expect("a part"));
    let digest = format!("{{digest:{},digestTipAddress:{}}}", part("digest"), part("digestTipAddress"));
    let digest = saved.file("digest-alone.ion", &digest);
    let proof = saved.file("proof-alone.ion", &part("proof"));
    let apart = ["verify", "--digest", &old, "--digest", &digest, "--proof", &proof];
    assert_eq!(everstrand(&apart).0, 0);
    let (code, printed) = everstrand(&apart[..5]);
    assert_eq!((code, printed.contains("no proof")), (2, true), "{printed}");

    let (code, printed) = everstrand(&["verify", "--digest", &newer, "--digest", &old, "--proof", &proof]);
    assert_eq!((code, printed.contains("give the older one first")), (2, true), "{printed}");
    let (code, printed) = everstrand(&["verify", "--data", &data, "--digest", &newer, "--digest", &old]);
    assert_eq!((code, printed.contains("give the older one first")), (2, true), "{printed}");
    assert_eq!(everstrand(&["verify", "--data", &data]).0, 2, "which digest?");

    // Another past, and another ledger's.
    let hash = text::write(kept.get("digest").expect("a digest"));
    let at = saved.digest.find("{{").expect("a blob");
    let forged = format!("{{digest:{hash}{}", &saved.digest[at + hash.len()..]);
    let forged = saved.file("forged.ion", &forged);
    let (code, printed) = everstrand(&["verify", "--data", &data, "--digest", &forged]);
    assert_eq!((code, printed.contains("FAILED   the journal up to block 21")), (1, true), "{printed}");
    let other = ledger_and_evidence().await;
    let (code, printed) = everstrand(&["verify", "--data", &other.data(), "--digest", &old]);
    assert_eq!((code, printed.contains("the journal of")), (1, true), "{printed}");

    // A journal that is shorter than the digest says.
    let beyond = saved.file("beyond.ion", &saved.digest.replace("sequenceNo:21", "sequenceNo:210"));
    let (code, printed) = everstrand(&["verify", "--data", &data, "--digest", &beyond]);
    assert_eq!((code, printed.contains("blocks are missing")), (1, true), "{printed}");
}

#[tokio::test]
async fn an_audit_finds_what_was_changed_and_what_was_cut_off() {
    let saved = ledger_and_evidence().await;
    let digest = saved.file("digest.ion", &saved.digest);
    let data = saved.data();
    let (code, printed) = everstrand(&["audit", &data, "--digest", &digest]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("the journal agrees with"), "{printed}");

    let (code, printed) = everstrand(&["audit", &data, "--json"]);
    assert_eq!(code, 0, "{printed}");
    let summary: serde_json::Value =
        serde_json::from_str(printed.lines().last().expect("a line")).expect("JSON");
    assert_eq!(summary["summary"]["blocks"], 23, "genesis, a table, 20 inserts, a delete: {printed}");

    let (code, printed) = everstrand(&["audit", &data, "--hashes-only"]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(printed.lines().count(), 24, "{printed}");
    for private in ["xyzzy", "Secret", "word", "INSERT"] {
        assert!(!printed.contains(private), "{private} in {printed}");
    }

    // A journal that was audited before is read from there on, and is longer afterwards or has lost something.
    let memory = saved.folder.path().join("audited.ion").display().to_string();
    assert_eq!(everstrand(&["audit", &data, "--remember", &memory]).0, 0);
    let (code, printed) = everstrand(&["audit", &data, "--remember", &memory, "--json"]);
    assert_eq!((code, printed.contains("\"blocks\":0")), (0, true), "{printed}");

    let segment = saved.segment();
    let whole = fs::read(&segment).expect("a segment");
    tamper(&segment, b"xyzzy", b"xyzzz");
    let (code, printed) = everstrand(&["audit", &data, "--digest", &digest]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("DEVIATION") && printed.contains("slot 2"), "the slot is named: {printed}");
    fs::write(&segment, &whole).expect("restored");

    // The end is cut off: nobody can tell from the rest alone, the digest can.
    let cut = whole.windows(8).rposition(|window| window == b"DELETE F").expect("the last statement") - 200;
    let mut shorter = whole.clone();
    shorter[cut - 3000..].fill(0);
    fs::write(&segment, shorter).expect("written");
    let (without, with) = (everstrand(&["audit", &data]), everstrand(&["audit", &data, "--digest", &digest]));
    assert_eq!(with.0, 1, "{}", with.1);
    assert!(with.1.contains("blocks are missing"), "{}", with.1);
    assert!(
        without.1.contains("cut off at the end would not have been noticed") || without.0 == 1,
        "{}",
        without.1
    );

    assert_eq!(everstrand(&["audit", "/nowhere/at/all"]).0, 2);
    assert_eq!(everstrand(&["audit", &data, "--ledger", "another"]).0, 2);
    let empty = saved.folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let (code, printed) = everstrand(&["audit", &empty.display().to_string()]);
    assert_eq!(code, 2, "{printed}");
}

#[tokio::test]
async fn an_export_made_elsewhere_is_audited() {
    let folder = vector("synthetic-export/journalExport");
    let (code, printed) = everstrand(&["audit", &folder.display().to_string()]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("15 blocks"), "{printed}");
}

#[tokio::test]
async fn signed_checkpoints_show_what_was_cut_off_and_who_vouched_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, published) = (folder.path().join("data"), folder.path().join("published"));
    let mut config = Config::new(Storage::Folder(data.clone()));
    let every = std::time::Duration::from_secs(60);
    config.checkpoints = Some(Checkpoints::new(CheckpointPlace::Folder(published.clone()), every));
    let service = Arc::new(Service::open(config).expect("a service"));
    service.create_ledger_unless_it_exists("evidence").expect("a ledger");
    let driver = QldbDriver::builder("evidence")
        .build_over(Arc::new(InProcess::new(service.clone())))
        .expect("a driver");
    run(&driver, "CREATE TABLE T").await;
    service.publish_checkpoints();
    // Nothing new: no further file.
    service.publish_checkpoints();
    run(&driver, "INSERT INTO T {'n': 1}").await;
    driver.close().await;
    service.close();

    let strand =
        fs::read_dir(&published).expect("published").next().expect("a ledger").expect("an entry").path();
    let mut names: Vec<String> = fs::read_dir(&strand)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    // The lock keeps a second server from publishing here.
    assert_eq!(names, ["00000000000000000001.checkpoint", "key", "latest.checkpoint", "lock"]);
    assert_eq!(
        fs::read(strand.join(&names[2])).expect("latest"),
        fs::read(strand.join(&names[0])).expect("one")
    );
    let checkpoint = strand.join(&names[0]).display().to_string();
    let key = fs::read_to_string(strand.join("key")).expect("a key");
    let data = data.display().to_string();
    let audit = |key: &str| everstrand(&["audit", &data, "--digest", &checkpoint, "--key", key.trim()]);
    let (code, printed) = audit(&key);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("the journal agrees with"), "{printed}");

    // Another's key did not sign it.
    let other =
        everstrand_journal::CheckpointSigner::from_seed("somebody", &[7; 32]).expect("a key").verifier();
    let (code, printed) = audit(&other.to_string());
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("signed by none"), "{printed}");

    // A checkpoint that was changed is signed by nobody.
    let forged = fs::read_to_string(&checkpoint).expect("a checkpoint").replacen("\n2\n", "\n3\n", 1);
    fs::write(&checkpoint, forged).expect("written");
    assert_eq!(audit(&key).0, 2);
}

/// What `docs/samples/README.md` tells a reader to run, and which exit code it promises.
#[test]
fn the_samples_are_as_their_page_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let page = fs::read_to_string(folder.join("README.md")).expect("a page");
    let mut ran = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("everstrand ")) {
        let (command, promise) = line.split_once('#').expect("a promise");
        let promised =
            promise.trim().strip_prefix("exits with ").and_then(|code| code.get(..1)).expect("a code");
        let mut program = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let output = program.args(command.split_whitespace()).current_dir(&folder).output().expect("started");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code().map(|code| code.to_string()).as_deref(),
            Some(promised),
            "{line}: {printed}"
        );
        ran += 1;
    }
    assert_eq!(ran, 5);
}

/// `--report` writes what was checked and what was found, and changes neither the output nor the exit code.
#[test]
fn a_report_is_written_for_who_was_not_there() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let sample = |name: &str| samples.join(name).display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.md").display().to_string();
    for (arguments, code, lines) in [
        (
            vec!["verify".to_owned(), sample("digest.json"), sample("revision-and-proof.json")],
            0,
            vec![
                "# Verification",
                "**Verified**",
                "| the digest covers the block | holds |  |",
                "| version | 0 |",
            ],
        ),
        (
            vec!["verify".to_owned(), sample("digest.json"), sample("tampered-revision.json")],
            1,
            vec!["**NOT VERIFIED**", "| DOES NOT HOLD |", "## What the evidence says of itself"],
        ),
        (
            vec!["audit".to_owned(), sample("export"), "--digest".to_owned(), sample("digest.json")],
            0,
            vec!["# Audit of a journal", "**no deviation**", "the journal agrees with it", "| blocks | 5 |"],
        ),
        (
            vec!["audit".to_owned(), sample("tampered-export"), "--digest".to_owned(), sample("digest.json")],
            1,
            vec!["**DEVIATIONS FOUND**", "## Deviations by check", "| block | check | what was found |"],
        ),
    ] {
        let plain: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let without = everstrand(&plain);
        let with = everstrand(&[&plain[..], &["--report", &report]].concat());
        assert_eq!((with.0, without.0), (code, code), "{}", with.1);
        let written = fs::read_to_string(&report).expect("a report");
        for line in lines {
            assert!(written.contains(line), "{line:?} in {written}");
        }
        assert!(written.contains("## Words"), "{written}");
    }
    // A journal may be audited for hours: that its report cannot be written is known before.
    let (code, printed) = everstrand(&[
        "audit",
        &sample("export"),
        "--report",
        &folder.path().join("no/report.md").display().to_string(),
    ]);
    assert!(code == 2 && !printed.contains("blocks"), "{printed}");
}

#[tokio::test]
async fn a_version_is_verified_out_of_a_folder_and_the_report_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    let run = |arguments: &[&str]| everstrand(&[arguments, &["--data", &data]].concat());
    assert_eq!(run(&["ledger", "create", "cars"]).0, 0);
    let statements = "CREATE TABLE Car; INSERT INTO Car {'n': 1}; UPDATE Car SET n = 2; DELETE FROM Car;";
    let (_, printed) = run(&["shell", "cars", "-c", statements]);
    let id = printed.rsplit("documentId:\"").next().and_then(|rest| rest.get(..22)).expect("an id");
    let verify = |more: &[&str]| run(&[&["verify", "--ledger", "cars", "--document", id], more].concat());
    let (code, printed) = verify(&["--version", "1"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains(&format!("document         {id}\nversion          1\n")), "{printed}");
    let (code, printed) = verify(&["--version", "0", "--json"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("\"verified\":true") && printed.contains("\"version\":\"0\""), "{printed}");
    let (code, printed) = verify(&[]);
    assert!(code == 2 && printed.contains("give --version"), "{printed}");
    let (code, printed) = verify(&["--version", "9"]);
    assert!(code == 2 && printed.contains("no version 9"), "{printed}");
}

/// One file of an export is audited alone, whatever its name is; a file that is no journal is not.
#[test]
fn one_file_of_an_export_is_audited() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let text = |path: &Path| path.display().to_string();
    let file = samples.join("export/2026/11/30/12/30IzcNEuHPuHlIO2cqD4pL.0-4.ion");
    let digest = text(&samples.join("digest.json"));
    let folder = tempfile::tempdir().expect("a folder");
    let renamed = folder.path().join("some journal");
    fs::copy(&file, &renamed).expect("a copy");
    for file in [&file, &renamed] {
        let (code, printed) = everstrand(&["audit", &text(file), "--digest", &digest]);
        assert!(
            code == 0 && printed.contains("blocks 0 to 4") && printed.contains("no deviation"),
            "{printed}"
        );
    }
    let tampered = fs::read_to_string(&file).expect("a file").replacen("sequenceNo:3", "sequenceNo:7", 1);
    fs::write(&renamed, tampered).expect("written");
    let (code, printed) = everstrand(&["audit", &text(&renamed)]);
    assert!(code == 1 && printed.contains("DEVIATION"), "{printed}");
    let manifest = samples.join("export/ADR3RuXRrheCwDvpRfYxcL.started.manifest");
    for (file, why) in
        [(text(&manifest), "holds no blocks"), ("no-such-file".to_owned(), "there is no no-such-file")]
    {
        let (code, printed) = everstrand(&["audit", &file]);
        assert!(code == 2 && printed.contains(why), "{printed}");
    }
}
