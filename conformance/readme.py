"""Runs the README's five minutes as they are written there, its Python and Node.js twice and its AWS CLI, against a started server;
then what the server prints at its start, pasted into a shell, with access keys and without.

usage: readme.py EVERSTRAND_BINARY PYTHON_WITH_PYQLDB FOLDER_OF_THE_AWS_COMMAND FOLDER_OF_NODE_MODULES

Only the port is another one, so that a server that is running already is left alone.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language, heading):
    """The fenced blocks of a language under a heading."""
    section = README.read_text().split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def main(binary, python, aws_folder, node_folder, folder):
    command = [binary, "--memory", "--listen", "127.0.0.1:0", "--create-ledger", "vehicle-registration"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip().rsplit("http://", 1)[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment["PATH"] = f"{aws_folder}:{environment['PATH']}"

        def here(text):
            return text.replace("127.0.0.1:8182", address)

        # As the README suggests before its examples.
        subprocess.run([binary, "demo", "--endpoint", f"http://{address}"], check=True, capture_output=True)
        (example,) = blocks("python", "Python")
        for _ in range(2):
            printed = subprocess.run(
                [python, "-c", here(example)], env=environment, check=True, capture_output=True, text=True
            ).stdout
            assert printed == "Raul Lewis\n", printed

        (example,) = blocks("js", "Node.js")
        script = Path(node_folder, "readme.mjs")
        script.write_text(here(example))
        for _ in range(2):
            printed = subprocess.run(["node", script], env=environment, check=True, capture_output=True, text=True).stdout
            assert printed == "Raul\n", printed

        (example,) = blocks("sh", "AWS CLI")
        printed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here(example)],
            env=environment,
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for expected in ('"State": "ACTIVE"', '"Digest": ', '"FirstPage": ', '"CommitDigest": '):
            assert expected in printed, printed
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0, "the server did not end cleanly"
    print("the README's Python, Node.js and AWS CLI ran as written")


def pasted(binary, python, aws_folder, _, folder, keys):
    """Pastes what a server prints into a shell in which nothing of AWS is set, and runs the AWS CLI and a driver there."""
    command = [binary, "--in-memory", "--listen", "127.0.0.1:0", "--create-ledger", "vehicle-registration"]
    if keys:
        file = Path(folder, "access keys")
        file.write_text("[app]\naws_access_key_id = APP\naws_secret_access_key = hunter2\n")
        file.chmod(0o600)
        command += ["--access-keys", str(file)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        while not any("AWS_ACCESS_KEY_ID=" in line or "AWS_PROFILE=" in line for line in lines):
            lines.append(server.stdout.readline())
        exports = "".join(line for line in lines if line.startswith("  "))
        assert "hunter2" not in exports, exports
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment["PATH"] = f"{aws_folder}:{environment['PATH']}"
        environment["HOME"] = folder
        program = "from pyqldb.driver.qldb_driver import QldbDriver; print(list(QldbDriver('vehicle-registration').list_tables()))"
        script = f'{exports}\naws qldb list-ledgers --output text\n"{python}" -c "{program}"\n'
        printed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert "vehicle-registration" in printed and printed.endswith("[]\n"), printed
    finally:
        server.terminate()
        assert server.wait(timeout=20) == 0, "the server did not end cleanly"
    print("what the server prints works when pasted" + (", with access keys too" if keys else ""))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(*sys.argv[1:], temporary)
        for with_keys in (False, True):
            pasted(*sys.argv[1:], temporary, with_keys)
