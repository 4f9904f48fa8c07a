#!/usr/bin/env bash
# botocore 1.40.60: "standard" retries LimitExceededException and not RateExceededException; "legacy", the default, retries neither.
#
# One would expect: RateExceededException, "too many requests for now", is retried with back-off, as the drivers for QLDB do. LimitExceededException, "you have reached the number of sessions", is not, because trying again at once adds to it.
# What happens: the mode "standard", which the documentation recommends, has it the other way round for the service qldb-session. RateExceededException is in no list of botocore; the names that it knows are others (Throttling…, RequestLimitExceeded, …).
# Why it matters: a program that uses the client without pyqldb fails at the first short burst, and hammers a server that has no session left.
# Instead: pyqldb, which has rules of its own, or a loop around send_command.
# Source: botocore/retries/standard.py, ThrottledRetryableChecker._THROTTLED_ERROR_CODES; QLDB's API reference, SendCommand, errors.
. "$(dirname "$0")/lib.sh"
python_with boto3==1.40.60 botocore==1.40.60
seen=$("$python" - <<'END'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


class Refusing(BaseHTTPRequestHandler):
    error, requests = None, 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Refusing.requests += 1
        body = json.dumps({"__type": Refusing.error, "Message": "no"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
for mode in ("legacy", "standard"):
    client = boto3.client("qldb-session", endpoint_url="http://127.0.0.1:%d" % server.server_port, region_name="us-east-1",
                          aws_access_key_id="a", aws_secret_access_key="b", config=Config(retries={"mode": mode, "total_max_attempts": 2}))
    for Refusing.error in ("RateExceededException", "LimitExceededException"):
        Refusing.requests = 0
        try:
            client.send_command(StartSession={"LedgerName": "ledger"})
        except ClientError:
            print(mode, Refusing.error, Refusing.requests)
END
)
expect "mode, error, how many requests were sent of two" 'legacy RateExceededException 1
legacy LimitExceededException 1
standard RateExceededException 1
standard LimitExceededException 2' "$seen"
