"""`python -m everstrand` runs the program `everstrand` of this package, with the same arguments."""

import os
import sys
import sysconfig


def find() -> str:
    """The path of the program."""
    name = "everstrand" + (sysconfig.get_config_var("EXE") or "")
    schemes = [None, sysconfig.get_preferred_scheme("user")]
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    # `pip install --target FOLDER` puts programs into FOLDER/bin.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        program = os.path.join(folder, name)
        if os.path.isfile(program):
            return program
    raise FileNotFoundError(f"the program {name} is in none of {', '.join(folders)}")


if __name__ == "__main__":
    program = find()
    os.execv(program, [program, *sys.argv[1:]])
