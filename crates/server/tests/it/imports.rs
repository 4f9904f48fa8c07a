//! ImportJournal: a ledger that begins with the blocks of another one, which arrive in parts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use everstrand_ion::{Document, text};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{ForeignBlock, Hash, Slot, SlotContent, SlotHeader, UniqueId, WriterId};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};
use serde_json::{Value, json};

use super::ledgers::{count, insert, run};
use super::{error, json as body, send, service, service_and_clock};

/// A journal as a client sends it: its blocks, one a part, and its digest.
struct Journal {
    blocks: Vec<String>,
    digest: Value,
}

impl Journal {
    /// The journal of a ledger with a table of three rows.
    async fn of_three_rows(service: &Service) -> Journal {
        service.create_ledger_unless_it_exists("source").expect("a ledger");
        run(service, "source", "CREATE TABLE t").await.expect("a table");
        insert(service, "source", 0..3).await;
        let digest = digest(service, "source").await;
        let mut blocks = Vec::new();
        let tip = digest["DigestTipAddress"]["IonText"].as_str().expect("an address");
        // The first block, the table's, and one for each row.
        for number in 0..5 {
            let address = tip.replace("sequenceNo:4", &format!("sequenceNo:{number}"));
            let asked = json!({"BlockAddress": {"IonText": address}}).to_string();
            let found = body(&send(service, "POST", "/ledgers/source/block", None, asked.as_bytes()).await);
            blocks.push(found["Block"]["IonText"].as_str().expect("a block").to_owned());
        }
        Journal { blocks, digest }
    }

    /// The blocks in the form of slots, in base64.
    fn parts(&self) -> Vec<String> {
        let (mut frontier, mut previous_link) = (Frontier::empty(), Hash([0; 32]));
        let mut parts = Vec::new();
        for (block, number) in self.blocks.iter().zip(0..) {
            let value = Document::from(&text::read_one(block).expect("Ion"));
            let block = ForeignBlock::new(value, None, None).expect("a block");
            let header = SlotHeader {
                strand_id: block.address().strand_id,
                slot: number,
                writer: WriterId { id: UniqueId::default(), attempt: number },
                previous_link,
                first_block_no: block.address().sequence_no,
            };
            let slot = Slot::new(header, &frontier, SlotContent::Foreign(vec![block])).expect("a slot");
            (frontier, previous_link) = (slot.frontier().clone(), slot.link());
            parts.push(STANDARD.encode(slot.encode().expect("bytes")));
        }
        parts
    }
}

async fn digest(service: &Service, ledger: &str) -> Value {
    body(&send(service, "POST", &format!("/ledgers/{ledger}/digest"), None, b"").await)
}

/// One step; an error is its status, its name and its message.
async fn step(service: &Service, ledger: &str, step: Value) -> Result<String, (u16, String, String)> {
    let answer =
        send(service, "POST", &format!("/ledgers/{ledger}/import"), None, step.to_string().as_bytes()).await;
    match answer.status {
        200 => Ok(body(&answer)["ImportId"].as_str().expect("an id").to_owned()),
        _ => Err(error(&answer)),
    }
}

async fn begin(service: &Service, ledger: &str) -> String {
    step(service, ledger, json!({"Step": "BEGIN"})).await.expect("it begins")
}

fn blocks(id: &str, part: usize, bytes: &str) -> Value {
    json!({"Step": "BLOCKS", "ImportId": id, "Part": part, "Blocks": bytes})
}

fn finish(id: &str, digest: &Value) -> Value {
    let (hash, tip) = (&digest["Digest"], &digest["DigestTipAddress"]);
    json!({"Step": "FINISH", "ImportId": id, "Digest": hash, "DigestTipAddress": tip})
}

async fn exists(service: &Service, ledger: &str) -> bool {
    send(service, "GET", &format!("/ledgers/{ledger}"), None, b"").await.status == 200
}

/// The new ledger has the rows and the digest of the old one, other ledgers work meanwhile, and the import's id ends with it.
#[tokio::test]
async fn blocks_that_arrive_in_parts_become_a_ledger() {
    let service = service();
    let journal = Journal::of_three_rows(&service).await;
    let id = begin(&service, "copy").await;
    for (part, bytes) in journal.parts().iter().enumerate() {
        assert_eq!(step(&service, "copy", blocks(&id, part, bytes)).await, Ok(id.clone()));
        let described = body(&send(&service, "GET", "/ledgers/copy", None, b"").await);
        assert_eq!(described["State"], "CREATING");
        assert_eq!(count(&service, "source").await, 3, "another ledger works meanwhile");
    }
    assert_eq!(step(&service, "copy", finish(&id, &journal.digest)).await, Ok(id.clone()));
    assert_eq!(digest(&service, "copy").await, journal.digest);
    assert_eq!(count(&service, "copy").await, 3);
    insert(&service, "copy", 3..4).await;
    assert_eq!(count(&service, "copy").await, 4);
    let (status, name, message) =
        step(&service, "copy", finish(&id, &journal.digest)).await.expect_err("over");
    assert_eq!((status, name.as_str()), (404, "ResourceNotFoundException"), "{message}");
    let (status, name, _) = step(&service, "copy", json!({"Step": "BEGIN"})).await.expect_err("it exists");
    assert_eq!((status, name.as_str()), (409, "ResourceAlreadyExistsException"));
}

/// The server trusts no client: it computes all hashes itself, and what does not hold leaves no ledger.
#[tokio::test]
async fn what_does_not_hold_leaves_no_ledger() {
    let service = service();
    let mut journal = Journal::of_three_rows(&service).await;
    let parts = journal.parts();
    let (whole, mut other) = (journal.digest.clone(), journal.digest.clone());
    other["Digest"] = json!(STANDARD.encode([7; 32]));
    let before = journal.blocks[3].clone();
    journal.blocks[3] = before.replacen("n:1", "n:8", 1);
    assert_ne!(journal.blocks[3], before);
    let changed = journal.parts();
    for (sent, digest, why) in [
        (&[(1, &parts[0])][..], &whole, "part 0 was to come"),
        (&[(0, &parts[0]), (0, &parts[0])], &whole, "part 1 was to come"),
        (&[(0, &parts[0]), (1, &parts[2])], &whole, "the journal deviates: block 2: "),
        (&[(0, &"AAAA".to_owned())], &whole, "part 0: "),
        (
            &[(0, &changed[0]), (1, &changed[1]), (2, &changed[2]), (3, &changed[3])],
            &whole,
            "the journal deviates: block 3: ",
        ),
        (&[(0, &parts[0]), (1, &parts[1])], &whole, "the digest is not that of the blocks"),
        (
            &[(0, &parts[0]), (1, &parts[1]), (2, &parts[2]), (3, &parts[3]), (4, &parts[4])],
            &other,
            "the digest is not that of the blocks",
        ),
        (&[], &whole, "the digest is not"),
    ] {
        let id = begin(&service, "copy").await;
        let mut ended = Ok(String::new());
        for (part, bytes) in sent {
            ended = step(&service, "copy", blocks(&id, *part, bytes)).await;
        }
        if ended.is_ok() {
            ended = step(&service, "copy", finish(&id, digest)).await;
        }
        let (status, name, message) = ended.expect_err(why);
        assert_eq!((status, name.as_str()), (400, "InvalidParameterException"), "{message}");
        assert!(message.contains(why), "{why}: {message}");
        assert!(!exists(&service, "copy").await, "{why}");
    }
    // Who accepts deviations gets them.
    let accepting = json!({"Step": "BEGIN", "AcceptDeviations": true});
    let id = step(&service, "copy", accepting).await.expect("it begins");
    for (part, bytes) in changed.iter().enumerate() {
        step(&service, "copy", blocks(&id, part, bytes)).await.expect("taken");
    }
    step(&service, "copy", finish(&id, &whole)).await.expect("a ledger");
    let row = run(&service, "copy", "SELECT n FROM t WHERE n = 8").await.expect("rows");
    assert_eq!(row.values.len(), 1);
}

/// The name is free again after an import was given up, two imports may run at a time, and each has its ledger's name.
#[tokio::test]
async fn imports_are_few_and_can_be_given_up() {
    let service = service();
    let abandon = |id: &str| json!({"Step": "ABANDON", "ImportId": id});
    let (one, two) = (begin(&service, "one").await, begin(&service, "two").await);
    let refused = step(&service, "three", json!({"Step": "BEGIN"})).await.expect_err("two run");
    assert_eq!(refused.1, "LimitExceededException", "{}", refused.2);
    let foreign = step(&service, "two", abandon(&one)).await.expect_err("it is of another ledger");
    assert_eq!(foreign.0, 404);
    for (ledger, id) in [("one", &one), ("two", &two)] {
        step(&service, ledger, abandon(id)).await.expect("given up");
        assert!(!exists(&service, ledger).await);
    }
    let again = begin(&service, "one").await;
    step(&service, "one", abandon(&again)).await.expect("given up");
    for (wrong, why) in [
        (json!({}), "Step"),
        (json!({"Step": "begin"}), "Step"),
        (json!({"Step": "BLOCKS", "ImportId": one}), "Part"),
        (json!({"Step": "BLOCKS", "ImportId": one, "Part": 0, "Blocks": "?"}), "Blocks"),
        (json!({"Step": "FINISH", "ImportId": one, "Digest": ""}), "DigestTipAddress"),
    ] {
        let (status, _, message) = step(&service, "one", wrong).await.expect_err(why);
        assert!(status == 400 && message.contains(&format!("The parameter {why} ")), "{message}");
    }
}

/// A service that stops gives imports up before it lets go of its folder.
#[tokio::test]
async fn a_stop_ends_an_import_without_a_ledger() {
    let source = service();
    let journal = Journal::of_three_rows(&source).await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = |seed| {
        let (service, _) = service_and_clock(Config::new(Storage::Folder(folder.path().to_owned())), seed);
        Arc::new(service)
    };
    let stopping = open(901);
    let id = begin(&stopping, "copy").await;
    step(&stopping, "copy", blocks(&id, 0, &journal.parts()[0])).await.expect("taken");
    stopping.close();
    let next = open(902);
    assert!(!exists(&next, "copy").await);
    let folders = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let left: Vec<_> = folders.filter(|entry| entry.path().is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
    next.close();
}
