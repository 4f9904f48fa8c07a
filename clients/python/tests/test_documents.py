"""The programs in the documents run as they are written there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def block(page, language, number):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)[number]


@pytest.mark.parametrize(
    ("page", "language", "number", "expected"),
    [
        ("docs/clients/python.md", "py", 0, "verified\n"),
        ("clients/python/README.md", "python", 0, ""),
        ("clients/python/README.md", "python", 1, "verified\n"),
    ],
)
def test_a_program_of_a_document(tmp_path, page, language, number, expected):
    done = subprocess.run([sys.executable, "-c", block(page, language, number)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(expected)


def test_a_program_over_the_network(qldb_endpoint):
    program = block("clients/python/README.md", "python", 2).replace("http://127.0.0.1:8182", qldb_endpoint).replace('"cars"', '"ledger"')
    done = subprocess.run([sys.executable, "-c", program + "print(list(driver.list_tables()))"], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
