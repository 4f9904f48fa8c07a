#!/usr/bin/env bash
# ion-rs 1.2.0 refuses a stream that imports a shared symbol table which it does not have, used or not.
#
# One would expect: where a table is not in the catalog and the import names its size (max_id), its symbols have unknown text and everything else is readable. Imports of "$ion" and with a version below 1 have rules of their own.
# What happens: "symbol table import failed" for the whole stream, also for values that use none of the imported symbols, and for an import of "$ion", which has to be ignored.
# Why it matters: files from systems with shared tables are written so that others can still read most of them. ion-java, ion-go and amazon.ion read them; a Rust program reads nothing.
# Instead: a catalog with an empty shared table of that name and version.
# Source: the specification, docs/symbols.html, "Imports": "substitute a dummy table containing max_id undefined symbols". ion-rs src/lazy/system_reader.rs: every import is looked up in the catalog.
. "$(dirname "$0")/lib.sh"
rust_with 'ion-rs = "=1.2.0"'
cat >main.rs <<'END'
use ion_rs::Element;

fn main() {
    for clause in ["{name: \"absent\", version: 1, max_id: 2}", "{name: \"$ion\", version: 1, max_id: 9}", "{max_id: 2}"] {
        let stream = format!("$ion_symbol_table::{{imports: [{clause}], symbols: [\"amount\"]}} {{amount: 5}}");
        match Element::read_all(&stream) {
            Ok(values) => println!("{clause} {}", values.len()),
            Err(error) => println!("{clause} {}", error.to_string().split(',').next().unwrap()),
        }
    }
}
END
expect "an import before a struct that does not use it, and the number of values or the error" '{name: "absent", version: 1, max_id: 2} symbol table import failed
{name: "$ion", version: 1, max_id: 9} symbol table import failed
{max_id: 2} 1' "$(rust_run)"
