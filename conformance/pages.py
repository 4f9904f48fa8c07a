"""Runs what the pages in docs/clients and docs/migrating.md say, as it is written there, against a started server.

usage: pages.py EVERSTRAND_BINARY FOLDER_OF_INSTALLED_CLIENTS

Only the port is another one. Languages whose tools are not on this machine are named as skipped.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"


def blocks(page, language):
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def pins_are_those_tested(page, language, file):
    """What the page says to depend on is what the conformance suite depends on."""
    (block,) = blocks(page, language)
    tested = {line.strip() for line in (REPOSITORY / file).read_text().splitlines()}
    for line in block.splitlines():
        if "module " not in line:
            assert line.strip() in tested, f"{page} says {line.strip()!r}, and {file} does not"


class Server:
    """A server in memory with the ledgers that the pages use."""

    def __init__(self, binary, ledgers=("vehicle-registration", "accounts")):
        command = [binary, "--in-memory", "--listen", "127.0.0.1:0"] + [f"--create-ledger={ledger}" for ledger in ledgers]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip().rsplit("http://", 1)[1]

    def here(self, text):
        return text.replace("127.0.0.1:8182", self.address)

    def close(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0, "the server did not end cleanly"


def run(command, folder, environment=None, **options):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def python(server, installed, folder):
    (example,) = blocks("clients/python.md", "python")
    assert run([installed / "pinned/bin/python", "-c", server.here(example)], folder) == "Raul\n"


def node(server, installed, folder):
    (example,) = blocks("clients/node.md", "js")
    script = installed / "node/page.mjs"
    script.write_text(server.here(example))
    assert run(["node", script], folder) == "Raul\n"


def java(server, installed, folder):
    pins_are_those_tested("clients/java.md", "xml", "conformance/java/pom.xml")
    (example,) = blocks("clients/java.md", "java")
    Path(folder, "FiveMinutes.java").write_text(server.here(example))
    assert run(["java", "-cp", f"{installed}/java/*", "FiveMinutes.java"], folder).endswith('"Raul"\n')


def go(server, installed, folder):
    pins_are_those_tested("clients/go.md", "text", "conformance/go/go.mod")
    (example,) = blocks("clients/go.md", "go")
    Path(folder, "main.go").write_text(server.here(example))
    for file in ("go.mod", "go.sum"):
        shutil.copy(REPOSITORY / "conformance/go" / file, folder)
    assert run(["go", "run", "."], folder) == "Raul\n"


def cli(server, installed, folder):
    (example,) = blocks("clients/cli.md", "bash")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["PATH"] = f"{installed}/aws/bin:{environment['PATH']}"
    printed = run(["bash", "-euo", "pipefail", "-c", server.here(example)], folder, environment)
    assert "vehicle-registration" in printed and '"FirstPage"' in printed, printed


def migrating(server, installed, folder, binary):
    """From QLDB: what our server exports stands for what QLDB left. From PostgreSQL: what its query printed stands in the page."""
    save, load = blocks("migrating.md", "python")
    run([installed / "pinned/bin/python", "-c", server.here(save)], folder)
    environment = dict(os.environ, PATH=f"{Path(binary).parent}:{os.environ['PATH']}")
    run([binary, "export", "vehicle-registration", "--to", "my-qldb-export", "--endpoint", f"http://{server.address}"], folder)
    # The server that takes the export over the wire.
    empty = Server(binary, ledgers=())
    try:
        for block in blocks("migrating.md", "bash"):
            printed = run(["bash", "-euo", "pipefail", "-c", empty.here(block)], folder, environment)
            assert "verified" in printed or "no deviation" in printed, printed
    finally:
        empty.close()
    (lines,) = blocks("migrating.md", "json")
    Path(folder, "audit.jsonl").write_text(lines)
    (wanted,) = blocks("migrating.md", "text")
    printed = run([installed / "pinned/bin/python", "-c", server.here(load)], folder)
    assert printed == wanted, printed


def main(binary, installed):
    installed = Path(installed).resolve()
    binary = str(Path(binary).resolve())
    tools = {"python": [], "node": ["node"], "java": ["java", "mvn"], "go": ["go"], "cli": []}
    for page, needed in tools.items():
        missing = [tool for tool in needed if shutil.which(tool) is None]
        if missing:
            print(f"{page}: SKIPPED, there is no {' and no '.join(missing)}")
            continue
        server = Server(binary)
        try:
            with tempfile.TemporaryDirectory() as folder:
                globals()[page](server, installed, folder)
        finally:
            server.close()
        print(f"docs/clients/{page}.md ran as written")
    server = Server(binary)
    try:
        with tempfile.TemporaryDirectory() as folder:
            migrating(server, installed, folder, binary)
    finally:
        server.close()
    print("docs/migrating.md ran as written")


if __name__ == "__main__":
    main(*sys.argv[1:])
