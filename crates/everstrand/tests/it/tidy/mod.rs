//! The house keeps itself: who imports whom, which files act, how long a file may grow, which files the documents
//! name. Each rule is a function over text, so that a planted violation can be shown to fail.

mod documents;
mod facade;
mod imports;
mod source;

use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use imports::Crate;
use source::{Source, is_for_tests, root, sources};

/// Which crates of ours each crate may import. The whole list: what does not stand here is forbidden.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("everstrand-ion", &[]),
    ("everstrand-protocol", &[]),
    ("everstrand-policy", &[]),
    ("everstrand-sealing", &[]),
    ("everstrand-journal", &["ion"]),
    ("everstrand-partiql", &["ion"]),
    ("everstrand-ledger", &["ion", "partiql", "journal", "sealing"]),
    ("everstrand-driver", &["ion", "journal", "protocol"]),
    ("everstrand-stores", &["journal", "ledger"]),
    ("everstrand-copies", &["ion", "journal", "ledger", "sealing"]),
    ("everstrand-server", &["journal", "ledger", "policy", "protocol", "ion", "sealing"]),
    (
        "everstrand",
        &[
            "ion", "partiql", "journal", "ledger", "protocol", "sealing", "driver", "stores", "copies",
            "server",
        ],
    ),
    ("everstrand-testkit", &["ion", "journal", "ledger", "driver", "protocol"]),
    (
        "everstrand-simulator",
        &["testkit", "ion", "partiql", "journal", "ledger", "protocol", "driver", "server", ""],
    ),
    (
        "everstrand-bench",
        &["testkit", "ion", "partiql", "journal", "ledger", "protocol", "sealing", "driver", "server", ""],
    ),
    ("everstrand-differential", &["testkit", "ion", "ledger"]),
    ("everstrand-fuzz", &["ion", "partiql", "policy", "journal", "ledger", "protocol"]),
    ("everstrand-guard", &["testkit", "ion", "journal", "ledger", "protocol", "server"]),
];

/// The files that may touch the world. Everything else decides and leaves the acting to them.
const EDGES: &[&str] = &[
    "crates/ledger/src/clock.rs",
    "crates/ledger/src/ids.rs",
    "crates/ledger/src/planted.rs",
    "crates/ledger/src/storage/file.rs",
    "crates/ledger/src/storage/fjall_view.rs",
    "crates/ledger/src/storage/sealed_view/mod.rs",
    "crates/ledger/src/storage/sealed_view/pages.rs",
    "crates/ledger/src/ahead.rs",
    "crates/ledger/src/commit/queue.rs",
    "crates/ledger/src/commit/worker.rs",
    "crates/driver/src/http/",
    "crates/driver/src/runtime.rs",
    "crates/driver/src/trust.rs",
    "crates/stores/src/folder/",
    "crates/stores/src/location.rs",
    "crates/stores/src/object/mod.rs",
    "crates/stores/src/probe/",
    "crates/stores/src/sql/",
    "crates/stores/src/threads.rs",
    "crates/sealing/src/key.rs",
    "crates/sealing/src/master.rs",
    "crates/server/src/audit_trail/file.rs",
    "crates/server/src/audit_trail/lines.rs",
    "crates/server/src/http.rs",
    "crates/server/src/http/",
    "crates/server/src/checkpoints/folder.rs",
    "crates/server/src/checkpoints/url.rs",
    "crates/server/src/peers/mod.rs",
    "crates/server/src/data_keys/place.rs",
    "crates/server/src/data_keys/shredding.rs",
    "crates/server/src/descriptors.rs",
    "crates/server/src/kms/client.rs",
    "crates/server/src/kms/keys.rs",
    "crates/server/src/ledgers/folder.rs",
    "crates/server/src/ledgers/mod.rs",
    "crates/server/src/ledgers/opening.rs",
    "crates/server/src/ledgers/shared.rs",
    "crates/server/src/oidc/source.rs",
    "crates/server/src/revisions.rs",
    "crates/server/src/workers.rs",
    "crates/server/src/scheduler/threads.rs",
    "crates/everstrand/",
    "crates/simulator/src/main.rs",
    "crates/simulator/src/planted.rs",
    "crates/testkit/build.rs",
    "crates/testkit/src/data.rs",
    "crates/testkit/src/redb_view.rs",
    "crates/testkit/src/servers.rs",
    "crates/bench/",
    "crates/differential/src/reference/mod.rs",
    "crates/differential/src/sqlite/mod.rs",
    "crates/guard/src/main.rs",
    "crates/guard/src/baseline.rs",
    "crates/guard/src/callgrind.rs",
];

/// What only an edge may say.
const ACTS: &[&str] = &[
    "std::fs",
    "std::net",
    "tokio::net",
    "HttpConnector",
    "SystemTime",
    "Instant::now",
    "getrandom",
    "std::env::var",
    "thread::sleep",
    "thread::spawn",
    "thread::Builder",
    "tokio::time",
    "tokio::spawn",
    "RandomState",
];

/// The longest a source file may be. May only shrink.
const LINES_MAX: usize = 500;

/// The longest a function may be. May only shrink.
const FUNCTION_LINES_MAX: usize = 80;

/// How many files of a crate may use one another. May only shrink.
fn circle_max(name: &str) -> usize {
    match name {
        "ion" | "driver" | "server" | "everstrand" | "partiql" | "simulator" => 2,
        _ => 1,
    }
}

/// How many arrows between the rooms of all crates may run up. May only shrink.
const ARROWS_UP_MAX: usize = 4;

/// How many names may be imported through the root of their crate instead of from the file that defines them. May only shrink.
const THROUGH_ROOT_MAX: usize = 0;

fn acts_outside_edges(source: &Source) -> Vec<String> {
    if source.is_test() || EDGES.iter().any(|edge| source.path.starts_with(edge)) {
        return Vec::new();
    }
    source
        .product_lines()
        .into_iter()
        .flat_map(|(number, line)| {
            ACTS.iter()
                .filter(move |act| line.contains(*act))
                .map(move |act| format!("{}:{number}: {act} outside the edge files", source.path))
        })
        .collect()
}

fn forbidden_imports(name: &str, dependencies: &[String]) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no line in the table of imports")];
    };
    dependencies
        .iter()
        .filter_map(|dependency| {
            let short = dependency.strip_prefix("everstrand").map(|rest| rest.trim_start_matches('-'))?;
            (!allowed.contains(&short)).then(|| format!("{name} imports {dependency}"))
        })
        .collect()
}

fn left_undone(path: &str, source: &str) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("to", "do!(")];
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
        .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
        .collect()
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn imports_run_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON of cargo metadata");
    let mut violations = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let dependencies: Vec<String> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect();
        violations.extend(forbidden_imports(package["name"].as_str().expect("a name"), &dependencies));
    }
    assert_none(violations);
}

/// Whoever embeds a ledger compiles no command line, no line editor and no logger.
#[test]
fn the_library_needs_nothing_of_the_program() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "everstrand", "--no-default-features", "--edges", "normal"])
        .args(["--prefix", "none", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo tree");
    let tree = String::from_utf8(output.stdout).expect("text");
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"everstrand-ledger"), "{}", String::from_utf8_lossy(&output.stderr));
    let of_the_program = ["clap", "rustyline", "tracing-subscriber"];
    assert_none(
        of_the_program.iter().filter(|name| names.contains(name)).map(|name| name.to_string()).collect(),
    );
}

#[test]
fn only_edges_act() {
    assert_none(sources("crates").iter().flat_map(acts_outside_edges).collect());
}

#[test]
fn nothing_is_left_undone() {
    assert_none(
        sources("crates").iter().flat_map(|source| left_undone(&source.path, &source.text)).collect(),
    );
}

#[test]
fn files_stay_short() {
    let long = sources("crates")
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| (&source.path, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines, {LINES_MAX} is the most"))
        .collect();
    assert_none(long);
}

/// The functions of a file that are longer than a reader can keep in mind, without those that test.
struct LongFunctions<'s> {
    path: &'s str,
    found: Vec<String>,
}

impl LongFunctions<'_> {
    fn look_at(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.span().end().line - signature.span().start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            self.found.push(format!(
                "{}:{}: {} has {lines} lines, {FUNCTION_LINES_MAX} is the most",
                self.path,
                signature.span().start().line,
                signature.ident
            ));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            self.look_at(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.look_at(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

#[test]
fn functions_stay_short() {
    let long = sources("crates")
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| {
            let mut functions = LongFunctions { path: &source.path, found: Vec::new() };
            functions.visit_file(&source.syntax());
            functions.found
        })
        .collect();
    assert_none(long);
}

#[test]
fn files_use_one_another_one_way() {
    let crates = Crate::all(&sources("crates"));
    let mut violations = Vec::new();
    let mut through_root = Vec::new();
    let mut arrows_up = 0;
    println!("{:24} {:>14} {:>9}", "crate", "largest circle", "arrows up");
    for each in &crates {
        let circles = each.circles();
        let largest = circles.first().map_or(1, |circle| circle.files.len());
        let up = each.arrows_up();
        arrows_up += up;
        println!("{:24} {largest:>14} {up:>9}", each.name);
        violations.extend(circles.iter().filter(|circle| circle.files.len() > circle_max(&each.name)).map(
            |circle| format!("{} files use one another:\n{}", circle.files.len(), circle.arrows.join("\n")),
        ));
        through_root.extend(each.through_root());
    }
    if through_root.len() > THROUGH_ROOT_MAX {
        violations.extend(through_root);
    }
    if arrows_up > ARROWS_UP_MAX {
        violations.push(format!("{arrows_up} arrows between rooms run up, {ARROWS_UP_MAX} is the most"));
    }
    assert_none(violations);
}

#[test]
fn edges_exist() {
    let gone = EDGES.iter().filter(|edge| !root().join(edge).exists());
    assert_none(gone.map(|edge| format!("the edge {edge} is gone")).collect());
}

#[test]
fn files_begin_with_what_they_are() {
    let silent = sources("crates")
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| format!("{} does not begin with what lives in it", source.path))
        .collect();
    assert_none(silent);
}

#[test]
fn planted_violations_are_found() {
    assert_eq!(forbidden_imports("everstrand-partiql", &["everstrand-journal".into()]).len(), 1);
    assert_eq!(forbidden_imports("everstrand-novel", &[]).len(), 1);
    let acts = |path, text| acts_outside_edges(&Source::new(path, text)).len();
    assert_eq!(acts("crates/ion/src/value.rs", "use std::fs;\n"), 1);
    assert_eq!(acts("crates/ion/src/value.rs", "#[cfg(test)]\nuse std::fs;\n"), 0);
    assert_eq!(acts("crates/ion/src/value.rs", "#[cfg(test)]\nmod tests;\n\nuse std::fs;\n"), 1);
    assert_eq!(acts("crates/ion/src/value.rs", "fn wait() {\n    std::thread::sleep(LONG);\n}\n"), 1);
    assert_eq!(acts("crates/driver/src/http/mod.rs", "use std::net;\n"), 0);
    assert_eq!(left_undone("a.rs", concat!("// FIX", "ME later\n")).len(), 1);

    let sources = [
        ("crates/new/src/lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
        ("crates/new/src/a.rs", "pub struct A(crate::b::B);\nuse crate::b::inner::C;\n"),
        ("crates/new/src/b/mod.rs", "pub mod inner;\npub struct B;\npub use crate::A;\n"),
        ("crates/new/src/b/inner.rs", "use super::B;\nfn f() { let _ = vec![crate::a::A(B)]; }\n"),
    ];
    let sources = sources.map(|(path, text)| Source::new(path, text));
    let new = &Crate::all(&sources)[0];
    assert_eq!(new.circles().len(), 1);
    assert_eq!(new.circles()[0].files, ["crates/new/src/a.rs", "crates/new/src/b/inner.rs"]);
    assert_eq!(new.arrows_up(), 1);
    let used_through_root = [
        ("crates/new/src/lib.rs", "mod a;\nmod b;\npub use a::{A, a};\n"),
        ("crates/new/src/a.rs", "pub struct A;\npub fn a() {}\n"),
        ("crates/new/src/b.rs", "use crate::A;\nuse crate::a::a;\n"),
    ];
    let used_through_root = used_through_root.map(|(path, text)| Source::new(path, text));
    assert_eq!(Crate::all(&used_through_root)[0].through_root().len(), 1);
}
