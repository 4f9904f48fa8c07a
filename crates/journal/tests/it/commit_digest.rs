//! Commit digests that the official Python and Node.js drivers computed.

use everstrand_ion::{Document, text};
use everstrand_journal::{CommitDigest, Hash, statement_digest};

type Said<'a> = (&'a str, &'a [&'a str]);

const TABLES: Said<'static> =
    ("SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'", &[]);
const INSERT: Said<'static> = ("INSERT INTO T ?", &["{a:1,b:\"x\"}"]);

fn check(transaction_id: &str, said: &[Said<'_>], expected: &str) {
    let mut digest = CommitDigest::from_text(transaction_id);
    for (statement, parameters) in said {
        let parameters: Vec<Document> =
            parameters.iter().map(|parameter| Document::from(&text::read_one(parameter).unwrap())).collect();
        digest.add(statement_digest(statement, &parameters));
    }
    assert_eq!(digest.value().to_string(), expected, "{said:?}");
}

#[test]
fn recorded_commits() {
    let id = "HgXAkLjAtV0HQ4lNYdzX60";
    check(id, &[], "bOawGwkxAMRog3KWM00OGSE+AmeqrottTkPCLqg7zao=");
    check(id, &[TABLES], "PeM+QRfB6EXYk4x/oG2JqlTe78U+1c+dWjLASpgENnc=");
    let paged = ("SELECT * FROM paged WHERE a = ? AND b = ?", ["1", "\"x\""]);
    let paged = (paged.0, paged.1.as_slice());
    check(id, &[INSERT, paged, ("nullvals", &[])], "aXOmB+pU6ag/sDowN4zvY7TAtnfS6OlCQNAN+yyJKtc=");
    check(
        id,
        &[("SELECT * FROM paged WHERE a=? AND b=?", &["1", "\"x\""])],
        "5xc9n+wKValR9ksJYtEj62kdzPRiTcKPWfUfJo7L9GE=",
    );
    check(id, &[("nullvals", &[])], "s1ZhWK8N4M8xWuCP625xqPpdBCBDB9JS5NvyeLO/CkE=");
    let failed = ("ERR |400|BadRequestException|x", [].as_slice());
    check(id, &[failed, INSERT], "bAUp5x7XXZDOMVIM5FfBSChAfCE1IARLJuBdqD2bj+U=");
}

#[test]
fn commits_of_two_drivers_that_agree() {
    let id = "Dl1CXmwIOkQ8Vv9bBGIXV3";
    let insert = ("INSERT INTO People ?", ["{name:\"Ann\",age:42}"]);
    let insert = (insert.0, insert.1.as_slice());
    let select = ("SELECT * FROM People WHERE age = ? AND name IN (?, ?)", ["42", "\"Ann\"", "\"Bob\""]);
    let select = (select.0, select.1.as_slice());
    check(id, &[], "F1NIRQ08OVWVLOG8MPj0mMSq28Qi2KjGTXUcgslurAc=");
    check(id, &[TABLES], "eT29FXcHCkWDFK1SK6C6h8SXP1gz/tPJBCRXH1FiOn8=");
    check(id, &[insert], "5PJQ9QWYR8Pm+7dbE5CrpnnBEFVM+wMfo0T0ITZ98L8=");
    check(id, &[insert, select], "pVA0NEmClDbx7gGaC0+3uPxrPmX3/q06wq6sq3L1NKQ=");
    check(id, &[select, insert], "puw4IySxFgPESFkDD1ocjdGqjBJRvZOPvJZ3ljG9Kfo=");
}

#[test]
fn every_type_of_parameter() {
    let id = "KWBzGfCGeAoAeb8hZBRv1V";
    let parameters = [
        "null",
        "null.struct",
        "annotation::0.1",
        "0.2e0",
        "2016-12-20T05:23:43.000000-00:00",
        "{{aGVsbG8=}}",
        "{{\"clob\"}}",
        "(cons 1 2)",
        "[1,2]",
        "abc",
        "{b:2,a:[1,{c:true}]}",
        "-7",
        "1.10",
    ];
    let parameters: Vec<[&str; 1]> = parameters.into_iter().map(|parameter| [parameter]).collect();
    let said: Vec<Said<'_>> = parameters.iter().map(|parameter| ("X ?", parameter.as_slice())).collect();
    check(id, &said, "D3oUPGe7XHfH0joI8MS9lj0wMYq/DqVJg7CWEmeZ2SU=");
    let unicode = ("SELECT '\u{17c}\u{f3}\u{142}w \u{2603} \u{1f512}' FROM \"T\"", [].as_slice());
    check(id, &[unicode], "9n8sjeqhG/97uVkKCo80NW3OzfTX6jmzTXBAPxu9VOU=");
}

#[test]
fn hashes_of_single_values() {
    let known = [
        ("\"HgXAkLjAtV0HQ4lNYdzX60\"", "6ce6b01b093100c468837296334d0e19213e0267aaae8b6d4e43c22ea83bcdaa"),
        ("\"INSERT INTO T ?\"", "d80b84e9a638314cc12ee0760a88bf22657b2b234094ec86382621957c30f93f"),
        ("1", "f089f64ca73b9b160d33f19b07f8d0c97d4e8e4215c0b6b8b836dedcfb65929a"),
        ("\"x\"", "52fcb708306dac99324c4b5e4f326cb5fece61b9a110f9cca86891a2fd84737f"),
        ("{a:1,b:\"x\"}", "3c2fad67883c746973506cc34811b97e44314e0213b19a76b886c65b32d31605"),
    ];
    for (value, expected) in known {
        let hash = Hash(Document::from(&text::read_one(value).unwrap()).ion_hash());
        assert_eq!(hash.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected, "{value}");
    }
}

#[test]
fn the_statement_digest_printed_in_the_developer_guide() {
    let digest = statement_digest("CREATE TABLE VehicleRegistration", &[]);
    assert_eq!(digest.to_string(), "3jeSdejOgp6spJ8huZxDRUtp2fRXRqpOMtG43V0nXg8=");
}
