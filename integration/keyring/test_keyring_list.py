# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Reading the keyring: list, show and trust."""

import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness import COMMAND, NEW_KEY, copy_command, environment, must, run, stock

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)

# name in the pki: (role, state, uses)
STORED = {
    "good_rsa": ("identity", "usable", ["sign", "encrypt", "verify", "decrypt"]),
    "root": ("ca", "usable", []),
    "intermediate": ("ca", "usable", []),
    "old_intermediate": ("ca", "expired", []),
    "good_chain": ("contact", "usable", ["encrypt", "verify"]),
    "old_chain": ("contact", "usable", ["encrypt", "verify"]),
    "ku_ds": ("contact", "usable", ["verify"]),
    "ku_ke": ("contact", "usable", ["encrypt"]),
    "expired": ("contact", "expired", ["verify"]),
    "future": ("contact", "not-yet-valid", []),
    "self_ca": ("contact", "usable", ["encrypt", "verify"]),
    "ending": ("contact", "usable", ["encrypt", "verify"]),
    "good_p256": ("identity", "usable", ["sign", "encrypt", "verify", "decrypt"]),
}


def fingerprint(cert):
    """The certificate's SHA-256 as stock tells it, in lower case."""
    text = must(stock("x509", "-in", cert.pem, "-noout", "-fingerprint", "-sha256")).text
    return text.strip().partition("=")[2].replace(":", "").lower()


@pytest.fixture(scope="module")
def keyring(tmp_path_factory, pki):
    """A keyring with one of each."""
    path = tmp_path_factory.mktemp("keyrings") / "keyring"
    pass_file = path.parent / "pass"
    pass_file.write_text("secret\n")
    upload = (COMMAND, "--keyring", path, "upload")
    must(run(*upload, "--no-passphrase", pki.good_rsa.pem, pki.good_rsa.key))
    others = [name for name in STORED if name not in ("good_rsa", "good_p256")]
    must(run(*upload, *[pki[name].pem for name in others]))
    must(run(*upload, "--passout", f"file:{pass_file}", pki.good_p256.pem, pki.good_p256.key))
    return path


def ask(keyring, *words, **kwargs):
    """Run our command on a keyring, which it must not change."""
    before = {path.name: path.read_bytes() for path in keyring.iterdir()}
    result = run(COMMAND, "--keyring", keyring, *words, **kwargs)
    assert {path.name: path.read_bytes() for path in keyring.iterdir()} == before
    return result


def rows(result):
    """The objects of --json, one a line."""
    return [json.loads(line) for line in result.out.splitlines()]


def names(result):
    """The common names in the order of the output."""
    return [row["subject"].rpartition("CN=")[2] for row in rows(result)]


# --- list


def test_list_json(keyring, pki):
    """Role, state and uses of every certificate, in the order of upload."""
    result = ask(keyring, "list", "--json")
    assert result.rc == DONE and result.err == ""
    assert names(result) == list(STORED)
    for row in rows(result):
        name = row["subject"].rpartition("CN=")[2]
        assert (row["role"], row["state"], row["uses"]) == STORED[name], name
        assert row["vouches"] == (row["role"] == "ca" and row["state"] == "usable")
        assert row["fingerprint"] == fingerprint(pki[name])
        assert row["addresses"] == ([] if row["role"] == "ca" else [f"{name}@example.com"])
        assert row["not_after"].endswith("Z") and row["uploaded"].startswith("20")


def test_list_table(keyring, pki):
    """One line for each under a headline; in a pipe without colour, and nothing is cut."""
    result = ask(keyring, "list", env={"TERM": "xterm"})
    lines = result.out.decode().splitlines()
    assert result.rc == DONE and result.err == "" and "\033" not in result.text
    assert len(lines) == len(STORED) + 1
    assert lines[0].split() == ["ROLE", "STATE", "USES", "NOT", "AFTER", "ORIGIN", "SINCE",
                                "FINGERPRINT", "ADDRESSES", "SUBJECT"]
    row = next(line for line in lines if "good_chain" in line)
    assert row.startswith("contact       usable         encrypt, verify")
    assert re.search(r"2099-12-31  uploaded   20\d\d-\d\d-\d\d  ", row) and fingerprint(pki.good_chain)[:16] in row
    assert row.endswith("emailAddress=good_chain@example.com,CN=good_chain")
    assert any(line.startswith("ca            usable         vouches") for line in lines)


@pytest.mark.parametrize("options, expected", [
    (["--role", "identity"], ["good_rsa", "good_p256"]),
    (["--role", "ca"], ["root", "intermediate", "old_intermediate"]),
    (["--state", "expired"], ["old_intermediate", "expired"]),
    (["--state", "expired", "--role", "ca"], ["old_intermediate"]),
    (["--state", "not-yet-valid"], ["future"]),
    (["--state", "unusable"], []),
    (["--address", "EXPIRED@Example.COM"], ["expired"]),
    (["--address", '"expired"@example.com'], ["expired"]),
    (["--address", "nobody@example.com"], []),
    (["--address", "good_rsa@example.com", "--role", "contact"], []),
])
def test_list_filters(keyring, options, expected):
    """Each filter alone and together; finding nothing is no error."""
    result = ask(keyring, "list", "--json", *options)
    assert result.rc == DONE and result.err == "", result
    assert names(result) == expected


@pytest.mark.parametrize("options, expected", [
    (["--expiring", "30d"], ["old_intermediate", "expired", "ending"]),
    (["--expiring", "30d", "--state", "usable"], ["ending"]),
    (["--expiring", "2w", "--state", "usable"], ["ending"]),
    (["--expiring", "720h", "--state", "usable"], ["ending"]),
    (["--expiring", "1w", "--state", "usable"], []),
    (["--expiring", "30d", "--role", "ca"], ["old_intermediate"]),
    (["--expiring", "30d", "--role", "identity"], []),
    (["--expiring", "30d", "--address", "good_chain@example.com"], []),
])
def test_list_expiring(keyring, options, expected):
    """What has expired or will; the exit code says whether there is any, without output too."""
    code = REFUSED if expected else DONE
    result = ask(keyring, "list", "--json", *options)
    assert result.rc == code and result.err == "" and names(result) == expected, result
    table = ask(keyring, "list", *options)
    assert table.rc == code and len(table.out.splitlines()) == len(expected) + bool(expected)
    quiet = ask(keyring, "list", "--quiet", *options)
    assert (quiet.rc, quiet.out, quiet.err) == (code, b"", ""), quiet


def test_unusable_does_not_expire(tmp_path, pki):
    """What a rule refuses whatever the date need not be renewed: it is of no use already."""
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", pki.weak_key.pem))
    policy = tmp_path / "policy.cnf"
    policy.write_text("weak_key = deny\n")
    result = run(COMMAND, "--policy", policy, "--keyring", tmp_path / "k", "list", "--expiring",
                 "99999w")
    assert (result.rc, result.out, result.err) == (DONE, b"", ""), result
    assert ask(tmp_path / "k", "list", "--expiring", "99999w").rc == REFUSED


def test_list_domain_as_people_write_it(tmp_path, pki):
    """A domain outside ASCII is found by its A-labels."""
    pem = tmp_path / "idn.pem"
    must(stock("req", "-x509", *NEW_KEY, "-keyout", tmp_path / "key",
               "-out", pem, "-subj", "/CN=idn", "-addext", "keyUsage=digitalSignature",
               "-addext", "subjectAltName=email:bob@xn--bcher-kva.example"))
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", pem))
    result = ask(tmp_path / "k", "list", "--json", "--address", "bob@bücher.example")
    assert result.rc == DONE and names(result) == ["idn"]


def test_list_says_why_it_is_unusable(tmp_path, pki):
    """The rules that refuse it by the present settings."""
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", pki.weak_key.pem))
    assert rows(ask(tmp_path / "k", "list", "--json"))[0]["state"] == "usable"
    policy = tmp_path / "policy.cnf"
    policy.write_text("weak_key = deny\n")
    strict = (COMMAND, "--policy", policy, "--keyring", tmp_path / "k", "list")
    result = run(*strict)
    assert result.rc == DONE and "contact       unusable       -  " in result.text
    assert "[weak-key] emailAddress=weak_key@example.com" in result.text
    row = rows(run(*strict, "--json", "--state", "unusable"))[0]
    assert row["uses"] == [] and row["rules"] == ["weak-key"]


@pytest.mark.parametrize("words, text", [
    (["list", "--role", "friend"], "no such role"),
    (["list", "--state", "fine"], "no such state"),
    (["list", "--expiring", "30"], "not a span of time"),
    (["list", "--expiring", "0d"], "not a span of time"),
    (["list", "--expiring", "-1d"], "not a span of time"),
    (["list", "--expiring", "99999999999999999999d"], "not a span of time"),
    (["list", "bob@example.org"], "--address"),
    (["show"], "no certificate named"),
    (["show", "bob"], "neither an address nor a fingerprint"),
    (["show", "abcdef0"], "neither an address nor a fingerprint"),
    (["show", "0" * 65], "neither an address nor a fingerprint"),
    (["trust"], "takes one address"),
    (["trust", "a@example.org", "b@example.org"], "takes one address"),
    (["list", "--frobnicate"], "unknown option --frobnicate"),
])
def test_usage(keyring, words, text):
    """Usage errors go to stderr and exit 1."""
    result = ask(keyring, *words)
    assert result.rc == USAGE and result.out == b"" and text in result.err


@pytest.mark.parametrize("words", [["list"], ["show", "a@example.org"], ["trust", "a@example.org"]])
def test_no_keyring(tmp_path, words):
    """Reading makes no keyring, and the message says how one is made."""
    result = run(COMMAND, "--keyring", tmp_path / "none", *words)
    assert result.rc == SYSTEM and result.out == b"" and "there is no keyring in" in result.err
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(keyring, columns, *words, **env):
    """The output of the command on a terminal of that width."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=theirs, check=True)
    child = subprocess.Popen([COMMAND, "--keyring", keyring, *words], stdin=subprocess.DEVNULL,
                             stdout=theirs, stderr=subprocess.PIPE,
                             env=environment(TERM="xterm", **env))
    os.close(theirs)
    text = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:
            break
        if not block:
            break
        text += block
    os.close(ours)
    assert child.wait() == DONE and child.stderr.read() == b""
    child.stderr.close()
    return text.decode()


@pytest.mark.parametrize("columns", [60, 80, 110, 200])
def test_list_fits_the_terminal(keyring, columns):
    """No row is wider than the terminal, or than the columns that are never cut."""
    lines = on_a_terminal(keyring, columns, "list", NO_COLOR="1").splitlines()
    assert len(lines) == len(STORED) + 1
    assert max(len(line) for line in lines) <= max(columns, 71)
    row = next(line for line in lines if "good_chain" in line)
    assert ("encrypt, verify" if columns >= 142 else "-ev-") in row


def test_list_colours_the_state(keyring):
    """The state is coloured on a terminal, unless that is switched off."""
    assert "\033[1;33mexpired" in on_a_terminal(keyring, 200, "list")
    assert "\033" not in on_a_terminal(keyring, 200, "list", NO_COLOR="1")


def test_control_characters_never_arrive(tmp_path):
    """Text of a certificate cannot move the cursor or begin a line."""
    pem = tmp_path / "evil.pem"
    must(stock("req", "-x509", *NEW_KEY, "-keyout", tmp_path / "key",
               "-out", pem, "-utf8", "-subj", "/CN=a\033[31m\nsmime-policy-role: ca\u202e",
               "-addext", "keyUsage=digitalSignature",
               "-addext", "subjectAltName=email:evil@example.com"))
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", pem))
    for words in (["list"], ["list", "--json"], ["show", "evil@example.com"],
                  ["trust", "evil@example.com"], ["export", "--all"]):
        result = ask(tmp_path / "k", *words)
        assert result.rc == DONE
        assert all(byte == 10 or 32 <= byte < 127 for byte in result.out), words
        assert "\nsmime-policy-role: ca" not in result.text
        assert "\\1B[31m" in result.text.replace("\\\\", "\\"), words


def test_list_says_what_is_damaged(keyring, tmp_path):
    """A damaged entry ends the list with a remedy."""
    path = tmp_path / "k"
    shutil.copytree(keyring, path)
    with sqlite3.connect(path / "certificates.db") as db:
        db.execute("UPDATE certificate SET der = x'3003020101' WHERE id = 3")
    result = ask(path, "list", "--json")
    assert result.rc == SYSTEM and "keyring check" in result.err
    assert names(result) == list(STORED)[:2]


# --- show


def test_show_text(keyring, pki):
    """Every detail, and the findings of each use as check prints them."""
    result = ask(keyring, "show", "good_chain@example.com")
    text = result.out.decode()
    assert result.rc == DONE and result.err == ""
    assert text.startswith(f"contact {fingerprint(pki.good_chain)}\n")
    for line in ("  subject: emailAddress=good_chain@example.com,CN=good_chain",
                 "  issuer: emailAddress=intermediate@example.com,CN=intermediate",
                 "  addresses: good_chain@example.com", "  valid: 2020-01-01T00:00:00Z to 2099-",
                 "  key usage: Digital Signature, Key Encipherment",
                 "  extended key usage: E-mail Protection", "  state: usable (encrypt, verify)",
                 "  private key: none", "  encrypt  usable", "  verify   usable"):
        assert f"\n{line}" in text, line
    assert "BEGIN CERTIFICATE" not in text
    checked = run(COMMAND, "check", "--for", "encrypt", pki.expired.pem).out.decode()
    shown = ask(keyring, "show", "expired@example.com").out.decode()
    assert checked[checked.index("  encrypt  refused"):] in shown


def test_show_pem(keyring, pki):
    """The certificate itself, for whoever reads PEM."""
    result = ask(keyring, "show", "--pem", "good_chain@example.com")
    assert result.rc == DONE
    assert result.out.endswith(pki.good_chain.pem.read_bytes())
    row = rows(ask(keyring, "show", "--pem", "--json", "good_chain@example.com"))[0]
    assert row["pem"].encode() == pki.good_chain.pem.read_bytes()


@pytest.mark.parametrize("spell", [lambda f: f, str.upper, lambda f: f[:8], lambda f: f[:9],
                                   lambda f: ":".join(f[i:i + 2] for i in range(0, 64, 2))])
def test_show_by_fingerprint(keyring, pki, spell):
    """By the whole fingerprint or its beginning, in any spelling."""
    result = ask(keyring, "show", "--json", spell(fingerprint(pki.ku_ds)))
    assert result.rc == DONE and names(result) == ["ku_ds"]


def test_show_json(keyring):
    """The verdicts are those of the rules; of the private key only its kind is shown."""
    rsa, ec, contact = rows(ask(keyring, "show", "--json", "good_rsa@example.com",
                                "good_p256@example.com", "ku_ds@example.com"))
    assert [rsa["private_key"], ec["private_key"], contact["private_key"]] == [
        "plain", "encrypted", "none"]
    assert {v["use"]: v["allowed"] for v in contact["verdicts"]} == {"encrypt": False,
                                                                     "verify": True}
    assert contact["rules"] == ["usage-encrypt"] and contact["state"] == "usable"
    assert contact["issuer"].endswith("CN=root") and contact["key_usage"] == "Digital Signature"


def test_show_not_found(keyring):
    """The message is one line, and says nothing of the others."""
    for word in ("nobody@example.com", "0123456789abcdef"):
        result = ask(keyring, "show", "good_rsa@example.com", word)
        assert result.rc == INPUT and result.out == b""
        assert len(result.err.splitlines()) == 1 and word in result.err


def test_show_ambiguous(tmp_path, keyring, pki):
    """All certificates that a short fingerprint may mean are listed."""
    path = tmp_path / "k"
    shutil.copytree(keyring, path)
    good = fingerprint(pki.good_chain)
    with sqlite3.connect(path / "certificates.db") as db:
        db.execute("UPDATE certificate SET fingerprint = ? WHERE fingerprint = ?",
                   (bytes.fromhex(good[:32] + "0" * 32), bytes.fromhex(fingerprint(pki.ku_ds))))
    result = ask(path, "show", good[:16])
    assert result.rc == USAGE and result.out == b""
    assert good in result.err and good[:32] + "0" * 32 in result.err
    assert "CN=ku_ds" in result.err and "CN=good_chain" in result.err
    assert ask(path, "show", good).rc == DONE


def test_show_hides_the_pin(tmp_path, pki):
    """Secrets in the URI of a key are not shown."""
    path = tmp_path / "k"
    must(run(COMMAND, "--keyring", path, "upload", "--key-uri",
             f"file:{pki.good_rsa.key}", pki.good_rsa.pem))
    with sqlite3.connect(path / "keys.db") as db:
        db.execute("UPDATE private_key SET uri = 'pkcs11:token=a?pin-value=geheim'")
    result = ask(path, "show", "good_rsa@example.com")
    assert result.rc == DONE and "  private key: at pkcs11:token=a\n" in result.text
    assert "geheim" not in result.text
    row = rows(ask(path, "show", "--json", "good_rsa@example.com"))[0]
    assert (row["private_key"], row["private_key_uri"]) == ("uri", "pkcs11:token=a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can be somebody else")
def test_others_read_the_public_part(keyring):
    """Everybody may read certificates; whether there is a key is not shown."""
    directory = f"/tmp/smime-policy-test-{os.getpid()}"
    try:
        os.mkdir(directory, 0o755)
        shutil.copytree(keyring, f"{directory}/keyring")
        # Other users may not be able to enter the build.
        copy_command(Path(directory))
        as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                     f"{directory}/smime-policy", "--keyring", f"{directory}/keyring")
        assert names(must(run(*as_nobody, "list", "--json"))) == list(STORED)
        shown = must(run(*as_nobody, "show", "good_rsa@example.com"))
        assert "private key: its owner alone can see that" in shown.text
        assert rows(must(run(*as_nobody, "show", "--json", "good_rsa@example.com")))[0][
            "private_key"] is None
        result = run(*as_nobody, "export", "--keys", "--all")
        assert result.rc == SYSTEM and result.out == b"" and "their owner alone" in result.err
        result = run(*as_nobody, "keyring", "check")
        assert result.rc == DONE and "private keys not checked" in result.text
        for words in (["remove"], ["remove", "--dry-run"]):
            result = run(*as_nobody, *words, "expired@example.com")
            assert result.rc == SYSTEM and "cannot be written" in result.err
            assert result.out == b"", result
        assert names(must(run(*as_nobody, "list", "--json"))) == list(STORED)
    finally:
        shutil.rmtree(directory)


# --- trust


def test_trust_text(keyring, pki):
    """It shows the own certificate, the CA above it, and who vouches for others."""
    result = ask(keyring, "trust", "Good_Chain@example.com")
    text = result.out.decode()
    assert result.rc == DONE and result.err == ""
    own, cas = text.split("certificates that are issued for the address are vouched for by:\n")
    assert own.startswith("certificates of the address:\n")
    assert f"contact {fingerprint(pki.good_chain)[:16]}" in own
    assert "usable, an anchor for its own addresses\n" in own
    assert f"through ca {fingerprint(pki['intermediate'])[:16]}" in own
    assert "CN=root): usable, until 2099-12-31" in cas
    assert "CN=old_intermediate): expired, until 2021-01-01" in cas


def test_trust_json(keyring):
    """The same as data."""
    found = json.loads(ask(keyring, "trust", "--json", "old_chain@example.com").out)
    assert found["address"] == "old_chain@example.com" and found["trusted"] is True
    own, = found["certificates"]
    assert own["anchor"] is True and own["verdict"]["allowed"] is True
    assert [step["state"] for step in own["chain"]] == ["expired"]
    assert own["chain_valid"] is False
    assert {ca["subject"].rpartition("CN=")[2]: ca["vouches_for_address"]
            for ca in found["cas"]} == {"root": True, "intermediate": True,
                                        "old_intermediate": False}


@pytest.mark.parametrize("kept, address, code, text", [
    (["good_chain"], "nobody@example.com", REFUSED, "[distrust-default]"),
    (["good_chain"], "good_chain@example.com", DONE, "its issuer is no CA in the keyring"),
    (["old_intermediate"], "good_chain@example.com", REFUSED, "[distrust-default]"),
    (["expired"], "expired@example.com", REFUSED, "for what was signed before"),
    (["ku_ke"], "ku_ke@example.com", REFUSED, "verifies nothing"),
    (["future"], "future@example.com", REFUSED, "not-yet-valid, verifies nothing"),
    # A person's own CA:TRUE vouches for no others.
    (["self_ca"], "self_ca@example.com", DONE, "an anchor for its own addresses"),
    (["self_ca"], "good_rsa@example.com", REFUSED, "[distrust-default]"),
])
def test_trust_answers(tmp_path, pki, kept, address, code, text):
    """Who is trusted, by what was uploaded alone."""
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", *[pki[name].pem for name in kept]))
    result = ask(tmp_path / "k", "trust", address)
    assert result.rc == code and text in result.text, result
    assert json.loads(ask(tmp_path / "k", "trust", "--json", address).out)["trusted"] == (
        code == DONE)


def test_trust_heeds_name_constraints(tmp_path):
    """A CA for other domains does not vouch for the address."""
    pem = tmp_path / "ca.pem"
    must(stock("req", "-x509", *NEW_KEY, "-keyout", tmp_path / "key",
               "-out", pem, "-subj", "/CN=narrow",
               "-addext", "basicConstraints=critical,CA:TRUE",
               "-addext", "keyUsage=critical,keyCertSign",
               "-addext", "nameConstraints=critical,permitted;email:example.org"))
    must(run(COMMAND, "--keyring", tmp_path / "k", "upload", pem))
    result = ask(tmp_path / "k", "trust", "bob@example.com")
    assert result.rc == REFUSED and "name constraints exclude the address" in result.text
    result = ask(tmp_path / "k", "trust", "bob@example.org")
    assert result.rc == DONE and "CN=narrow): usable, until" in result.text


# --- help


@pytest.mark.parametrize("name", ["list", "show", "trust", "remove", "export", "keyring"])
def test_help(name, tmp_path):
    """Help goes to stdout, succeeds and touches no keyring."""
    result = run(COMMAND, "--keyring", tmp_path / "k", name, "--help")
    assert result.rc == DONE and result.err == "" and list(tmp_path.iterdir()) == []
    assert result.text.startswith(f"Usage: smime-policy {name} ")
