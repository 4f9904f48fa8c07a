"""`everstrand.aws`: today's boto3 finds QLDB's services, without environment variables."""

import os
import subprocess
import sys

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}


def run(program, endpoint):
    """Runs a program in an interpreter of its own, which has no variables and no default session yet."""
    done = subprocess.run([sys.executable, "-c", program, endpoint], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_clients_of_a_session(qldb_endpoint):
    program = f"""
import sys, everstrand.aws
control = everstrand.aws.session(**{KEYS}).client("qldb", endpoint_url=sys.argv[1])
print(control.list_ledgers()["Ledgers"][0]["Name"])
"""
    assert run(program, qldb_endpoint) == "ledger\n"


def test_pyqldb_after_enable(qldb_endpoint):
    program = f"""
import sys, everstrand.aws
from pyqldb.driver.qldb_driver import QldbDriver
everstrand.aws.enable()
with QldbDriver("ledger", endpoint_url=sys.argv[1], **{KEYS}) as driver:
    print(list(driver.list_tables()))
"""
    assert run(program, qldb_endpoint) == "[]\n"


def test_the_folder_for_other_programs():
    printed = subprocess.run([sys.executable, "-m", "everstrand.aws"], capture_output=True, text=True, check=True).stdout.strip()
    assert os.path.isfile(os.path.join(printed, "qldb", "2019-01-02", "service-2.json"))
