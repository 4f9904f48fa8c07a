//! Every operator, CAST and function over values of all kinds.

use super::case::Case;

/// A kind and values of it. The words are those of the list of known differences.
const VALUES: &[(&str, &[&str])] = &[
    ("null", &["NULL", "`null.int`"]),
    ("missing", &["MISSING"]),
    ("bool", &["TRUE", "FALSE"]),
    ("int", &["0", "1", "-1", "3", "10", "255", "9223372036854775807"]),
    ("decimal", &["1.0", "1.5", "-0.5", "0.0", "2.50", "1e2", "12345678901234567890.123", "`-0.`"]),
    ("float", &["`1e0`", "`1.1e0`", "`0e0`", "`-2.5e0`", "`1e308`"]),
    ("nan", &["`nan`"]),
    ("inf", &["`+inf`"]),
    (
        "text",
        &[
            "''",
            "'a'",
            "'b'",
            "'ab'",
            "'A%'",
            "'1'",
            "'1.5'",
            "' 7 '",
            "'true'",
            "'2020-01-01T'",
            "'é😁'",
            "`sym`",
        ],
    ),
    (
        "timestamp",
        &[
            "`2020T`",
            "`2020-02-28T`",
            "`2020-02-28T10:00Z`",
            "`2020-02-28T11:00+01:00`",
            "`2020-02-28T10:00:00.500-00:00`",
        ],
    ),
    ("blob", &["`{{aGk=}}`"]),
    ("clob", &["`{{\"hi\"}}`"]),
    ("list", &["[]", "[1]", "[1, 2]", "['a', NULL]"]),
    ("sexp", &["`(1 2)`"]),
    ("bag", &["<<>>", "<<1>>"]),
    ("struct", &["{}", "{'a': 1}", "{'a': 1, 'b': 2}"]),
];

/// `#` stands for the first operand and `@` for the second.
const BINARY: &[&str] = &[
    "+ # + @",
    "- # - @",
    "* # * @",
    "/ # / @",
    "% # % @",
    "= # = @",
    "<> # <> @",
    "< # < @",
    "<= # <= @",
    "> # > @",
    ">= # >= @",
    "|| # || @",
    "AND # AND @",
    "OR # OR @",
    "IN # IN @",
    "NOT-IN # NOT IN @",
    "LIKE # LIKE @",
    "ESCAPE # LIKE '%' ESCAPE @",
    "BETWEEN # BETWEEN @ AND 3",
    "BETWEEN-TEXT 'ab' BETWEEN # AND @",
    "CASE CASE WHEN # THEN @ END",
    "CASE-OF CASE # WHEN @ THEN 'y' ELSE 'n' END",
    "NULLIF NULLIF(#, @)",
    "COALESCE COALESCE(#, @)",
    "INDEX (#)[@]",
    "LIST [#, @]",
    "STRUCT {'a': #, 'b': @}",
    "NAME {#: @}",
    "ROW (#, @) = (1, 'a')",
    "IN-LIST 1 IN (#, @)",
    "SUBSTRING SUBSTRING(#, @)",
    "SUBSTRING3 SUBSTRING(#, @, 2)",
    "SUBSTRING-LENGTH SUBSTRING(#, 1, @)",
    "TRIM-OF TRIM(BOTH # FROM @)",
    "DATE_ADD DATE_ADD(month, #, @)",
    "DATE_DIFF DATE_DIFF(day, #, @)",
    "TO_STRING TO_STRING(#, @)",
    "TO_TIMESTAMP TO_TIMESTAMP(#, @)",
];

const UNARY: &[&str] = &[
    "NEGATIVE -(#)",
    "POSITIVE +(#)",
    "NOT NOT #",
    "IS-NULL # IS NULL",
    "IS-MISSING # IS MISSING",
    "FIELD (#).a",
    "STAR (#).*",
    "ELEMENTS (#)[*]",
    "CHAR_LENGTH CHAR_LENGTH(#)",
    "LOWER LOWER(#)",
    "UPPER UPPER(#)",
    "TRIM TRIM(#)",
    "SIZE SIZE(#)",
    "EXISTS EXISTS(#)",
    "TO_TIMESTAMP1 TO_TIMESTAMP(#)",
    "DATE_ADD1 DATE_ADD(day, 31, #)",
    "EXTRACT-YEAR EXTRACT(year FROM #)",
    "EXTRACT-DAY EXTRACT(day FROM #)",
    "EXTRACT-HOUR EXTRACT(hour FROM #)",
    "EXTRACT-ZONE EXTRACT(timezone_hour FROM #)",
    "TO_STRING1 TO_STRING(#, 'yyyy-MM-dd HH:mm:ss')",
    "TO_STRING2 TO_STRING(#, 'MMMM d, y h:mm a')",
];

const TYPES: &[&str] = &[
    "BOOL",
    "INT",
    "DECIMAL",
    "FLOAT",
    "STRING",
    "SYMBOL",
    "TIMESTAMP",
    "LIST",
    "SEXP",
    "BAG",
    "STRUCT",
    "BLOB",
    "CLOB",
];

/// Letters of formats of timestamps, and how many of each stand together.
const LETTERS: &[(char, &[usize])] = &[
    ('y', &[1, 2, 4]),
    ('M', &[1, 2, 3, 4]),
    ('d', &[1, 2]),
    ('a', &[1]),
    ('h', &[1, 2]),
    ('H', &[1, 2]),
    ('m', &[1, 2]),
    ('s', &[1, 2]),
    ('S', &[1, 3, 6]),
    ('n', &[1]),
    ('X', &[1, 2, 3]),
    ('x', &[1, 2, 3]),
];

/// Formats of several letters.
const FORMATS: &[&str] = &["yyyy-MM-dd", "d MMM yyyy HH:mm", "y''T''M"];

/// Texts that CAST reads as numbers, or does not.
const NUMERALS: &[&str] = &[
    "0",
    "-0",
    "+5",
    "007",
    "1_000",
    "0x1F",
    "0b101",
    "1.",
    ".5",
    "1e5",
    "1E-5",
    "1d3",
    "-1.50",
    "1e400",
    "99999999999999999999",
    "NaN",
    "nan",
    "+inf",
    "Infinity",
    "1,5",
    "1 2",
    "",
    " ",
    "--1",
    "1e",
    "abc",
    "true",
    "1.5.2",
];

pub(crate) fn cases() -> Vec<Case> {
    let values: Vec<(&str, &str)> =
        VALUES.iter().flat_map(|(kind, values)| values.iter().map(|value| (*kind, *value))).collect();
    let mut cases = Vec::new();
    for template in BINARY {
        for (kind, value) in &values {
            for (other_kind, other) in &values {
                let (construct, expression) = template.split_once(' ').expect("a name and an expression");
                let expression = filled(expression, value, other);
                cases.push(case(construct.to_owned(), vec![kind, other_kind], &expression));
            }
        }
    }
    for (kind, value) in &values {
        for template in UNARY {
            let (construct, expression) = template.split_once(' ').expect("a name and an expression");
            cases.push(case(construct.to_owned(), vec![kind], &filled(expression, value, "")));
        }
        for name in TYPES {
            cases.push(case(format!("CAST-{name}"), vec![kind], &format!("CAST({value} AS {name})")));
            cases.push(case(format!("IS-{name}"), vec![kind], &format!("{value} IS {name}")));
        }
    }
    for name in ["INT", "DECIMAL", "FLOAT"] {
        for numeral in NUMERALS {
            cases.push(case(
                format!("NUMERAL-{name}"),
                vec!["text"],
                &format!("CAST('{numeral}' AS {name})"),
            ));
        }
    }
    let letters = LETTERS.iter().flat_map(|(letter, counts)| {
        counts.iter().map(move |count| std::iter::repeat_n(*letter, *count).collect::<String>())
    });
    for format in letters.chain(FORMATS.iter().map(|format| (*format).to_owned())) {
        for timestamp in
            VALUES.iter().filter(|(kind, _)| *kind == "timestamp").flat_map(|(_, values)| *values)
        {
            let shown = format!("TO_STRING({timestamp}, '{format}')");
            cases.push(case("FORMAT".into(), vec!["timestamp"], &shown));
            cases.push(case(
                "FORMAT-BACK".into(),
                vec!["timestamp"],
                &format!("TO_TIMESTAMP({shown}, '{format}')"),
            ));
        }
    }
    cases
}

/// An operand that is no word stands in parentheses only where it must: a list in parentheses is still a list.
fn filled(template: &str, first: &str, second: &str) -> String {
    template.replace('#', "\u{1}").replace('@', "\u{2}").replace('\u{1}', first).replace('\u{2}', second)
}

fn case(construct: String, kinds: Vec<&'static str>, expression: &str) -> Case {
    Case {
        construct,
        kinds,
        ours: format!("SELECT VALUE {{'v': {expression}}} FROM <<0>> AS o"),
        reference: format!("{{'v': {expression}}}"),
        is_strict: true,
    }
}
