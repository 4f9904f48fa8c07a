#!/usr/bin/env bash
# amazon.ion 0.9.3 writes a deep copy of a struct as a list of its field names.
#
# One would expect: copy.deepcopy and pickle of a row give a row, which is written as the same Ion.
# What happens: the copy looks the same (items, len, indexing), but is written as a list of strings, the field names. The values are not in the
#   bytes. Text output has braces around it and is no Ion. A row with a timestamp cannot be copied at all, and a pickled decimal has lost its
#   annotation. pyqldb 3.2.4 brings exactly this version, and passes parameters through it.
# Why it matters: an application that reads a row, deep-copies it, puts it as a field into a new document and inserts that, stores a list of names
#   where the old row should be. The insert answers a document id.
# Instead: amazon.ion.simpleion.loads(dumps(row)), or build a dict from row.items().
# Source: amazon/ion/simpleion.py of 0.9.3, line 227: `if ion_type is IonType.STRUCT`; the copy holds a copy of the enumeration's member, which is
#   equal and not the same object. Repaired in a later release: 0.15.0 writes the struct.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.9.3
seen=$("$python" - <<'END'
import copy
import pickle
from amazon.ion.simpleion import dumps, loads

row = loads('{name: "Ann", amount: 1.50}')
for again in (copy.deepcopy(row), pickle.loads(pickle.dumps(row))):
    print(list(again.items()) == list(row.items()), dumps(loads(dumps({"before": again})), binary=False), dumps(again, binary=False))
print(dumps(pickle.loads(pickle.dumps(loads("EUR::1.50"))), binary=False))
try:
    copy.deepcopy(loads("{at: 2020T}"))
except AttributeError as error:
    print(error)
END
)
expect "deepcopy, then pickle: same items, sent in binary and read back, written as text; a pickled decimal; a row with a time" 'True $ion_1_0 {before:["name","amount"]} $ion_1_0 {"name","amount"}
True $ion_1_0 {before:["name","amount"]} $ion_1_0 {"name","amount"}
$ion_1_0 1.50' "$seen"
