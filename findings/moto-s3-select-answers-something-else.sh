#!/usr/bin/env bash
# py-partiql-parser 0.6.3, the PartiQL of moto: SUM, CAST and UPPER count rows, <> means =, and a number equals no number.
#
# One would expect: a parser "for the PartiQL language" that cannot do something says so, as moto does for what it does not know.
# What happens: every function of the select list answers the number of rows. <> acts as =, and BETWEEN, LIKE and IS NOT NULL find nothing. s.n = 1 does not find the number 1 but the text "1".
#   The README names only "support for functions such as count(*)" as outstanding.
# Why it matters: moto's S3 Select, with which people test queries over exports of a ledger, hands each query to it. A test of SUM(amount) over one row is green when the amount is 1; the real service answers the sum.
# Instead: PartiQL's reference implementation (org.partiql:partiql-lang-kotlin), or DuckDB over the files.
# Source: S3's documentation, "SELECT command" and "SQL functions"; moto, moto/s3/models.py and select_object_content.py. py_partiql_parser/_internal/select_parser.py and where_parser.py: "Default - should we error instead if fn != '=='?".
. "$(dirname "$0")/lib.sh"
python_with py-partiql-parser==0.6.3
seen=$("$python" - <<'END'
import json
from py_partiql_parser import S3SelectParser

rows = "\n".join(json.dumps({"n": n, "t": t}) for n, t in ((1, "a"), (10, "b"), ("1", "c")))
for query in (
    "SELECT SUM(s.n) FROM s3object s",
    "SELECT MAX(s.n) FROM s3object s",
    "SELECT UPPER(s.t) FROM s3object s",
    "SELECT s.t FROM s3object s WHERE s.t = 'a'",
    "SELECT s.t FROM s3object s WHERE s.t <> 'a'",
    "SELECT s.t FROM s3object s WHERE s.n = 1",
    "SELECT s.t FROM s3object s WHERE s.n BETWEEN 1 AND 10",
    "SELECT s.t FROM s3object s WHERE s.t LIKE 'a%'",
    "SELECT s.t FROM s3object s WHERE s.n IS NOT NULL",
):
    print(query.replace(" FROM s3object s", ""), json.dumps(S3SelectParser(source_data=rows).parse(query)))
END
)
expect "a query over (1, a), (10, b), ('1', c), and its answer" 'SELECT SUM(s.n) [{"_1": 3}]
SELECT MAX(s.n) [{"_1": 3}]
SELECT UPPER(s.t) [{"_1": 3}]
SELECT s.t WHERE s.t = '\''a'\'' [{"t": "a"}]
SELECT s.t WHERE s.t <> '\''a'\'' [{"t": "a"}]
SELECT s.t WHERE s.n = 1 [{"t": "c"}]
SELECT s.t WHERE s.n BETWEEN 1 AND 10 []
SELECT s.t WHERE s.t LIKE '\''a%'\'' []
SELECT s.t WHERE s.n IS NOT NULL []' "$seen"
