# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Programs that see many certificates keep working under the policy, and do not grow: servers that ask
each client for one, and a CA that issues a batch. None of these certificates would do for mail.
"""

import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import OPENSSL, environment, must, run, stock, wait_for, write_ca, write_conf

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
CURL = shutil.which("curl", path="/usr/bin")

WARM, MORE = 60, 300  # connections, each with a handshake and a client's certificate
GROWTH = 512  # The KiB that a server may grow by in MORE of them; two for each would be noticed


@pytest.fixture
def strict(tmp_path):
    """Decisions about mail would be logged."""
    return write_conf(tmp_path / "openssl.cnf", {"decision_log": tmp_path / "log"})


@pytest.fixture(autouse=True)
def nothing_judged(tmp_path):
    """TLS and CA work is no mail: there is no decision to log."""
    yield
    assert not (tmp_path / "log").exists()


@contextmanager
def server(where, conf, *argv, cwd):
    """
    (the process, the words that lead curl to it), once it listens.

    where(log): these words, or None before it does. Nobody chooses a port: it may be another's by then.
    """
    log = cwd / "server.log"
    with log.open("wb") as said, \
            subprocess.Popen([str(arg) for arg in argv], env=environment(conf), cwd=cwd,
                             stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process:
        try:
            wait_for(lambda: where(log.read_text()) or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield process, where(log.read_text())
        finally:
            process.kill()


@contextmanager
def nginx(conf, pki, cwd):
    at = cwd / "socket"

    def where(_):
        with socket.socket(socket.AF_UNIX) as probe:
            return ("--unix-socket", at) if probe.connect_ex(str(at)) == 0 else None

    (cwd / "nginx.conf").write_text(f"""
daemon off;
master_process off;
pid {cwd}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    keepalive_timeout 0;
    client_body_temp_path {cwd}/body;
    proxy_temp_path {cwd}/proxy;
    fastcgi_temp_path {cwd}/fastcgi;
    scgi_temp_path {cwd}/scgi;
    uwsgi_temp_path {cwd}/uwsgi;
    server {{
        listen unix:{at} ssl;
        ssl_certificate {pki.web_rsa.pem};
        ssl_certificate_key {pki.web_rsa.key};
        ssl_session_cache off;
        ssl_session_tickets off;
        ssl_verify_client on;
        ssl_client_certificate {pki.ca};
        location / {{ return 200 "client: $ssl_client_s_dn\\n"; }}
    }}
}}
""")
    with server(where, conf, NGINX, "-p", cwd, "-e", "stderr", "-c", cwd / "nginx.conf",
                cwd=cwd) as reached:
        yield reached


@contextmanager
def s_server(conf, pki, cwd):
    def where(log):
        found = re.search(r"^ACCEPT 127\.0\.0\.1:(\d+)\n", log, re.M)
        return found and ("--connect-to", f"localhost:443:127.0.0.1:{found[1]}")

    with server(where, conf, OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-cert",
                pki.web_rsa.pem, "-key", pki.web_rsa.key, "-CAfile", pki.ca, "-Verify", "1",
                "-verify_return_error", "-no_ticket", "-no_cache", "-www", cwd=cwd) as reached:
        yield reached


def fetch(where, conf, pki, count, *more):
    """One curl, a connection and a handshake for each page."""
    return run(CURL, "--silent", "--show-error", "--fail", "--http1.0", "--no-keepalive",
               "--no-sessionid", "--cacert", pki.ca, *where, *more,
               f"https://localhost/?[1-{count}]", conf=conf)


def allocated(process):
    """The KiB in memory or swapped out.  Mapped files are not counted, as they vary with the machine."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return sum(int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("RssAnon", "VmSwap"))


def has_the_policy(process):
    return "smimepolicy.so" in Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("serve", [
    pytest.param(nginx, marks=pytest.mark.skipif(NGINX is None, reason="nginx is not installed")),
    s_server])
def test_clients_with_certificates(serve, strict, pki, tmp_path):
    identity = ("--cert", pki.web_ec.pem, "--key", pki.web_ec.key)
    with serve(strict, pki, tmp_path) as (process, where):
        assert has_the_policy(process)
        pages = must(fetch(where, strict, pki, WARM, *identity)).out
        assert pages.count(b"web_ec") >= WARM
        before = allocated(process)
        pages = must(fetch(where, strict, pki, MORE, *identity)).out
        assert pages.count(b"web_ec") >= MORE
        assert allocated(process) - before <= GROWTH
        assert fetch(where, strict, pki, 1).rc != 0, "a client without a certificate"
        assert fetch(where, strict, pki, 1, "--cert", pki.foreign.pem, "--key",
                     pki.foreign.key).rc != 0, "a client of another CA"
        must(fetch(where, strict, pki, 1, *identity))


def test_batch_of_a_ca(strict, tmp_path):
    """`openssl ca` issues fifty in one process."""
    count = 50
    (tmp_path / "req.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    must(stock("req", "-config", tmp_path / "req.cnf", "-x509", "-newkey", "rsa:2048", "-nodes",
               "-subj", "/CN=Authority", "-addext", "basicConstraints=critical,CA:TRUE",
               "-days", "365", "-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.pem"))
    must(stock("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
               tmp_path / "key"))
    requests = [tmp_path / f"{number}.csr" for number in range(count)]
    for number, request in enumerate(requests):
        must(stock("req", "-config", tmp_path / "req.cnf", "-new", "-key", tmp_path / "key",
                   "-subj", f"/CN=www{number}", "-out", request))
    must(run(OPENSSL, "ca", "-batch", "-notext", "-config", write_ca(tmp_path), "-infiles",
             *requests, conf=strict))
    issued = sorted(tmp_path.glob("*.pem"))
    issued.remove(tmp_path / "ca.pem")
    assert len(issued) == count
    assert must(stock("verify", "-CAfile", tmp_path / "ca.pem", *issued)).text.count(": OK") == count
