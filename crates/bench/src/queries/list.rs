//! The queries, and the tables that they ask.

use everstrand_testkit::Random;

/// A query and what it asks of us and of SQLite.
pub(super) struct Query {
    pub(super) what: &'static str,
    /// What we are asked.
    pub(super) text: &'static str,
    /// What SQLite is asked, if its dialect needs another text.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "only SQLite reads it"))]
    pub(super) sqlite: Option<&'static str>,
    /// Whether the order of the rows is part of the answer.
    pub(super) ordered: bool,
}

const fn query(what: &'static str, text: &'static str) -> Query {
    Query { what, text, sqlite: None, ordered: false }
}

const fn ordered(what: &'static str, text: &'static str) -> Query {
    Query { ordered: true, ..query(what, text) }
}

const fn other_in_sqlite(what: &'static str, text: &'static str, sqlite: &'static str) -> Query {
    Query { sqlite: Some(sqlite), ..query(what, text) }
}

/// All queries. `big` and `large` have as many documents as the run says, `small` a hundredth. `lines` names documents
/// of `large` by their ids.
pub(super) const QUERIES: &[Query] = &[
    query(
        "join on an expression, small × large",
        "SELECT a.id AS i, b.id AS j FROM small AS a JOIN large AS b ON a.k + 1 = b.k",
    ),
    query(
        "three sources, the smallest last",
        "SELECT a.id AS i, b.id AS j FROM big AS a, large AS b, small AS s WHERE a.k = s.k AND b.k = s.k",
    ),
    query(
        "correlated EXISTS",
        "SELECT a.id AS i FROM small AS a WHERE EXISTS (SELECT b.id FROM large AS b WHERE b.k = a.k AND b.v < 50000)",
    ),
    query(
        "correlated scalar sub-query",
        "SELECT a.id AS i, (SELECT MAX(b.v) FROM large AS b WHERE b.k = a.k) AS m FROM small AS a",
    ),
    query("join all × all", "SELECT a.id AS i, b.id AS j FROM big AS a JOIN large AS b ON a.k = b.k"),
    query(
        "join all × all, SUM of both",
        "SELECT SUM(a.v + b.v) AS s FROM big AS a JOIN large AS b ON a.k = b.k",
    ),
    query("join small × all", "SELECT a.id AS i, b.id AS j FROM small AS a JOIN large AS b ON a.k = b.k"),
    query("join all × small", "SELECT a.id AS i, b.id AS j FROM large AS a JOIN small AS b ON a.k = b.k"),
    query(
        "join all × all, a condition on the second",
        "SELECT a.id AS i, b.id AS j FROM big AS a JOIN large AS b ON a.k = b.k WHERE b.id = 777",
    ),
    query(
        "LEFT JOIN all × all",
        "SELECT a.id AS i, b.v AS j FROM big AS a LEFT JOIN large AS b ON a.k = b.k",
    ),
    query(
        "join on two fields",
        "SELECT a.id AS i, b.id AS j FROM big AS a JOIN large AS b ON a.k = b.k AND a.g = b.g",
    ),
    query("join by <, small × small", "SELECT COUNT(*) AS n FROM small AS a JOIN small AS b ON a.k < b.k"),
    query(
        "GROUP BY over a join",
        "SELECT a.g AS g, COUNT(*) AS n, SUM(b.v) AS s FROM big AS a JOIN large AS b ON a.k = b.k GROUP BY a.g",
    ),
    other_in_sqlite(
        "documents by id from another table",
        "SELECT d.id AS i FROM lines AS s, large AS d BY d_id WHERE d_id = s.d AND d.g < 500",
        "SELECT d.id AS i FROM lines AS s, large AS d WHERE d.d_id = s.d AND d.g < 500",
    ),
    query("IN (sub-query)", "SELECT b.id AS i FROM large AS b WHERE b.k IN (SELECT a.k FROM small AS a)"),
    query(
        "NOT IN (sub-query)",
        "SELECT COUNT(*) AS n FROM large AS b WHERE b.k NOT IN (SELECT a.k FROM small AS a)",
    ),
    query("= (SELECT MAX)", "SELECT id FROM big AS a WHERE a.v = (SELECT MAX(b.v) FROM large AS b)"),
    query("MAX of a field", "SELECT MAX(v) AS m FROM big"),
    query("MIN and MAX of a field", "SELECT MIN(v) AS l, MAX(v) AS m FROM big"),
    query("COUNT of all", "SELECT COUNT(*) AS n FROM big"),
    query("COUNT with a condition", "SELECT COUNT(*) AS n FROM big WHERE v < 10000"),
    query("COUNT(DISTINCT)", "SELECT COUNT(DISTINCT v) AS n FROM big"),
    query("DISTINCT, 1,000 values", "SELECT DISTINCT g FROM big"),
    query("one row by =", "SELECT id, k, s FROM big WHERE k = 4711"),
    query("100 rows by =", "SELECT id, k, s FROM big WHERE g = 4"),
    query("range of 1 %", "SELECT id, v FROM big WHERE v BETWEEN 20000 AND 20999"),
    query("OR over two fields", "SELECT id, k, v FROM big WHERE k = 4711 OR v = 815"),
    query("OR of ranges", "SELECT id, v FROM big WHERE v < 100 OR v > 99900"),
    query("IN (10 values)", "SELECT id, k FROM big WHERE k IN (1, 11, 111, 1111, 2, 22, 222, 2222, 3, 33)"),
    query("LIKE '%99%'", "SELECT id, s FROM big WHERE s LIKE '%99%'"),
    query("LIKE 's0123%'", "SELECT id, s FROM big WHERE s LIKE 's0123%'"),
    ordered("ORDER BY LIMIT 10", "SELECT id, v FROM big ORDER BY id LIMIT 10"),
    ordered("ORDER BY DESC LIMIT 10", "SELECT id, v FROM big ORDER BY id DESC LIMIT 10"),
    ordered("ORDER BY two fields LIMIT 10", "SELECT id, g, v FROM big ORDER BY g, id LIMIT 10"),
    ordered("ORDER BY LIMIT 10 OFFSET 50000", "SELECT id, v FROM big ORDER BY id LIMIT 10 OFFSET 50000"),
    ordered("ORDER BY all", "SELECT id, v FROM big ORDER BY v, id"),
    query("full scan with a condition", "SELECT id, v FROM big WHERE p = 4"),
    query("SUM, AVG, MIN, MAX", "SELECT SUM(v) AS s, AVG(p) AS a, MIN(p) AS l, MAX(p) AS m FROM big"),
    query("GROUP BY, 1,000 groups", "SELECT g, COUNT(*) AS n, SUM(v) AS s FROM big GROUP BY g"),
    query("GROUP BY, 63,000 groups", "SELECT v, COUNT(*) AS n, SUM(p) AS s FROM big GROUP BY v"),
    query("all rows", "SELECT id, k, g, v, p, s FROM big"),
];

/// The tables: their names, and the part of the documents that each has.
pub(super) const TABLES: [(&str, u64); 3] = [("big", 1), ("large", 1), ("small", 100)];
/// The fields of their documents that are indexed, each by itself.
pub(super) const INDEXED: [&str; 5] = ["id", "k", "g", "v", "s"];
/// How many documents of `large` the table `lines` names.
pub(super) const LINES: u64 = 20;

/// One document of one of the three tables.
pub(super) struct Fields {
    /// Its place in the table.
    pub(super) id: i64,
    /// Another number for each document.
    pub(super) k: i64,
    /// One of a thousand values.
    pub(super) g: i64,
    /// A random number below the number of documents.
    pub(super) v: i64,
    /// One of a thousand values; never indexed.
    pub(super) p: i64,
    /// A text of a random number.
    pub(super) s: String,
}

impl Fields {
    /// The document of a place, the same in every run.
    pub(super) fn of(table: &str, id: u64, documents: u64) -> Fields {
        let mut random = Random::new(id * 8 + table.len() as u64);
        Fields {
            id: id.cast_signed(),
            k: (id.wrapping_mul(7919) % documents.max(1)).cast_signed(),
            g: random.below(1000).cast_signed(),
            v: random.below(documents.max(1)).cast_signed(),
            p: random.below(1000).cast_signed(),
            s: format!("s{:06}", random.below(documents.max(1))),
        }
    }
}
