//! Random nested queries over tables of nested documents.

use everstrand_testkit::Random;

use super::case::Case;

/// Documents whose fields are absent, NULL or nested.
pub(crate) const TABLES: &str = "{
  emp: [
    {id: 1, name: \"ana\", dept: 10, pay: 100, tags: [\"x\", \"y\"], addr: {zip: 1, city: \"p\"}},
    {id: 2, name: \"bo\", dept: 10, pay: 50.5, tags: [], addr: {city: \"q\"}},
    {id: 3, name: \"cy\", dept: 20, pay: null, tags: [\"x\"], addr: {zip: null}},
    {id: 4, name: \"di\", dept: 30, tags: null, addr: {zip: 2, city: \"p\"}},
    {id: 5, name: null, dept: 20, pay: 100, tags: [\"z\", null]},
    {id: 6, dept: null, pay: 7, addr: {zip: 1, city: null}},
    {id: 7, name: \"ana\", pay: 50.5, tags: [\"y\", \"x\", \"y\"]}
  ],
  dep: [
    {id: 10, title: \"ops\", budget: 150}, {id: 20, title: \"lab\"}, {id: 30, title: null, budget: 0}, {id: 40, title: \"hr\", budget: 70}
  ]
}";

/// A table's columns: ints (or numbers), texts.
struct Source {
    alias: String,
    numbers: Vec<String>,
    texts: Vec<String>,
}

struct Generator<'r> {
    random: &'r mut Random,
    names: u32,
    depth: u32,
}

pub(crate) fn case(random: &mut Random) -> Case {
    let mut generator = Generator { random, names: 0, depth: 2 };
    let (kind, statement) = generator.query(&[]);
    // The fields of a side without a match are NULL here and MISSING there, and a query can ask which.
    let asks = statement.contains("LEFT JOIN") && statement.contains("MISSING");
    Case {
        construct: format!("query {kind}"),
        kinds: vec![if asks { "left-join-missing" } else { "any" }],
        ours: statement.clone(),
        reference: statement,
        is_strict: false,
    }
}

impl Generator<'_> {
    fn name(&mut self, letter: &str) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        self.random.pick(among).clone()
    }

    /// A query of one of several forms.
    fn query(&mut self, outer: &[Source]) -> (&'static str, String) {
        let (from, sources) = self.from();
        let visible: Vec<&Source> = sources.iter().chain(outer).collect();
        let filter = self.filter(&visible);
        match self.random.below(5) {
            0 => {
                let (number, text) = (self.number(&visible), self.text(&visible));
                ("SELECT", format!("SELECT {number} AS n, {text} AS t FROM {from}{filter}"))
            }
            1 => ("VALUE", format!("SELECT VALUE {} FROM {from}{filter}", self.value(&visible))),
            2 => {
                let aggregates = self.aggregates(&visible);
                ("AGGREGATE", format!("SELECT {aggregates} FROM {from}{filter}"))
            }
            3 => {
                let key = self.key(&sources);
                let aggregates = self.aggregates(&sources.iter().collect::<Vec<_>>());
                ("GROUP", format!("SELECT k, {aggregates} FROM {from}{filter} GROUP BY {key} AS k"))
            }
            _ => {
                let item = self.value(&visible);
                let struct_ = format!("{{'a': {item}, 'b': {}}}", self.number(&visible));
                ("STRUCT", format!("SELECT VALUE {struct_} FROM {from}{filter}"))
            }
        }
    }

    fn from(&mut self) -> (String, Vec<Source>) {
        let (mut from, first) = self.source();
        let mut sources = vec![first];
        if self.random.permille(400) {
            match self.random.below(4) {
                0 if sources[0].alias.starts_with('e') => {
                    let alias = self.name("l");
                    from = format!("{from}, @{}.tags AS {alias}", sources[0].alias);
                    sources.push(Source { texts: vec![alias.clone()], numbers: Vec::new(), alias });
                }
                1 => {
                    let (other, source) = self.source();
                    from = format!("{from}, {other}");
                    sources.push(source);
                }
                kind => {
                    let (other, source) = self.source();
                    let word = if kind == 2 { "JOIN" } else { "LEFT JOIN" };
                    let (one, two) = (self.pick(&sources[0].numbers), self.pick(&source.numbers));
                    from = format!("{from} {word} {other} ON {one} = {two}");
                    sources.push(source);
                }
            }
        }
        (from, sources)
    }

    fn source(&mut self) -> (String, Source) {
        let path =
            |alias: &str, fields: &[&str]| fields.iter().map(|field| format!("{alias}.{field}")).collect();
        match self.random.below(if self.depth > 0 { 5 } else { 4 }) {
            0..=2 => {
                let alias = self.name("e");
                let (numbers, texts) =
                    (path(&alias, &["id", "dept", "pay", "addr.zip"]), path(&alias, &["name", "addr.city"]));
                (format!("emp AS {alias}"), Source { alias, numbers, texts })
            }
            3 => {
                let alias = self.name("d");
                let (numbers, texts) = (path(&alias, &["id", "budget"]), path(&alias, &["title"]));
                (format!("dep AS {alias}"), Source { alias, numbers, texts })
            }
            _ => {
                self.depth -= 1;
                let (from, inner) = self.from();
                let inner: Vec<&Source> = inner.iter().collect();
                let filter = self.filter(&inner);
                let alias = self.name("s");
                let query = match self.random.permille(500) {
                    true => format!("(SELECT VALUE {} FROM {from}{filter}) AS {alias}", self.number(&inner)),
                    false => format!(
                        "(SELECT {} AS n, {} AS t FROM {from}{filter}) AS {alias}",
                        self.number(&inner),
                        self.text(&inner)
                    ),
                };
                let (numbers, texts) = match query.starts_with("(SELECT VALUE") {
                    true => (vec![alias.clone()], Vec::new()),
                    false => (path(&alias, &["n"]), path(&alias, &["t"])),
                };
                (query, Source { alias, numbers, texts })
            }
        }
    }

    fn filter(&mut self, visible: &[&Source]) -> String {
        match self.random.permille(700) {
            true => format!(" WHERE {}", self.condition(visible, 2)),
            false => String::new(),
        }
    }

    fn condition(&mut self, visible: &[&Source], depth: u32) -> String {
        let form = self.random.below(if depth > 0 { 11 } else { 7 });
        match form {
            0 | 1 => {
                let operator = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{} {operator} {}", self.number(visible), self.number(visible))
            }
            2 => format!("{} = {}", self.text(visible), self.text(visible)),
            3 => {
                let what = self.pick(&["IS NULL", "IS NOT NULL", "IS MISSING", "IS NOT MISSING"]);
                format!("{} {what}", self.value(visible))
            }
            4 => format!("{} LIKE {}", self.text(visible), self.pick(&["'%a%'", "'_o'", "'p'"])),
            5 => format!(
                "{} BETWEEN {} AND {}",
                self.number(visible),
                self.random.between(0, 20),
                self.random.between(10, 120)
            ),
            // IN with NULL is NULL here and FALSE in the older version.
            6 => format!("COALESCE({}, 'none') IN (1, 10, 'x', 100)", self.value(visible)),
            7 => {
                format!("({} AND {})", self.condition(visible, depth - 1), self.condition(visible, depth - 1))
            }
            8 => {
                format!("({} OR {})", self.condition(visible, depth - 1), self.condition(visible, depth - 1))
            }
            9 => format!("NOT ({})", self.condition(visible, depth - 1)),
            _ if self.depth > 0 => {
                self.depth -= 1;
                let not = self.pick(&["", "NOT "]);
                format!("{not}EXISTS({})", self.values(visible))
            }
            _ => self.condition(visible, 0),
        }
    }

    /// A query of values, which may name the rows around it.
    fn values(&mut self, outer: &[&Source]) -> String {
        let (from, sources) = self.from();
        let visible: Vec<&Source> = sources.iter().chain(outer.iter().copied()).collect();
        let filter = self.filter(&visible);
        format!("SELECT VALUE {} FROM {from}{filter}", self.number(&sources.iter().collect::<Vec<_>>()))
    }

    fn number(&mut self, visible: &[&Source]) -> String {
        let among: Vec<String> = visible.iter().flat_map(|source| source.numbers.clone()).collect();
        match self.random.below(10) {
            0 => self.random.between(0, 40).to_string(),
            1 => format!("({} + {})", self.leaf(&among, "1"), self.random.between(1, 9)),
            2 => format!("({} * 2)", self.leaf(&among, "1")),
            3 => format!("COALESCE({}, {})", self.leaf(&among, "1"), self.random.between(0, 9)),
            4 if self.depth > 0 => {
                self.depth -= 1;
                format!("SIZE(({}))", self.values(visible))
            }
            _ => self.leaf(&among, "3"),
        }
    }

    fn text(&mut self, visible: &[&Source]) -> String {
        let among: Vec<String> = visible.iter().flat_map(|source| source.texts.clone()).collect();
        match self.random.below(8) {
            0 => self.pick(&["'ana'", "'x'", "'p'"]).to_owned(),
            1 => format!("UPPER({})", self.leaf(&among, "'a'")),
            2 => format!("({} || '!')", self.leaf(&among, "'a'")),
            _ => self.leaf(&among, "'y'"),
        }
    }

    fn value(&mut self, visible: &[&Source]) -> String {
        match self.random.permille(600) {
            true => self.number(visible),
            false => self.text(visible),
        }
    }

    fn leaf(&mut self, among: &[String], otherwise: &str) -> String {
        if among.is_empty() { otherwise.to_owned() } else { self.pick(among) }
    }

    fn key(&mut self, sources: &[Source]) -> String {
        let among: Vec<String> =
            sources.iter().flat_map(|source| source.numbers.iter().chain(&source.texts).cloned()).collect();
        self.pick(&among)
    }

    fn aggregates(&mut self, visible: &[&Source]) -> String {
        let numbers: Vec<String> = visible.iter().flat_map(|source| source.numbers.clone()).collect();
        let of = self.leaf(&numbers, "1");
        let function = self.pick(&["SUM", "MIN", "MAX", "COUNT", "AVG"]);
        format!("COUNT(*) AS c, {function}({of}) AS f")
    }
}
