//! Whatever the facade offers shows how it is used: by an example in its documentation that the tests run, or by
//! the name of a program in `examples`, which they run as well.

use syn::{Attribute, Expr, Item, Lit, Meta, UseTree, Visibility};

use super::assert_none;
use super::source::{Source, attributes_of, root};

const FACADE: &str = "crates/everstrand/src/lib.rs";
const EXAMPLES: &str = "crates/everstrand/examples";

/// The text of the documentation in some attributes.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let lines = lines.filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(line) => Some(line.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How many pieces of code there are that the tests compile and run.
fn runnable_examples(documentation: &str) -> usize {
    let fences = documentation.lines().map(str::trim).filter(|line| line.starts_with("```"));
    fences.step_by(2).filter(|fence| matches!(*fence, "```" | "```rust")).count()
}

/// Whether it has code that the tests run, or names a program that they run.
fn shows_its_use(documentation: &str, programs: &[String]) -> bool {
    let has_code = runnable_examples(documentation) > 0;
    let names = |program: &String| documentation.contains(&format!("examples/{program}.rs"));
    has_code || programs.iter().any(names)
}

/// What a `pub use` or another item calls itself.
fn names(item: &Item) -> Vec<String> {
    fn of_tree(tree: &UseTree, names: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => of_tree(&path.tree, names),
            UseTree::Name(name) => names.push(name.ident.to_string()),
            UseTree::Rename(rename) => names.push(rename.rename.to_string()),
            UseTree::Glob(_) => names.push("*".to_owned()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| of_tree(tree, names)),
        }
    }
    let mut found = Vec::new();
    match item {
        Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => of_tree(&item.tree, &mut found),
        Item::Mod(item) if matches!(item.vis, Visibility::Public(_)) => found.push(item.ident.to_string()),
        Item::Fn(item) if matches!(item.vis, Visibility::Public(_)) => found.push(item.sig.ident.to_string()),
        Item::Struct(item) if matches!(item.vis, Visibility::Public(_)) => found.push(item.ident.to_string()),
        Item::Enum(item) if matches!(item.vis, Visibility::Public(_)) => found.push(item.ident.to_string()),
        Item::Trait(item) if matches!(item.vis, Visibility::Public(_)) => found.push(item.ident.to_string()),
        _ => {}
    }
    found
}

fn without_example(facade: &Source, programs: &[String]) -> Vec<String> {
    let syntax = facade.syntax();
    let mut violations: Vec<String> = syntax
        .items
        .iter()
        .flat_map(|item| {
            let shown = shows_its_use(&documentation(attributes_of(item)), programs);
            let names = names(item);
            let is_group = names.len() > 1;
            names.into_iter().filter(move |_| !shown || is_group)
        })
        .map(|name| {
            format!("{}: {name} has no example of its own, and names none in {EXAMPLES}", facade.path)
        })
        .collect();
    if runnable_examples(&documentation(&syntax.attrs)) == 0 {
        violations.push(format!("{}: its front page has no example", facade.path));
    }
    violations
}

/// The programs in the folder of examples that the tests run.
fn programs() -> Vec<String> {
    let tests = std::fs::read_to_string(root().join("crates/everstrand/tests/it/examples.rs"));
    let tests = tests.expect("the test that runs the examples");
    let programs = std::fs::read_dir(root().join(EXAMPLES)).expect("a folder of examples");
    let programs = programs.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    programs
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .filter(|program| tests.contains(&format!("{program}::main()")))
        .collect()
}

#[test]
fn the_facade_shows_how_it_is_used() {
    let programs = programs();
    assert!(programs.len() >= 5, "{programs:?}");
    let text = std::fs::read_to_string(root().join(FACADE)).expect("the facade");
    assert_none(without_example(&Source::new(FACADE, &text), &programs));
}

#[test]
fn planted_silence_is_found() {
    let programs = ["known".to_owned()];
    let count = |text: &str| {
        let text = format!("//! ```\n//! ```\n{text}");
        without_example(&Source::new(FACADE, &text), &programs).len()
    };
    assert_eq!(count("/// As in `examples/known.rs`.\npub use a::B;"), 0);
    assert_eq!(count("/// ```\n/// f();\n/// ```\npub use a::B;"), 0);
    assert_eq!(count("/// ```no_run\n/// f();\n/// ```\npub use a::B;"), 1);
    assert_eq!(count("/// As in `examples/unknown.rs`.\npub use a::B;"), 1);
    assert_eq!(count("/// ```\n/// ```\npub use a::{B, C};"), 2);
    assert_eq!(count("pub mod a;"), 1);
}
