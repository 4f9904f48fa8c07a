//! Ion text that QLDB sent is printed again with the same bytes.

use everstrand_ion::{Data, Value, text};
use everstrand_testkit::data::evidence;

const FILES: [&str; 4] =
    ["02-streams-block-3.ion", "03-qldb-rest-api.ion", "06-just4give.ion", "07-qldbguide-orders.ion"];

everstrand_testkit::ignored_without_evidence!(what_qldb_printed_is_printed_back);

fn what_qldb_printed_is_printed_back() {
    let mut texts = Vec::new();
    for name in FILES {
        let values = text::read_all(&std::fs::read_to_string(evidence(name)).unwrap()).unwrap();
        values.iter().for_each(|value| collect_texts(value, &mut texts));
    }
    for printed in &texts {
        assert_eq!(text::write(&text::read_one(printed).unwrap()), *printed);
    }
    assert!(texts.len() >= 5, "only {} texts: are the vectors whole?", texts.len());
}

/// The Ion texts in the string fields of QLDB's answers.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match &value.data {
        Data::Struct(fields) => {
            for (name, value) in fields.iter() {
                match (name.text(), value.as_text()) {
                    (Some(name), Some(text)) if name.ends_with("_ion_text") => texts.push(text.to_owned()),
                    _ => collect_texts(value, texts),
                }
            }
        }
        Data::List(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        _ => {}
    }
}
