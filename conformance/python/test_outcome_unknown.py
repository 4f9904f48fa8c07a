"""The answer to a commit whose outcome nobody knows. The driver raises it. It neither sends the commit nor runs the work again."""

import http.client
import http.server
import json
import threading
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from pyqldb.driver.qldb_driver import QldbDriver

CODE = "CommitOutcomeUnknownException"


class Forgetful(http.server.BaseHTTPRequestHandler):
    """Passes everything on, and says of each commit that nobody knows its outcome, though the server has done it."""

    protocol_version = "HTTP/1.1"
    target = None
    commits = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc)
        connection.request("POST", self.path, body, dict(self.headers))
        response = connection.getresponse()
        status, answer = response.status, response.read()
        kept = ("content-type", "x-amzn-errortype", "x-amzn-requestid")
        headers = {name: value for name, value in response.getheaders() if name.lower() in kept}
        connection.close()
        if b"CommitTransaction" in body:
            assert status == 200, answer
            type(self).commits += 1
            status, headers["x-amzn-ErrorType"] = 400, CODE
            answer = json.dumps({"__type": CODE, "Message": "Nobody knows yet"}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def forgetful(endpoint):
    handler = type("Handler", (Forgetful,), {"target": endpoint})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_commit_whose_outcome_nobody_knows_is_raised_and_not_tried_again(endpoint, ledger, forgetful):
    handler, url = forgetful
    with QldbDriver(ledger, endpoint_url=endpoint) as driver:
        driver.execute_lambda(lambda txn: txn.execute_statement("CREATE TABLE doubt"))
        runs = []

        def insert(txn):
            runs.append(txn)
            txn.execute_statement("INSERT INTO doubt VALUE {'n': 1}")

        with QldbDriver(ledger, endpoint_url=url) as doubting, pytest.raises(ClientError) as raised:
            doubting.execute_lambda(insert)
        assert raised.value.response["Error"]["Code"] == CODE
        assert (len(runs), handler.commits) == (1, 1)
        assert driver.execute_lambda(lambda txn: list(txn.execute_statement("SELECT VALUE n FROM doubt"))) == [1]
