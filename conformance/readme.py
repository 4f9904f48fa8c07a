"""Runs the README's five minutes as they are written there: its Python and its AWS CLI, against a started server.

usage: readme.py EVERSTRAND_BINARY PYTHON_WITH_PYQLDB FOLDER_OF_THE_AWS_COMMAND

Only the port is another one, so that a server that is running already is left alone.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language, heading):
    """The fenced blocks of a language under a heading."""
    section = README.read_text().split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def main(binary, python, aws_folder):
    command = [binary, "--memory", "--listen", "127.0.0.1:0", "--create-ledger", "vehicle-registration"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip().rsplit("http://", 1)[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment["PATH"] = f"{aws_folder}:{environment['PATH']}"

        def here(text):
            return text.replace("127.0.0.1:8182", address)

        (example,) = blocks("python", "Python")
        printed = subprocess.run(
            [python, "-c", here(example)], env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert printed == "Raul Lewis\n", printed

        (example,) = blocks("sh", "AWS CLI")
        printed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here(example)],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for expected in ('"State": "ACTIVE"', '"Digest": ', '"TransactionId": '):
            assert expected in printed, printed
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0, "the server did not end cleanly"
    print("the README's Python and AWS CLI ran as written")


if __name__ == "__main__":
    main(*sys.argv[1:])
