//! A statement as a tree that knows how to become simpler. It prints as Everstrand's and as SQLite's text, which differ
//! in a few words.
//!
//! The generator puts simpler texts beside whatever it chose. So a failing statement shrinks without a parser: one
//! choice after the other is replaced, as long as the statement still fails.

use std::collections::BTreeSet;

use crate::sqlite::value::Scalar;

/// A part of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// The same text for both.
    Text(String),
    /// Everstrand's text and SQLite's.
    Spelled(Box<Tree>, Box<Tree>),
    /// A value, written into the statement.
    Literal(Scalar),
    /// A value, passed as a parameter.
    Parameter(Scalar),
    /// One after the other.
    Sequence(Vec<Tree>),
    /// Those that print anything, with a separator between them.
    List(&'static str, Vec<Tree>),
    /// What was chosen, and what could stand there instead.
    Choice(Box<Tree>, Vec<Tree>),
    /// A construct that the report counts.
    Construct(&'static str, Box<Tree>),
}

/// A statement as both engines read it.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub(crate) ours: String,
    pub(crate) sqlite: String,
    /// By the order of the question marks, which is the same in both texts.
    pub(crate) parameters: Vec<Scalar>,
    pub(crate) constructs: BTreeSet<&'static str>,
}

pub(crate) fn text(text: impl Into<String>) -> Tree {
    Tree::Text(text.into())
}

pub(crate) fn nothing() -> Tree {
    text("")
}

pub(crate) fn spelled(ours: Tree, sqlite: Tree) -> Tree {
    Tree::Spelled(Box::new(ours), Box::new(sqlite))
}

pub(crate) fn construct(name: &'static str, tree: Tree) -> Tree {
    Tree::Construct(name, Box::new(tree))
}

/// The tree, or something simpler, the simplest first.
pub(crate) fn choice(tree: Tree, simpler: Vec<Tree>) -> Tree {
    Tree::Choice(Box::new(tree), simpler)
}

/// A clause that can be left out.
pub(crate) fn optional(tree: Tree) -> Tree {
    choice(tree, vec![nothing()])
}

/// Puts texts and trees together: `sequence!["(", left, " + ", right, ")"]`.
macro_rules! sequence {
    ($($part:expr),+ $(,)?) => {
        $crate::sqlite::tree::Tree::Sequence(vec![$($crate::sqlite::tree::Tree::from($part)),+])
    };
}

pub(crate) use sequence;

impl From<&str> for Tree {
    fn from(words: &str) -> Tree {
        text(words)
    }
}

impl From<String> for Tree {
    fn from(words: String) -> Tree {
        text(words)
    }
}

impl Tree {
    pub(crate) fn print(&self) -> Printed {
        let mut printed = Printed::default();
        self.print_to(&mut printed, true, true);
        printed
    }

    /// Prints for one engine or both. Parameters and constructs are those of Everstrand's text.
    fn print_to(&self, printed: &mut Printed, ours: bool, sqlite: bool) {
        match self {
            Tree::Text(words) => printed.add(words, ours, sqlite),
            Tree::Spelled(one, other) => {
                if ours {
                    one.print_to(printed, true, false);
                }
                if sqlite {
                    other.print_to(printed, false, true);
                }
            }
            Tree::Literal(value) => printed.add(&value.to_string(), ours, sqlite),
            Tree::Parameter(value) => {
                if ours {
                    printed.parameters.push(value.clone());
                    printed.constructs.insert("parameter");
                }
                printed.add("?", ours, sqlite);
            }
            Tree::Sequence(parts) => parts.iter().for_each(|part| part.print_to(printed, ours, sqlite)),
            Tree::List(separator, parts) => {
                let mut is_first = true;
                for part in parts.iter().filter(|part| !part.is_nothing()) {
                    if !is_first {
                        printed.add(separator, ours, sqlite);
                    }
                    is_first = false;
                    part.print_to(printed, ours, sqlite);
                }
            }
            Tree::Choice(chosen, _) => chosen.print_to(printed, ours, sqlite),
            Tree::Construct(name, tree) => {
                if ours {
                    printed.constructs.insert(name);
                }
                tree.print_to(printed, ours, sqlite);
            }
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Tree::Text(words) => words.is_empty(),
            Tree::Choice(tree, _) | Tree::Construct(_, tree) => tree.is_nothing(),
            Tree::Sequence(parts) => parts.iter().all(Tree::is_nothing),
            _ => false,
        }
    }

    /// Whether the other tree is a part of what this one prints.
    pub(crate) fn contains(&self, other: &Tree) -> bool {
        self == other
            || match self {
                Tree::Choice(tree, _) => tree.contains(other),
                _ => self.children().into_iter().any(|child| child.contains(other)),
            }
    }

    /// The simplest tree that still fails, as far as choices lead to it.
    pub(crate) fn shrink(mut self, still_fails: &mut dyn FnMut(&Tree) -> bool) -> Tree {
        let mut place = 0;
        // A choice that was taken over may hold others, so the same place is tried again.
        while let Some(alternatives) = self.alternatives(place) {
            let simpler = (0..alternatives).find_map(|number| {
                let mut candidate = self.clone();
                candidate.replace(&mut place.clone(), number);
                still_fails(&candidate).then_some(candidate)
            });
            match simpler {
                Some(simpler) => self = simpler,
                None => place += 1,
            }
        }
        self
    }

    /// How many alternatives the choice at this place has; nothing after the last choice.
    fn alternatives(&self, place: usize) -> Option<usize> {
        let mut choices = Vec::new();
        self.collect(&mut choices);
        choices.get(place).copied()
    }

    fn collect(&self, choices: &mut Vec<usize>) {
        if let Tree::Choice(_, simpler) = self {
            choices.push(simpler.len());
        }
        self.children().into_iter().for_each(|child| child.collect(choices));
    }

    fn children(&self) -> Vec<&Tree> {
        match self {
            Tree::Text(_) | Tree::Literal(_) | Tree::Parameter(_) => Vec::new(),
            Tree::Spelled(one, other) => vec![one, other],
            Tree::Sequence(parts) | Tree::List(_, parts) => parts.iter().collect(),
            Tree::Choice(tree, _) | Tree::Construct(_, tree) => vec![tree],
        }
    }

    /// Replaces the choice that is so many places ahead; answers whether it was within this tree.
    fn replace(&mut self, ahead: &mut usize, number: usize) -> bool {
        if let Tree::Choice(_, simpler) = self {
            if *ahead == 0 {
                *self = simpler.swap_remove(number);
                return true;
            }
            *ahead -= 1;
        }
        match self {
            Tree::Text(_) | Tree::Literal(_) | Tree::Parameter(_) => false,
            Tree::Spelled(one, other) => one.replace(ahead, number) || other.replace(ahead, number),
            Tree::Sequence(parts) | Tree::List(_, parts) => {
                parts.iter_mut().any(|part| part.replace(ahead, number))
            }
            Tree::Choice(tree, _) | Tree::Construct(_, tree) => tree.replace(ahead, number),
        }
    }
}

impl Printed {
    fn add(&mut self, words: &str, ours: bool, sqlite: bool) {
        if ours {
            self.ours.push_str(words);
        }
        if sqlite {
            self.sqlite.push_str(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{choice, construct, nothing, optional, spelled, text};
    use crate::sqlite::tree::Tree;

    /// Whatever does not matter goes away; whatever matters stays.
    #[test]
    fn a_statement_shrinks_to_what_fails() {
        let condition =
            choice(sequence!["(", text("a"), " AND ", text("bug"), ")"], vec![text("a"), text("bug")]);
        let statement =
            sequence!["SELECT", optional(text(" DISTINCT")), " x", optional(sequence![" WHERE ", condition])];
        let shrunk = statement.shrink(&mut |tree| tree.print().ours.contains("bug"));
        assert_eq!(shrunk.print().ours, "SELECT x WHERE bug");
    }

    #[test]
    fn both_texts_are_printed_and_constructs_counted_once() {
        let length = construct("length", spelled(text("CHAR_LENGTH(s)"), text("length(s)")));
        let list = Tree::List(", ", vec![length.clone(), nothing(), length]);
        let printed = list.print();
        assert_eq!(printed.ours, "CHAR_LENGTH(s), CHAR_LENGTH(s)");
        assert_eq!(printed.sqlite, "length(s), length(s)");
        assert_eq!(printed.constructs.len(), 1);
    }
}
