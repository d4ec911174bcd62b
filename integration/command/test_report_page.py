# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy report`: one page, or one JSON object, of what is stored and what was refused."""

import base64
import hashlib
import html.parser
import json
import os
import re
import shutil
import stat

import pytest

from harness import COMMAND, REPO, must, run
from keyrings import make_keyring

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
NOW = "2026-06-01 12:00:00"
HOSTILE = "</script><script>document.title='taken'</script><!--"


def report(keyring, *words, policy=None):
    settings = ("--policy", policy) if policy else ()
    return run("faketime", "-f", NOW, COMMAND, *settings, "--keyring", keyring, "report", *words)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A certificate whose subject would like to be a script."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "cnf").write_text("[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = x\n"
                                "[ext]\nsubjectAltName = email:hostile@example.com\n"
                                "keyUsage = critical, digitalSignature, keyEncipherment\n"
                                "extendedKeyUsage = emailProtection\nbasicConstraints = CA:FALSE\n")
    must(run("faketime", "-f", NOW, "openssl", "req", "-x509", "-config", folder / "cnf", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key", "-out", folder / "pem", "-days", "90",
             "-utf8", "-subj", "/CN=" + HOSTILE.replace("/", "\\/"), conf="/dev/null"))
    return folder / "pem"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory, pki, hostile):
    folder = tmp_path_factory.mktemp("report")
    return make_keyring(folder / "keyring", f"ca:{pki.ca}", f"contact:{pki.good_rsa.pem}",
                        f"contact:{pki.expired.pem}", f"contact:{pki.no_san.pem}", f"contact:{hostile}")


def line(day, verdict, program, rule, subject="CN=Bob"):
    return json.dumps({"time": f"{day}T08:00:00Z", "program": program, "verdict": verdict, "subject": subject,
                       "certificate": "ab" * 32,
                       "findings": [{"rule": rule, "severity": "deny"}, {"rule": "eku-any", "severity": "warn"}]}) + "\n"


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """Settings with a decision log that has lines of every kind."""
    folder = tmp_path_factory.mktemp("log")
    (folder / "log").write_text(
        line("2026-05-30", "refused", "openssl", "expired") + line("2026-05-30", "refused", "php", "expired", HOSTILE)
        + line("2026-05-31", "observed", "openssl", "key-usage") + line("2026-05-31", "allowed", "openssl", "expired")
        + line("2026-04-01", "refused", "openssl", "expired") + "no line of ours\n" + "[1]\n" + "a\0b\n" + "x" * 200000 + "\n"
        + line("2026-06-01", "refused", "openssl", "key-usage")[:-1])
    (folder / "policy.cnf").write_text(f"decision_log = {folder}/log\n")
    return folder / "policy.cnf"


class Page(html.parser.HTMLParser):
    """The scripts, styles and everything that would be loaded of a page."""

    def __init__(self, text):
        super().__init__()
        self.inside, self.parts, self.loaded, self.policy = None, {}, [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.inside = f"{tag} {attributes['type']}" if "type" in attributes and tag == "script" else tag
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside in ("script", "style", "script application/json"):
            assert self.inside not in self.parts, "there is one of each"
            self.parts[self.inside] = data


def test_the_page_has_what_json_has(keyring, policy, tmp_path):
    done = report(keyring, "--html", tmp_path / "page.html", policy=policy)
    assert (done.rc, done.text) == (DONE, ""), done
    page = Page((tmp_path / "page.html").read_text())
    assert json.loads(page.parts["script application/json"]) == json.loads(report(keyring, "--json", policy=policy).out)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["page.html"]
    assert report(keyring, "--html", "-", policy=policy).out == (tmp_path / "page.html").read_bytes()


def test_the_page_needs_no_other_file(keyring, tmp_path):
    must(report(keyring, "--html", tmp_path / "page.html"))
    page = Page((tmp_path / "page.html").read_text())
    assert page.loaded == ["#certificates"]
    hashes = {kind: base64.b64encode(hashlib.sha256(page.parts[kind].encode()).digest()).decode()
              for kind in ("style", "script")}
    assert page.policy == (f"default-src 'none'; style-src 'sha256-{hashes['style']}'; "
                           f"script-src 'sha256-{hashes['script']}'")
    for source in ("page.html", "page.css", "page.js"):
        text = (REPO / "shim" / "tool" / "overview" / source).read_text()
        assert not re.search(r"innerHTML|outerHTML|document\.write|eval\(|url\(|@import|\bon\w+=", text), source


def test_names_of_strangers_end_no_script(keyring, policy, tmp_path):
    must(report(keyring, "--html", tmp_path / "page.html", policy=policy))
    text = (tmp_path / "page.html").read_text()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>\n<script>', text, re.S)[1]
    assert "<" not in data and "alert" not in data
    told = json.loads(data)
    assert any("document.title" in one["subject"] for one in told["certificates"])
    assert any("document.title" in row["name"] for row in told["log"]["certificates"])


def test_certificates(keyring):
    told = {one["addresses"][0] if one["addresses"] else one["subject"]: one
            for one in json.loads(report(keyring, "--json").out)["certificates"]}
    expired, good = told["expired@example.com"], told["good_rsa@example.com"]
    assert expired["state"] == "expired"
    assert [one["rule"] for one in expired["findings"]] == ["expired", "validity-too-long"]
    assert expired["findings"][0]["severity"] == "deny" and expired["findings"][0]["remedy"]
    assert good["state"] == "usable" and [one["severity"] for one in good["findings"]] == ["warn"]
    unusable = [one for one in told.values() if one["state"] == "unusable"]
    assert [one["findings"][0]["rule"] for one in unusable] == ["san-email"], unusable
    issuer = next(one for one in told.values() if one["fingerprint"] == good["issued_by"])
    assert issuer["role"] == "ca" and issuer["subject"] == good["issuer"]


def test_the_log_is_counted(keyring, policy):
    log = json.loads(report(keyring, "--json", policy=policy).out)["log"]
    rows = {table: {row["name"]: (row["refused"], row["observed"]) for row in log[table]}
            for table in ("rules", "programs", "days", "certificates")}
    assert (log["refused"], log["observed"], log["skipped"], log["unreadable"]) == (3, 1, 4, None)
    assert log["since"] == "2026-05-02T12:00:00Z"
    assert rows["rules"] == {"expired": (2, 0), "key-usage": (1, 1)}
    assert rows["programs"] == {"openssl": (2, 1), "php": (1, 0)}
    assert rows["days"] == {"2026-05-30": (2, 0), "2026-05-31": (0, 1), "2026-06-01": (1, 0)}
    assert rows["certificates"]["CN=Bob (abababababababab)"] == (2, 1)


def test_a_log_with_many_names(keyring, tmp_path):
    (tmp_path / "log").write_text("".join(line("2026-05-30", "refused", f"p{i}", "expired") for i in range(1200)))
    (tmp_path / "policy.cnf").write_text(f"decision_log = {tmp_path}/log\n")
    programs = json.loads(report(keyring, "--json", policy=tmp_path / "policy.cnf").out)["log"]["programs"]
    assert len(programs) == 1001 and programs[-1] == {"name": "(others)", "refused": 200, "observed": 0}


@pytest.mark.parametrize("make,why", [
    (lambda path: None, None),
    (os.mkfifo, "it is not a regular file"),
    (os.mkdir, "it is not a regular file"),
    (lambda path: os.symlink(path, path), "Too many levels of symbolic links"),
])
def test_a_log_that_cannot_be_read(keyring, tmp_path, make, why):
    make(tmp_path / "log")
    (tmp_path / "policy.cnf").write_text(f"decision_log = {tmp_path}/log\n")
    log = json.loads(report(keyring, "--json", policy=tmp_path / "policy.cnf").out)["log"]
    assert (log["file"], log["unreadable"], log["rules"]) == (f"{tmp_path}/log", why, [])


def test_syslog_is_not_read(keyring, tmp_path):
    (tmp_path / "policy.cnf").write_text("decision_log = syslog\n")
    log = json.loads(report(keyring, "--json", policy=tmp_path / "policy.cnf").out)["log"]
    assert log["unreadable"] == "it goes to syslog, which is not read"


@pytest.mark.parametrize("words,code,text", [
    ((), USAGE, "report: give --html FILE or --json"),
    (("--html", "{}/page", "--json"), USAGE, "report: give --html FILE or --json"),
    (("--html", "{}/page", "more"), USAGE, "report: more is not an option"),
    (("--html", "{}/none/page"), SYSTEM, "none/page"),
    (("--html", ""), SYSTEM, "No such file"),
])
def test_refused_command_lines(keyring, tmp_path, words, code, text):
    done = report(keyring, *(word.format(tmp_path) for word in words))
    assert done.rc == code and text in done.err and done.out == b"", done
    assert os.listdir(tmp_path) == []


def test_a_damaged_keyring_leaves_the_old_page(keyring, tmp_path):
    shutil.copytree(keyring, tmp_path / "keyring")
    (tmp_path / "keyring" / "certificates.db").write_bytes(b"x" * 8192)
    (tmp_path / "page").write_text("old")
    done = report(tmp_path / "keyring", "--html", tmp_path / "page")
    assert done.rc == SYSTEM and "it is damaged" in done.err, done
    assert sorted(os.listdir(tmp_path)) == ["keyring", "page"] and (tmp_path / "page").read_text() == "old"


def test_no_keyring(tmp_path):
    done = report(tmp_path / "none", "--html", tmp_path / "page")
    assert done.rc == SYSTEM and "there is no keyring in" in done.err and os.listdir(tmp_path) == [], done


def test_a_full_disk(keyring):
    done = run("/bin/sh", "-c", 'exec "$0" "$@" >/dev/full', COMMAND, "--keyring", keyring, "report", "--html", "-")
    assert done.rc == SYSTEM and "cannot write to standard output" in done.err, done
