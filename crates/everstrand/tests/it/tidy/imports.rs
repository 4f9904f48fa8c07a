//! Which file of a crate uses which other file of it: circles, imports through the crate's root, and
//! arrows between rooms that run up whatever the order of the rooms.
//!
//! A *room* is a module directly below the crate's root. An arrow goes to the file that defines what is named;
//! a re-export is followed to its origin and is no arrow of its own.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, UseTree, Visibility};

use super::source::{Source, attributes_of, is_for_tests};

/// The most files of a crate for which the fewest arrows that run up are looked for exactly.
const ROOMS_MAX: usize = 20;

/// A path as it is written in a module: `crate::a::B`, `super::c`, `child::D`.
type Segments = Vec<String>;

/// The modules of one crate that have a file of their own.
pub(crate) struct Crate {
    pub(crate) name: String,
    modules: BTreeMap<Segments, Module>,
}

/// Files that all use one another, and by which arrows.
#[derive(Debug)]
pub(crate) struct Circle {
    pub(crate) files: Vec<String>,
    pub(crate) arrows: Vec<String>,
}

struct Module {
    path: String,
    /// What the module names, with the line it stands in.
    names: Vec<(Segments, usize)>,
    /// What it passes on under a name of its own, or all of a module (`*`).
    reexports: BTreeMap<String, Segments>,
    /// What it defines itself.
    defined: BTreeSet<String>,
}

impl Crate {
    /// The crates of the workspace, by the folder below `crates`, without what serves tests alone.
    pub(crate) fn all(sources: &[Source]) -> Vec<Crate> {
        let mut crates: BTreeMap<String, BTreeMap<Segments, Module>> = BTreeMap::new();
        for source in sources.iter().filter(|source| !source.is_test()) {
            let Some((name, file)) =
                source.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
            else {
                continue;
            };
            let name = if file == "main.rs" || file.starts_with("bin/") {
                format!("{name} (program)")
            } else {
                name.to_owned()
            };
            let modules = crates.entry(name).or_default();
            modules.insert(segments_of_file(file), Module::read(source));
        }
        crates.into_iter().map(|(name, modules)| Crate { name, modules }).collect()
    }

    /// Where a path leads: the module that defines what it names.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Segments> {
        let mut at: Segments = from.to_vec();
        let mut rest = path.iter().peekable();
        match rest.peek().map(|segment| segment.as_str()) {
            Some("crate") => {
                at.clear();
                rest.next();
            }
            Some("self") => {
                rest.next();
            }
            Some("super") => {
                while rest.next_if(|segment| *segment == "super").is_some() {
                    at.pop()?;
                }
            }
            Some(child) if self.modules.contains_key(&joined(&at, child)) => {}
            _ => return None,
        }
        while let Some(segment) = rest.next_if(|segment| self.modules.contains_key(&joined(&at, segment))) {
            at.push(segment.clone());
        }
        let module = self.modules.get(&at)?;
        let Some(name) = rest.next() else { return Some(at) };
        if module.defined.contains(name) || depth > 8 {
            return Some(at);
        }
        let onward = module.reexports.get(name).map(|target| {
            let mut target = target.clone();
            target.extend(rest.cloned());
            target
        });
        match onward {
            Some(target) => self.resolve(&at, &target, depth + 1).or(Some(at)),
            None => Some(at),
        }
    }

    /// The arrows between files, each with one line where it starts.
    fn arrows(&self) -> BTreeMap<(&Segments, Segments), usize> {
        let mut arrows = BTreeMap::new();
        for (at, module) in &self.modules {
            for (name, line) in &module.names {
                if let Some(target) = self.resolve(at, name, 0).filter(|target| target != at) {
                    arrows.entry((at, target)).or_insert(*line);
                }
            }
        }
        arrows
    }

    /// The arrows inside a circle, for whoever wants to untie it: from, to, and the line where it starts.
    fn inside(&self, circle: &[usize], nodes: &[&Segments]) -> Vec<String> {
        let within: BTreeSet<&Segments> = circle.iter().map(|at| nodes[*at]).collect();
        self.arrows()
            .iter()
            .filter(|((from, to), _)| within.contains(from) && within.contains(to))
            .map(|((from, to), line)| format!("  {}:{line} uses {}", self.modules[*from].path, to.join("::")))
            .collect()
    }

    /// The sets of two or more files that all use one another, by way of others or not; the largest first.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let arrows = self.arrows();
        let nodes: Vec<&Segments> = self.modules.keys().collect();
        let index: BTreeMap<&Segments, usize> =
            nodes.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        let mut reaches = vec![BTreeSet::new(); nodes.len()];
        for (from, to) in arrows.keys() {
            reaches[index[from]].insert(index[to]);
        }
        for middle in 0..nodes.len() {
            let onward = reaches[middle].clone();
            for reached in reaches.iter_mut().filter(|reached| reached.contains(&middle)) {
                reached.extend(&onward);
            }
        }
        let mut circles = BTreeSet::new();
        for (node, reached) in reaches.iter().enumerate() {
            let circle: Vec<usize> =
                reached.iter().copied().filter(|other| reaches[*other].contains(&node)).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        let mut circles: Vec<Circle> = circles
            .into_iter()
            .map(|circle| Circle {
                arrows: self.inside(&circle, &nodes),
                files: circle.into_iter().map(|at| self.modules[nodes[at]].path.clone()).collect(),
            })
            .collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.files.len()));
        circles
    }

    /// The fewest arrows between rooms that run up, over all orders of the rooms.
    pub(crate) fn arrows_up(&self) -> usize {
        let room = |segments: &Segments| segments.first().cloned().unwrap_or_else(|| "(root)".to_owned());
        let arrows: BTreeSet<(String, String)> = self
            .arrows()
            .keys()
            .map(|(from, to)| (room(from), room(to)))
            .filter(|(from, to)| from != to)
            .collect();
        fewest_up(&arrows)
    }

    /// What is imported through the crate's root although another file defines it.
    pub(crate) fn through_root(&self) -> Vec<String> {
        let mut found = Vec::new();
        let Some(root) = self.modules.get(&Vec::new()) else { return found };
        for (at, module) in self.modules.iter().filter(|(at, _)| !at.is_empty()) {
            for (name, line) in &module.names {
                if let [first, second, ..] = name.as_slice()
                    && first == "crate"
                    && root.reexports.contains_key(second)
                    // `crate::plan::Plan` leads into the module, even where the root passes on a function `plan`.
                    && !self.modules.contains_key(std::slice::from_ref(second))
                    && self.resolve(at, name, 0).is_some_and(|target| !target.is_empty())
                {
                    found.push(format!(
                        "{}:{line}: {} comes through the crate's root",
                        module.path,
                        name.join("::")
                    ));
                }
            }
        }
        found
    }
}

/// The fewest arrows that run up, by trying every order: `best[set]` is the least for the rooms of `set` at the bottom.
fn fewest_up(arrows: &BTreeSet<(String, String)>) -> usize {
    let mut rooms: BTreeSet<&String> = arrows.iter().flat_map(|(from, to)| [from, to]).collect();
    // A room that nothing uses, or that uses nothing, is in no circle.
    loop {
        let idle = rooms.iter().copied().find(|room| {
            let uses = arrows.iter().any(|(from, to)| from == *room && rooms.contains(to));
            let is_used = arrows.iter().any(|(from, to)| to == *room && rooms.contains(from));
            !uses || !is_used
        });
        let Some(idle) = idle else { break };
        rooms.remove(idle);
    }
    let rooms: Vec<&String> = rooms.into_iter().collect();
    assert!(rooms.len() <= ROOMS_MAX, "{} rooms use one another: {rooms:?}", rooms.len());
    let uses: Vec<u32> = rooms
        .iter()
        .map(|from| {
            (0..rooms.len())
                .filter(|to| arrows.contains(&((*from).clone(), rooms[*to].clone())))
                .fold(0, |set, to| set | 1 << to)
        })
        .collect();
    let mut best = vec![u32::MAX; 1 << rooms.len()];
    best[0] = 0;
    for below in 0..best.len() {
        for (room, uses) in uses.iter().enumerate().filter(|(room, _)| below & (1 << room) == 0) {
            // Placed on top of `below`, a room's arrows to all others run up.
            let up = (uses & !u32::try_from(below).expect("at most 20 rooms")).count_ones();
            let set = below | 1 << room;
            best[set] = best[set].min(best[below] + up);
        }
    }
    usize::try_from(best[best.len() - 1]).expect("a small count")
}

fn joined(at: &[String], name: &str) -> Segments {
    at.iter().cloned().chain([name.to_owned()]).collect()
}

/// `commit/mod.rs` is the module `commit`, `lib.rs` the root.
fn segments_of_file(file: &str) -> Segments {
    let file = file.strip_suffix(".rs").expect("a Rust file");
    let file = file.strip_suffix("/mod").unwrap_or(file);
    if matches!(file, "lib" | "main") { Vec::new() } else { file.split('/').map(str::to_owned).collect() }
}

impl Module {
    fn read(source: &Source) -> Module {
        let mut reader = Reader {
            module: Module {
                path: source.path.clone(),
                names: Vec::new(),
                reexports: BTreeMap::new(),
                defined: BTreeSet::new(),
            },
            words: BTreeMap::new(),
        };
        let syntax = source.syntax();
        count_words(syntax.to_token_stream(), &mut reader.words);
        for item in syntax.items.iter().filter(|item| !is_for_tests(attributes_of(item))) {
            reader.define(item);
        }
        reader.visit_file(&syntax);
        reader.module
    }
}

/// Gathers what a file names.
struct Reader {
    module: Module,
    /// How often each word stands in the file.
    words: BTreeMap<String, usize>,
}

impl Reader {
    fn define(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return,
            },
            _ => return,
        };
        self.module.defined.insert(name.to_string());
    }

    fn import(&mut self, before: &Segments, tree: &UseTree, is_reexport: bool) {
        match tree {
            UseTree::Path(path) => {
                self.import(&joined(before, &path.ident.to_string()), &path.tree, is_reexport)
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(before, tree, is_reexport);
                }
            }
            UseTree::Name(name) => self.imported(before, &name.ident, &name.ident, is_reexport),
            UseTree::Rename(rename) => self.imported(before, &rename.ident, &rename.rename, is_reexport),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.module.names.push((before.clone(), line));
            }
        }
    }

    fn imported(&mut self, before: &Segments, name: &syn::Ident, known_as: &syn::Ident, is_reexport: bool) {
        let path = if name == "self" { before.clone() } else { joined(before, &name.to_string()) };
        let known_as =
            if name == "self" { before.last().cloned().unwrap_or_default() } else { known_as.to_string() };
        if is_reexport {
            self.module.reexports.insert(known_as.clone(), path.clone());
            // Passed on and not used here: no arrow of this file.
            if self.words.get(&known_as).copied().unwrap_or(0) < 2 {
                return;
            }
        }
        self.module.names.push((path, name.span().start().line));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        self.import(&Vec::new(), &item.tree, is_reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.module.names.push((segments, path.segments[0].ident.span().start().line));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        paths_in(node.tokens.clone(), &mut self.module.names);
        visit::visit_macro(self, node);
    }
}

/// The paths that begin with `crate` or `super` among tokens that `syn` does not read.
fn paths_in(tokens: TokenStream, names: &mut Vec<(Segments, usize)>) {
    let mut path: Segments = Vec::new();
    let mut line = 0;
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(word) if colons == 2 && !path.is_empty() => path.push(word.to_string()),
            TokenTree::Ident(word) => {
                end(&mut path, line, names);
                if word == "crate" || word == "super" {
                    path.push(word.to_string());
                    line = word.span().start().line;
                }
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' => {
                colons += 1;
                continue;
            }
            TokenTree::Group(group) => {
                end(&mut path, line, names);
                paths_in(group.stream(), names);
            }
            _ => end(&mut path, line, names),
        }
        colons = 0;
    }
    end(&mut path, line, names);
}

fn end(path: &mut Segments, line: usize, names: &mut Vec<(Segments, usize)>) {
    if path.len() > 1 {
        names.push((std::mem::take(path), line));
    }
    path.clear();
}

fn count_words(tokens: TokenStream, words: &mut BTreeMap<String, usize>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => *words.entry(word.to_string()).or_default() += 1,
            TokenTree::Group(group) => count_words(group.stream(), words),
            _ => {}
        }
    }
}
