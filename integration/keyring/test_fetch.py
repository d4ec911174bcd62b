# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""One document out of the network: from the hosts that are allowed, within its bounds, or not at all."""

import gzip
import socket
import ssl
import time

import pytest

from harness import BUILD, NEW_KEY, must, run, stock
from web import web, why_no_ipv6

FETCH_URL = BUILD / "tests" / "shim" / "tool" / "fetch" / "fetch_url"
MOST = 100000


@pytest.fixture
def server():
    with web() as one:
        yield one


def fetch(server, path, *body, hosts=None, private="yes", most=MOST, patience=60000, env=None):
    url = path if "://" in path else server.url + path
    hosts = server.place if hosts is None else hosts
    return run(FETCH_URL, hosts, private, most, patience, url, *body, conf="/dev/null", env=env)


def refused(result, *texts):
    assert result.rc == 1 and result.out == b"" and result.err.count("\n") == 1, result
    for text in texts:
        assert text in result.err, result


def test_a_document(server):
    """Plain HTTP: no cookies, nothing that is compressed, no name of a user, and no Referer."""
    server.answers["/ca.crl"] = b"0\x00\xff" * 100
    assert must(fetch(server, "/ca.crl")).out == b"0\x00\xff" * 100
    (line, headers, _), = server.asked
    assert line == "GET /ca.crl HTTP/1.1"
    assert headers == {"Host": server.place, "User-Agent": "smime-policy", "Accept": "*/*"}


def test_a_body(server):
    server.answers["/ocsp"] = lambda exchange: exchange.reply(exchange.body[::-1])
    assert must(fetch(server, "/ocsp", "question")).out == b"noitseuq"
    (line, headers, body), = server.asked
    assert (line, headers["Content-Type"], body) == ("POST /ocsp HTTP/1.1", "application/ocsp-request", b"question")


def test_an_answer_to_a_body_is_not_redirected(server):
    server.answers |= {"/ocsp": lambda exchange: exchange.redirect("/other"), "/other": b"x"}
    refused(fetch(server, "/ocsp", "question"), "status 302")
    assert server.paths == ["/ocsp"]


@pytest.mark.parametrize("hosts", ["other.example:{port}", "127.0.0.1", "127.0.0.1:1", ".0.0.1:81", ""])
def test_hosts_that_are_not_allowed(server, hosts):
    refused(fetch(server, "/", hosts=hosts.format(port=server.port)), "are not in the setting fetch_from")
    assert not server.asked


@pytest.fixture
def server6():
    if why := why_no_ipv6():
        pytest.skip(why)
    with web("::1") as one:
        yield one


def test_ipv6(server6):
    """A host in brackets, as in a URL; its address is one of this host, so that it needs `fetch_private`."""
    server6.answers |= {"/ca.crl": b"here", "/ocsp": lambda exchange: exchange.reply(exchange.body)}
    assert must(fetch(server6, "/ca.crl")).out == b"here"
    assert must(fetch(server6, "/ocsp", "question")).out == b"question"
    assert server6.asked[0][1]["Host"] == server6.place and len(server6.asked) == 2
    refused(fetch(server6, "/ca.crl", private="no"), "its address is one of a private network or of this host")
    for hosts in ("[::1]", "[::1]:1", "[::2]:{port}", "127.0.0.1:{port}", "localhost:{port}"):
        refused(fetch(server6, "/ca.crl", hosts=hosts.format(port=server6.port)), "are not in the setting fetch_from")
    assert len(server6.asked) == 2


def test_ipv6_in_other_words(server6):
    """Another spelling of the address is not another address."""
    for spelling in ("[0:0:0:0:0:0:0:1]", "[::0001]", "[::ffff:127.0.0.1]"):
        url, hosts = f"http://{spelling}:{server6.port}/ca.crl", f"{spelling}:{server6.port}"
        refused(fetch(server6, url, hosts=hosts, private="no"))
    assert not server6.asked


def test_ipv6_redirect(server, server6):
    """Judged like the first URL: its host has to be named, and its address is no other's."""
    server.answers["/ca.crl"] = lambda exchange: exchange.redirect(f"{server6.url}/ca.crl")
    server6.answers["/ca.crl"] = b"there"
    refused(fetch(server, "/ca.crl"), "are not in the setting fetch_from")
    assert not server6.asked
    assert must(fetch(server, "/ca.crl", hosts=f"{server.place} {server6.place}")).out == b"there"


@pytest.mark.parametrize("url,text", [
    ("ftp://{place}/x", "only http and https are fetched"),
    ("file:///etc/passwd", "it is no URL"),
    ("ldap://{place}/cn=x", "only http and https are fetched"),
    ("http://user@{place}/x", "it has a user's name"),
    ("http://user:word@{place}/x", "it has a user's name"),
    ("//{place}/x", "it is no URL"),
    ("{place}/x", "it is no URL"),
    ("http://{place}/a b", "characters that no URL has"),
    ("http://{place}/a\nb", "characters that no URL has"),
    ("http://{place}/\x1b[2J", "characters that no URL has"),
    ("http://{place}/ä", "characters that no URL has"),
    ("http://{place}/" + "a" * 3000, "it is too long"),
    ("http://", "it is no URL"),
    ("http:///x", "are not in the setting"),
    ("http://{place}.evil.example/", "it is no URL"),
    ("http://evil.example#@{place}/", "are not in the setting"),
    ("http://evil.example\\@{place}/", "it is no URL"),
])
def test_urls_that_are_not_fetched(server, url, text):
    server.answers["/x"] = b"x"
    done = run(FETCH_URL, server.place, "yes", MOST, 60000, url.format(place=server.place), conf="/dev/null")
    refused(done, text)
    assert not server.asked and "\x1b" not in done.err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost",
                                  "0.0.0.0", "127.0.0.2"])
def test_private_addresses(server, host):
    """Whatever name it has, the address that is connected to is the one that is judged."""
    server.answers["/x"] = b"x"
    hosts = f"{host}:{server.port} 127.0.0.1:{server.port}"
    refused(fetch(server, f"http://{host}:{server.port}/x", hosts=hosts, private="no"),
            "its address is one of a private network or of this host; set fetch_private = yes")
    assert not server.asked


def test_addresses_of_this_host(server):
    """Its own name stands for one of them; test_public_address has the others."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        pytest.skip("this host does not know its own name")
    refused(fetch(server, f"http://{name}:{server.port}/x", hosts=f"{name}:{server.port}", private="no"))


def test_redirects(server):
    server.answers |= {"/1": lambda one: one.redirect("/2"), "/2": lambda one: one.redirect("3"),
                       "/3": lambda one: one.redirect(server.url + "/4"), "/4": b"here",
                       "/0": lambda one: one.redirect("/1"), "/loop": lambda one: one.redirect("/loop")}
    assert must(fetch(server, "/1")).out == b"here"
    refused(fetch(server, "/0"), "redirected more than three times")
    refused(fetch(server, "/loop"), "redirected more than three times")
    assert server.paths.count("/loop") == 4


@pytest.mark.parametrize("to,text", [
    ("http://evil.example/", "are not in the setting fetch_from"),
    ("http://127.0.0.1:1/", "are not in the setting fetch_from"),
    ("file:///etc/passwd", "it is no URL"),
    ("http://user@{place}/", "it has a user's name"),
    ("gopher://{place}/", ""),
    ("http://{place}/" + "a" * 5000, "it is too long"),
])
def test_a_redirect_is_judged(server, to, text):
    server.answers |= {"/": b"x", "/1": lambda one: one.redirect(to.format(place=server.place))}
    refused(fetch(server, "/1"), text)
    assert server.paths == ["/1"]


@pytest.fixture
def secure(tmp_path):
    """An https server, and the path of its certificate."""
    must(stock("req", "-x509", *NEW_KEY, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", tmp_path / "key", "-out", tmp_path / "cert"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with web() as one:
        one.socket = context.wrap_socket(one.socket, server_side=True)
        yield one, tmp_path / "cert"


ROOTS = "/etc/ssl/certs/ca-certificates.crt"
# In a mount namespace of its own, with another file of roots.
WITH_ROOTS = ("unshare", "-m", "sh", "-c", f'mount --bind "$0" {ROOTS} && exec "$@"')


def fetch_trusting(root, path, hosts):
    if run(*WITH_ROOTS, root, "true").rc != 0:
        pytest.skip(f"{ROOTS} cannot be replaced: unshare -m needs root")
    return run(*WITH_ROOTS, root, FETCH_URL, hosts, "yes", MOST, 60000, path, conf="/dev/null")


def test_a_certificate_that_nobody_vouches_for(secure):
    """One that no root of the system has issued is refused before anything is sent."""
    server, _ = secure
    refused(fetch(server, f"https://{server.place}/x"), "certificate")
    assert not server.asked


def test_from_https_to_http(server, secure):
    """What is fetched from a server that a root vouches for stays protected."""
    tls, root = secure
    url, hosts = f"https://{tls.place}", f"{tls.place} {server.place}"
    server.answers |= {"/x": b"plain", "/1": lambda one: one.redirect(f"{url}/x"),
                       "/2": lambda one: one.redirect(f"{url}/3")}
    tls.answers |= {"/x": b"secret", "/1": lambda one: one.redirect("/x"),
                    "/2": lambda one: one.redirect(f"{server.url}/x"),
                    "/3": lambda one: one.redirect(f"http://{tls.place}/x")}
    for start in (f"{url}/x", f"{url}/1", f"{server.url}/1"):
        assert must(fetch_trusting(root, start, hosts)).out == b"secret"
    for start in (f"{url}/2", f"{url}/3", f"{server.url}/2"):
        refused(fetch_trusting(root, start, hosts), "it leads from https to http, which is not followed")
    assert "/x" not in server.paths and tls.paths.count("/x") == 3


@pytest.mark.parametrize("status", ["204 No Content", "301 Moved", "304 Not Modified", "401 No", "404 No", "500 No",
                                    "206 Partial", "999 x"])
def test_other_answers(server, status):
    server.answers["/x"] = lambda one: one.reply(b"" if status[0] != "4" else b"x", status)
    refused(fetch(server, "/x"), f"status {status[:3]}")


def test_sizes(server):
    """Bounds hold for what comes, not for what is said."""
    def endless(one):
        one.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            one.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    def unlimited(one):
        one.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            one.wfile.write(b"x" * 4096)

    server.answers |= {
        "/most": b"x" * MOST, "/more": b"x" * (MOST + 1), "/endless": endless, "/unlimited": unlimited, "/empty": b"",
        "/short": lambda one: one.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"),
        "/lies": lambda one: one.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx"),
        "/negative": lambda one: one.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"),
    }
    assert must(fetch(server, "/most")).out == b"x" * MOST
    for path in ("/more", "/endless", "/unlimited"):
        refused(fetch(server, path), f"more than {MOST} bytes")
    refused(fetch(server, "/empty"), "the answer is empty")
    refused(fetch(server, "/short"))
    # libcurl takes a length that is none for one that was not given.
    for path in ("/lies", "/negative"):
        assert fetch(server, path).out in (b"", b"x")


def test_what_is_compressed_stays_so(server):
    bomb = gzip.compress(bytes(50_000_000))
    server.answers["/bomb"] = lambda one: one.reply(bomb, "200 OK", "Content-Encoding: gzip")
    assert must(fetch(server, "/bomb")).out == bomb


@pytest.mark.parametrize("answer", [
    b"", b"\x00" * 100, b"x" * 100, b"HTTP/1.1 200\r\n", b"HTTP/1.1 abc OK\r\n\r\nx",
    b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 1_000_000,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], ids=range(8))
def test_garbage(server, answer):
    server.answers["/x"] = lambda one: one.wfile.write(answer)
    refused(fetch(server, "/x"))


def trickle(one):
    one.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not one.server.ended.wait(0.02):
        one.wfile.write(b"x")


def without_end(one):
    one.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while not one.server.ended.wait(0.02):
        one.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("answer", [lambda one: one.wait(), trickle, without_end], ids=["silent", "slow", "continue"])
def test_stalls(server, answer):
    """The time is up for all of it; on a busy machine perhaps before the second question."""
    server.answers |= {"/x": answer, "/1": lambda one: one.redirect("/x")}
    result = fetch(server, "/1", patience=300)
    refused(result)
    assert "Timeout was reached" in result.err or "no time left" in result.err, result


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(fetch(None, f"http://{place}/", hosts=place), "is the server there?")


def test_no_proxy_and_no_secrets(server, tmp_path):
    """Neither the environment nor a file of the user's changes what is asked, or who."""
    (tmp_path / ".netrc").write_text("default login alice password secret\n")
    server.answers["/x"] = b"x"
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    env = {name: "http://127.0.0.1:1" for name in names} | {"HOME": str(tmp_path)}
    assert must(fetch(server, "/x", env=env)).out == b"x"
    assert "Authorization" not in server.asked[0][1]


def test_its_bound_is_in_force_after_a_look_up(server):
    """A name that nobody answers for ends in time."""
    begun = time.monotonic()
    refused(fetch(None, "http://nosuch.invalid/", hosts="nosuch.invalid", patience=2000))
    assert time.monotonic() - begun < 60
