# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Web servers on this host that answer as they should not."""

import contextlib
import http.client
import socket
import socketserver
import threading

import pytest


class Exchange(socketserver.StreamRequestHandler):
    """One request; what answers it is in server.answers, by its path."""

    def handle(self):
        self.line = self.rfile.readline(65536).decode("latin-1").strip()
        self.headers = http.client.parse_headers(self.rfile)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.line:
            return
        path = self.line.split()[1]
        self.server.asked.append((self.line, dict(self.headers), self.body))
        answer = self.server.answers.get(path)
        with contextlib.suppress(OSError):
            if callable(answer):
                answer(self)
            elif answer is None:
                self.reply(b"not here", "404 Not Found")
            else:
                self.reply(answer)

    def reply(self, body, status="200 OK", *headers):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        self.wfile.write("\r\n".join(lines).encode() + body)

    def redirect(self, to):
        self.reply(b"", "302 Found", f"Location: {to}")

    def wait(self):
        """Send nothing until the server ends, or the other side goes."""
        self.server.ended.wait()


class Web(socketserver.ThreadingTCPServer):
    """{path: bytes, or a function of the exchange}; what was asked is in |asked|."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host="127.0.0.1"):
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, 0), Exchange)
        self.answers, self.asked = {}, []
        self.ended = threading.Event()
        self.port = self.server_address[1]
        self.place = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.url = f"http://{self.place}"

    @property
    def paths(self):
        return [line.split()[1] for line, _headers, _body in self.asked]


def why_no_ipv6():
    """Why nothing can be served on ::1; None if it can."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError as error:
        return f"this host has no IPv6: {error.strerror}"
    return None


@contextlib.contextmanager
def web(host="127.0.0.1"):
    with Web(host) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server():
    """One for all tests of a file that imports this."""
    with web() as one:
        yield one
