//! The reserved words. Where a keyword could stand, such a word is a name only between double quotes.

/// The word in lower case, if it is reserved.
pub(crate) fn keyword(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    WORDS.binary_search(&lower.as_str()).ok().map(|at| WORDS[at])
}

/// Whether a reserved word means nothing in this dialect. An author who writes it means a name.
pub(crate) fn is_unused(word: &str) -> bool {
    UNUSED.binary_search(&word).is_ok()
}

/// Whether a reserved word is a function, of this dialect or of SQL. A call of one that this dialect lacks is parsed,
/// so that the error can say that there is no such function.
pub(crate) fn is_function(word: &str) -> bool {
    matches!(
        word,
        "avg"
            | "count"
            | "max"
            | "min"
            | "size"
            | "sum"
            | "coalesce"
            | "exists"
            | "nullif"
            | "date_add"
            | "date_diff"
            | "extract"
            | "utcnow"
            | "txid"
            | "char_length"
            | "character_length"
            | "lower"
            | "substring"
            | "trim"
            | "upper"
            | "to_string"
            | "to_timestamp"
            | "bit_length"
            | "octet_length"
            | "position"
            | "left"
            | "right"
            | "convert"
            | "translate"
            | "current_date"
            | "current_time"
            | "current_timestamp"
            | "current_user"
            | "session_user"
            | "system_user"
    )
}

/// In lower case and in order.
#[rustfmt::skip]
const UNUSED: [&str; 107] = [
    "absolute", "action", "add", "allocate", "alter", "are", "assertion", "authorization", "begin", "bit",
    "cascade", "cascaded", "catalog", "check", "close", "collate", "collation", "column", "commit",
    "connect", "connection", "constraint", "constraints", "continue", "current", "cursor", "date",
    "deallocate", "declare", "default", "deferrable", "deferred", "describe", "descriptor", "diagnostics",
    "disconnect", "domain", "exception", "external", "foreign", "found", "get", "global", "go", "goto",
    "grant", "identity", "immediate", "indicator", "initially", "input", "insensitive", "interval",
    "isolation", "key", "language", "level", "local", "match", "module", "names", "national", "nchar",
    "next", "no", "only", "open", "option", "output", "pad", "partial", "prepare", "preserve", "primary",
    "prior", "privileges", "procedure", "public", "read", "references", "relative", "restrict", "revoke",
    "rollback", "rows", "schema", "scroll", "section", "session", "space", "sql", "sqlcode", "sqlerror",
    "sqlstate", "temporary", "time", "to", "transaction", "translation", "unknown", "usage", "user", "view",
    "whenever", "work", "write", "zone",
];

/// In lower case and in order. `END-EXEC` is left out, because it is three tokens.
#[rustfmt::skip]
const WORDS: [&str; 250] = [
    "absolute", "action", "add", "all", "allocate", "alter", "and", "any", "are", "as", "asc", "assertion",
    "at", "authorization", "avg", "bag", "begin", "between", "bit", "bit_length", "blob", "bool", "boolean",
    "both", "by", "cascade", "cascaded", "case", "cast", "catalog", "char", "char_length", "character",
    "character_length", "check", "clob", "close", "coalesce", "collate", "collation", "column", "commit",
    "connect", "connection", "constraint", "constraints", "continue", "convert", "corresponding", "count",
    "create", "cross", "current", "current_date", "current_time", "current_timestamp", "current_user",
    "cursor", "date", "date_add", "date_diff", "day", "deallocate", "dec", "decimal", "declare", "default",
    "deferrable", "deferred", "delete", "desc", "describe", "descriptor", "diagnostics", "disconnect",
    "distinct", "domain", "double", "drop", "else", "end", "escape", "except", "exception", "exec",
    "execute", "exists", "external", "extract", "false", "fetch", "first", "float", "for", "foreign",
    "found", "from", "full", "get", "global", "go", "goto", "grant", "group", "having", "hour", "identity",
    "immediate", "in", "index", "indicator", "initially", "inner", "input", "insensitive", "insert", "int",
    "integer", "intersect", "interval", "into", "is", "isolation", "join", "key", "language", "last",
    "leading", "left", "level", "like", "limit", "list", "local", "lower", "match", "max", "min", "minute",
    "missing", "module", "month", "names", "national", "natural", "nchar", "next", "no", "not", "null",
    "nullif", "numeric", "octet_length", "of", "on", "only", "open", "option", "or", "order", "outer",
    "output", "overlaps", "pad", "partial", "pivot", "position", "precision", "prepare", "preserve",
    "primary", "prior", "privileges", "procedure", "public", "read", "real", "references", "relative",
    "remove", "restrict", "revoke", "right", "rollback", "rows", "schema", "scroll", "second", "section",
    "select", "session", "session_user", "set", "sexp", "size", "smallint", "some", "space", "sql",
    "sqlcode", "sqlerror", "sqlstate", "string", "struct", "substring", "sum", "symbol", "system_user",
    "table", "temporary", "then", "time", "timestamp", "timezone_hour", "timezone_minute", "to",
    "to_string", "to_timestamp", "trailing", "transaction", "translate", "translation", "trim", "true",
    "tuple", "txid", "undrop", "union", "unique", "unknown", "unpivot", "update", "upper", "usage", "user",
    "using", "utcnow", "value", "values", "varchar", "varying", "view", "when", "whenever", "where", "with",
    "work", "write", "year", "zone",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// L4: keywords are found in any case, which needs the list to be in order.
    #[test]
    fn any_case() {
        assert!(WORDS.is_sorted() && UNUSED.is_sorted());
        for word in WORDS {
            assert_eq!(keyword(&word.to_uppercase()), Some(word));
        }
        assert_eq!(keyword("history"), None);
        assert_eq!(keyword("purge"), None);
    }
}
