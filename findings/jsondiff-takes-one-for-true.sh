#!/usr/bin/env bash
# jsondiff 2.2.1 and dictdiffer 0.10.0 see no difference between 1 and true, nor between 0 and false.
#
# One would expect: {"frozen": 0} and {"frozen": false} are two documents of JSON, whose difference the command jdiff prints.
# What happens: both libraries compare with == of Python, for which 1, 1.0 and True are equal. jdiff of two files prints {}, and dictdiffer an empty list. jsonpatch 1.48 and deepdiff 9.1.0 see the change.
# Why it matters: a flag that another program stores as a number, and an amount that has become a bool, are the changes of type that a comparison of revisions has to find: a ledger, its hashes and every typed reader hold them for different values.
# Instead: jsonpatch.make_patch, or DeepDiff.
# Source: RFC 8259, section 3: numbers, and the names true and false. jsondiff/__init__.py, JsonDiffer._obj_diff: a == b. dictdiffer/__init__.py, diff: first == second.
. "$(dirname "$0")/lib.sh"
python_with jsondiff==2.2.1 dictdiffer==0.10.0 jsonpatch==1.48 deepdiff==9.1.0
echo '{"frozen": 0, "amount": 1}' >old.json
echo '{"frozen": false, "amount": true}' >new.json
cat >compare.py <<'END'
import json
from deepdiff import DeepDiff
from dictdiffer import diff
from jsonpatch import make_patch

old, new = (json.load(open(name)) for name in ("old.json", "new.json"))
print("dictdiffer", list(diff(old, new)))
print("jsonpatch", sorted(step["path"] for step in make_patch(old, new)))
print("deepdiff", sorted(DeepDiff(old, new)["type_changes"]))
END
expect "$(cat old.json new.json)" "jdiff {}
dictdiffer []
jsonpatch ['/amount', '/frozen']
deepdiff [\"root['amount']\", \"root['frozen']\"]" "jdiff $("$(dirname "$python")/jdiff" old.json new.json)
$("$python" compare.py)"
