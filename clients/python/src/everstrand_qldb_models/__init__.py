"""Service models of QLDB's two APIs, for versions of botocore that no longer have them.

botocore reads service models from its own folder, from `~/.aws/models` and from the folders in the
environment variable `AWS_DATA_PATH`. This package is such a folder, and two ways to name it: in the
shell, `export AWS_DATA_PATH=$(python -m everstrand_qldb_models path)`; in a program, `enable()` before
the first client or driver is made.
"""

import os
from pathlib import Path

__all__ = ["enable", "path"]


def path():
    """The folder that holds the models."""
    return str(Path(__file__).parent / "data")


def enable():
    """Adds the folder to `AWS_DATA_PATH` of this process. Calling it again changes nothing."""
    folders = [folder for folder in os.environ.get("AWS_DATA_PATH", "").split(os.pathsep) if folder]
    if path() not in folders:
        os.environ["AWS_DATA_PATH"] = os.pathsep.join([*folders, path()])
