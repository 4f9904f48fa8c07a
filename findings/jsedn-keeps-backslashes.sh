#!/usr/bin/env bash
# jsedn 0.4.1 reads "a\nb" as four characters, and edn-data 1.2.2 reads [\a\b] as one character.
#
# One would expect: in EDN, the notation of Datomic and XTDB, \n in a string is a line feed and \t a tab, and two characters may stand next to each other.
# What happens: jsedn knows no escape but \" and \\: a backslash and n stay two characters, which it writes as a backslash and n again, so that JSON made of it has a backslash. The sign for a discarded value, #_, takes only
#   one value where two follow one another: [#_ #_ 1 2 3] is [2 3]. edn-data reads two characters in a row as one character of three, which no program can have. edn_format 0.8.0 for Python reads all of it.
# Why it matters: peers of a ledger exchange their transactions in EDN. Notes and addresses of several lines come over as other text, and another hash.
# Instead: edn-data for text, edn_format in Python.
# Source: the specification of EDN, "Strings": the escapes \t, \r, \n, \\ and \" are supported; "Characters"; "Tagged elements": a discarded element is read. jsedn lib/reader.js: `escapeChar` only keeps the end of a string from being found.
. "$(dirname "$0")/lib.sh"
node_with jsedn@0.4.1 edn-data@1.2.2
python_with edn_format==0.8.0
cat >values <<'END'
"a\nb"
"a\tb"
"a\\b"
[#_ #_ 1 2 3]
[\a \b]
[\a\b]
END
cat >read.mjs <<'END'
import { readFileSync } from "node:fs";
import jsedn from "jsedn";
import { parseEDNString } from "edn-data";

const attempt = (read) => {
  try {
    return JSON.stringify(read());
  } catch {
    return "error";
  }
};
for (const text of readFileSync("values", "utf8").trimEnd().split("\n"))
  console.log(text, "|", attempt(() => jsedn.toJS(jsedn.parse(text))), "|", attempt(() => parseEDNString(text)));
END
seen=$(paste -d'|' <(node read.mjs) <("$python" - <<'END'
import json
import edn_format

for line in open("values"):
    print("", json.dumps(list(value) if isinstance(value := edn_format.loads(line), tuple | edn_format.ImmutableList) else value))
END
))
expect "text; as jsedn reads it; as edn-data does; as edn_format does" '"a\nb" | "a\\nb" | "a\nb"| "a\nb"
"a\tb" | "a\\tb" | "a\tb"| "a\tb"
"a\\b" | "a\\b" | "a\\b"| "a\\b"
[#_ #_ 1 2 3] | [2,3] | [3]| [3]
[\a \b] | ["a","b"] | [{"char":"a"},{"char":"b"}]| ["a", "b"]
[\a\b] | error | [{"char":"a\\b"}]| ["a", "b"]' "$seen"
