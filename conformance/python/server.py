"""A server of one's own, for tests that need to stop it, kill it or give it other limits."""

import os
import re
import signal
import subprocess

LISTENING = re.compile(r"everstrand listening on (http://\S+)")


class Server:
    """The binary in `EVERSTRAND_BINARY`, listening on a free port of this machine alone."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["EVERSTRAND_BINARY"], "serve", "--listen", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.endpoint = self._endpoint()

    def _endpoint(self):
        for line in self.process.stdout:
            found = LISTENING.search(line)
            if found:
                return found.group(1)
        raise RuntimeError(f"the server stopped with status {self.process.wait()}")

    def stop(self):
        """Asks it to end, and says with which status it did."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """Ends it without asking."""
        return self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.stdout.close()
        return self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
