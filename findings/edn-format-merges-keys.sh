#!/usr/bin/env bash
# edn_format 0.8.0 reads {1 :a, true :b} as a map of one entry, and #{1 1.0 1.00M} as a set of one.
#
# One would expect: in EDN 1, 1.0, 1.00M and true are four values, so four keys of a map and four elements of a set. A reader for Python, where 1 == 1.0 == True, keeps them apart or refuses the map.
# What happens: the later value replaces the earlier one under the first key. Nothing says so; reading and writing again makes a shorter document. A set, too, has lost elements. For edn-data 1.2.2 they are four.
# Why it matters: a map from answers or codes (1, true, 1.0) to counts loses entries on the way between a Clojure peer and Python.
# Instead: text or keywords as keys.
# Source: the specification of EDN, "Equality": numbers are equal only to values of the same magnitude, category and precision; booleans to themselves. edn_format/edn_parse.py makes a dict and a frozenset of whatever was read.
. "$(dirname "$0")/lib.sh"
python_with edn_format==0.8.0
node_with edn-data@1.2.2
values=('{1 :a true :b}' '{0 :a false :b 0.0 :c}' '#{1 1.0 1.00M true}' '{[1] :a [true] :b}')
seen=$(paste -d'|' <("$python" - "${values[@]}" <<'END'
import sys
import edn_format

for text in sys.argv[1:]:
    print(text, edn_format.dumps(edn_format.loads(text)), sep=" | ", end=" \n")
END
) <(node -e '
const { parseEDNString, toEDNString } = require("edn-data");
for (const text of process.argv.slice(1)) console.log("", toEDNString(parseEDNString(text)));
' "${values[@]}"))
expect "value; as edn_format writes it again; as edn-data does" '{1 :a true :b} | {1 :b} | {1 :a true :b}
{0 :a false :b 0.0 :c} | {0 :c} | {0 :a false :b 0 :c}
#{1 1.0 1.00M true} | #{1} | #{1 1 1 true}
{[1] :a [true] :b} | {[1] :b} | {[1] :a [true] :b}' "$seen"
