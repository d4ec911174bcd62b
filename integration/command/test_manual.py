# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The manual pages: one for each command, clean, with the options and examples of its help."""

import re
import shutil

import pytest

from harness import BUILD, COMMAND, REPO, environment, must, run

PAGES = BUILD / "docs"
HELPS = {"cms" if path.stem == "names" else path.stem: path.read_text() for path in sorted(
    (REPO / "shim" / "common" / "help").glob("*.txt")) if path.stem != "general"}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"]
EXAMPLES = [(command, line.strip()) for command, text in HELPS.items()
            for line in re.split(r"(?<!\\)\n", text.partition("\nExamples:\n")[2].strip()) if line]

# What a page calls by names of its own, and what a prompt would ask for.
HERE = [("/etc/smime-policy/passphrase", "secret"), ("/etc/smime-policy/", "$PWD/"), ("/backup/", ""), ("/backup", "."),
        ("robot@", "alice@"), ("/srv/helpdesk/certificates", "contacts"), ("2027-01-01T00:00:00Z", "{now}"),
        ("3f2a91c07be4d5f8", "{fingerprint}"), ("alice.p12", "alice.p12 --passin file:secret"),
        ("passphrase alice@example.com", "passphrase alice@example.com --passout file:secret"),
        ("smime-policy new ", "smime-policy new --passin file:secret --passout file:secret ")]


def page(command):
    return (PAGES / f"smime-policy-{command}.1").read_text()


def plain(text):
    """Without the marks of roff."""
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


@pytest.mark.parametrize("path", [
    *sorted(PAGES.glob("*.[157]")), *sorted((REPO / "docs" / "man").glob("*.[357]"))],
    ids=lambda path: path.name)
def test_mandoc_is_content(path):
    if path.read_text().startswith(".so "):
        return
    lint = run("mandoc", "-Tlint", "-W", "warning", path)
    assert lint.rc == 0, lint


@pytest.mark.parametrize("command", HELPS)
def test_has_what_a_page_has(command):
    text = page(command)
    sections = re.findall(r"^\.SH (.*)$", text, re.M)
    assert [name for name in sections if name in SECTIONS] == SECTIONS
    assert not re.search(r"^\.SH .*\n\.SH", text, re.M)  # none is empty


@pytest.mark.parametrize("command", HELPS)
def test_has_every_option_of_the_help(command):
    """As a paragraph of its own, with its value."""
    rows = re.findall(r"^  ((?:-\w, )?-.*?)(?:  .*)?$", HELPS[command].partition("\nExamples:\n")[0],
                      re.M)
    terms = re.findall(r"^\.TP\n(.*)$", page(command), re.M)
    assert set(rows) <= {plain(term) for term in terms}


def test_the_overview_leads_to_every_page():
    overview = plain((PAGES / "smime-policy.1").read_text())
    for command in HELPS:
        assert f".BR smime-policy-{command} (1)" in overview


def test_the_stock_names_share_a_page():
    assert page("smime") == ".so man1/smime-policy-cms.1\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that the examples name, and a keyring."""
    folder = tmp_path_factory.mktemp("desk")
    must(run("sh", "-ec", """
        certificate() { # NAME ADDRESSES EXTENSION OPTION...
            name=$1 san=$2 extension=$3; shift 3
            openssl req -x509 -newkey rsa:2048 -noenc -keyout $name.key -out $name.pem -days 365 \
                -subj "/CN=$name" -extensions $extension $san "$@" 2>/dev/null
        }
        use="-addext keyUsage=critical,digitalSignature,keyEncipherment"
        certificate ca "" v3_ca -addext keyUsage=critical,keyCertSign,cRLSign
        certificate alice "-addext subjectAltName=email:alice@example.com,email:alice@example.org" \
            usr_cert $use -CA ca.pem -CAkey ca.key
        certificate bob "-addext subjectAltName=email:bob@example.org" usr_cert $use
        certificate carol "-addext subjectAltName=email:carol@example.net" usr_cert $use
        echo secret >secret
        openssl pkcs12 -export -in alice.pem -inkey alice.key -passout file:secret -out alice.p12
        mkdir contacts && cp carol.pem contacts && cp ca.pem chain.pem && cp ca.pem commercial-ca.pem
        printf '[ca]\\ndefault_ca = this\\n[this]\\ndatabase = index\\n' >ca.cnf && : >index
        openssl ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -md sha256 -crldays 7 \
            -out commercial-ca.crl 2>/dev/null
        printf 'From: alice@example.com\\nTo: bob@example.org\\n\\nhello\\n' >mail.eml
        echo '<?php echo 1;' >mail.php
        mkdir -p .smime/certificates .smime/keys && cp bob.pem .smime/certificates/0.0
        echo 'bob@example.org 0.0 - ? t se' >.smime/certificates/.index
        printf '#!/bin/sh\\ncase "$*" in *--export) cat bob.pem;; esac\\n' >gpgsm && chmod +x gpgsm
        printf '#!/bin/sh\\ncat >/dev/null\\n' >sendmail && chmod +x sendmail
        export SMIME_POLICY_KEYRING=$PWD/keyring
        smime-policy upload --no-passphrase alice.pem alice.key bob.pem carol.pem ca.pem
        smime-policy export --all --keys -o everything.pem
        smime-policy new --ca 'Example team' example.com --key ec:P-256 --passout file:secret
        smime-policy sign --headers -in mail.eml -out signed.eml
        smime-policy encrypt --headers --to-self -in mail.eml -out sealed.eml
        mkdir -p Maildir/cur Maildir/new
        { echo 'From x'; cat mail.eml; } >archive.mbox
        openssl cms -sign -nodetach -outform DER -signer alice.pem -inkey alice.key -in mail.eml \
            -out mail.p7m
        smime-policy config >openssl.cnf
        """, cwd=folder, env=surroundings(folder)))
    return folder


def surroundings(folder):
    env = environment()
    env["PATH"] = f"{COMMAND.parent}:{folder}:{env['PATH']}"
    env["SMIME_POLICY_KEYRING"] = str(folder / "keyring")
    env["HOME"] = str(folder)
    return env


@pytest.mark.parametrize("command, line", EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_the_example_works(desk, command, line, tmp_path):
    """And it is on the page."""
    assert all(part.strip() in plain(page(command)) for part in line.splitlines())
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder)
    if command == "upload":
        shutil.rmtree(folder / "keyring")
    fingerprint = must(run("openssl", "x509", "-in", folder / "alice.pem", "-noout", "-fingerprint",
                           "-sha256")).text.partition("=")[2].replace(":", "").lower()
    now = must(run("date", "-u", "+%Y-%m-%dT%H:%M:%SZ")).text.strip()
    for theirs, here in HERE:
        line = line.replace(theirs, here.format(now=now, fingerprint=fingerprint[:16]))
    result = run("bash", "-o", "pipefail", "-c", line, cwd=folder, env=surroundings(folder))
    if command in ("hub", "sync"):
        assert "no hub is set" in result.text, result  # test_hub.py runs them with one
        return
    assert result.rc == 0, result
