"""`python -m everstrand_qldb_models path` prints the folder for `AWS_DATA_PATH`."""

import sys

from . import path

if sys.argv[1:] != ["path"]:
    sys.exit("usage: python -m everstrand_qldb_models path")
print(path())
