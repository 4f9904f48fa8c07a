#!/usr/bin/env bash
# pandas 3.1.1 with rows of amazon.ion 0.15.0: isna, dropna, fillna and count see no null, and files have "<…IonPyNull object at 0x…>" in its place.
#
# One would expect: DataFrame(rows) of Ion structs, which are dicts, has missing values where the rows have null; or refuses objects that it does not know.
# What happens: each null is an object. isna() finds none, count() counts it, dropna() keeps the row and fillna(0) fills nothing. to_csv writes the object's address, to_json writes {"ion_annotations":[],"ion_type":…}; of a symbol it writes a list of three, and of true a 1. A comparison of symbols with text is false.
# Why it matters: "read the ledger into pandas" is how reports are made. Counts of open items are too high, and a CSV that is loaded elsewhere has text with a memory address where nothing was.
# Instead: loads(…, value_model=IonPyValueModel.MAY_BE_BARE | IonPyValueModel.SYMBOL_AS_TEXT), which makes None of null and text of symbols; null.bool and its like stay objects, so replace each IonPyNull by None.
# Source: pandas' user guide, "Working with missing data": None, NaN, NaT and NA. amazon/ion/simple_types.py: class IonPyNull has no relation to any of them.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0 pandas==3.1.1
seen=$("$python" - <<'END'
import re
import pandas
from amazon.ion.simpleion import loads

frame = pandas.DataFrame([loads("{id: 1, paid: 10, kind: debit, closed: true}"), loads("{id: 2, paid: null, kind: debit, closed: null.bool}")])
print("missing", int(frame.isna().sum().sum()))
print("count", int(frame["paid"].count()), "after dropna", len(frame.dropna()), "after fillna", int((frame["paid"].fillna(0) == 0).sum()))
print("debits", int((frame["kind"] == "debit").sum()))
print(re.sub("0x[0-9a-f]+", "0x…", frame[["id", "paid"]].to_csv(index=False)), end="")
print(frame.to_json(orient="records"))
END
)
expect "two rows, of which the second has two nulls: what pandas counts, CSV, JSON" 'missing 0
count 2 after dropna 2 after fillna 0
debits 0
id,paid
1,10
2,<amazon.ion.simple_types.IonPyNull object at 0x…>
[{"id":1,"paid":10,"kind":["debit",null,null],"closed":1},{"id":2,"paid":{"ion_annotations":[],"ion_type":0},"kind":["debit",null,null],"closed":{"ion_annotations":[],"ion_type":1}}]' "$seen"
