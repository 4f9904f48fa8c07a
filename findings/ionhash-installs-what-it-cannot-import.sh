#!/usr/bin/env bash
# ionhash 1.2.1 installs beside amazon.ion 0.15.0, and cannot be imported there.
#
# One would expect: a package whose requirement says amazon.ion>=0.5 works with each of them, or excludes those that it does not work with.
# What happens: pip installs today's amazon.ion, and `import ionhash` raises ImportError, because the module that it takes a function from has no such function any more. pyqldb pins amazon.ion itself, and is not affected.
# Why it matters: it is the only library for Ion Hash in Python, and whoever verifies a ledger's hashes in Python begins with it.
# Instead: pip install ionhash==1.2.1 amazon.ion==0.9.3.
# Source: ionhash/hasher.py imports from amazon.ion modules that were rewritten in later releases; the requirement in its metadata.
. "$(dirname "$0")/lib.sh"
python_with ionhash==1.2.1 amazon.ion==0.15.0
seen=$("$python" - <<'END'
from importlib.metadata import requires

print(requires("ionhash"))
try:
    import ionhash
    print("imported")
except ImportError as error:
    print(type(error).__name__, str(error).split(" (")[0])
END
)
expect "what it requires; import" '['\''six'\'', '\''amazon.ion>=0.5'\'']
ImportError cannot import name '\''_IonNature'\'' from '\''amazon.ion.simple_types'\''' "$seen"
