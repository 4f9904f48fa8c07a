"""conformance/spread.py PORT SERVER…: a proxy that sends each request to the next of these servers, whatever connection it came on.

A server that cannot be reached is passed over; the request has not left then. Everything else goes through as it is.
"""

import http.client
import itertools
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

servers = sys.argv[2:]
turns = itertools.count()
kept = threading.local()


class Spread(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        turn = next(turns)
        for attempt in range(len(servers)):
            server = servers[(turn + attempt) % len(servers)]
            try:
                answer = self.ask(server, body)
                break
            except ConnectionRefusedError:
                continue
        else:
            self.send_error(502, "no server answers")
            return
        status, headers, content = answer
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def ask(self, server, body):
        connections = kept.__dict__.setdefault("connections", {})
        if server not in connections:
            connections[server] = http.client.HTTPConnection(server)
            connections[server].connect()
        connection = connections[server]
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except Exception:
            connections.pop(server).close()
            raise

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Spread).serve_forever()
