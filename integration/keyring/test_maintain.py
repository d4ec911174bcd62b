# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy maintain`: each thing that needs a person is told, once, and nothing else is."""

import json
import os
import re
import shutil
import socketserver
import stat
import threading

import pytest

from harness import BUILD, COMMAND, must, run, stock
from issued import issue
from keyrings import MAKE_KEYRING

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
BEGIN = "2026-01-01"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A CA until 2026-12-27, and what it has issued: {name: certificate}."""
    folder = tmp_path_factory.mktemp("people")
    ca = issue(folder, "ca", BEGIN, 360)
    ends = {"alice": 100, "next": 300, "bob": 200, "carol": 340, "dora": 700, "emil": 700}
    made = {name: issue(folder, name, BEGIN, days, ca) for name, days in ends.items()}
    made["next"] = issue(folder, "next", BEGIN, 300, ca, address="bob")
    return {"ca": ca, **made}


@pytest.fixture
def keyring(people, tmp_path):
    """Alice has one identity, Bob two; the others are contacts, Emil is an identity."""
    kept = [f"ca:{people['ca']}"]
    kept += [f"identity:{people[name]}:{people[name].with_suffix('.key')}" for name in ("alice", "bob", "next", "emil")]
    kept += [f"contact:{people[name]}" for name in ("carol", "dora")]
    must(run("faketime", "-f", f"{BEGIN} 13:00:00", MAKE_KEYRING, tmp_path / "keyring", *kept, conf="/dev/null"))
    return tmp_path / "keyring"


def maintain(keyring, day, *words, **env):
    return run("faketime", "-f", f"{day} 14:00:00", COMMAND, "--keyring", keyring, "maintain", *words, env=env)


def told(result):
    """{(address or subject, event): days} of a run with --json."""
    report = json.loads(result.out)
    assert report["exit"] == result.rc and result.rc == (REFUSED if report["events"] else DONE), result
    return {(one["addresses"][0] if one["addresses"] else one["subject"], one["event"]): one.get("days")
            for one in report["events"]}


def test_a_year(keyring):
    """Each thing is told when it begins, and not again on the next day."""
    days = {
        "2026-01-02": {},
        "2026-01-15": {("alice@example.org", "expires"): 90},
        "2026-01-16": {},
        "2026-03-15": {("alice@example.org", "expires"): 30},
        "2026-04-05": {("alice@example.org", "expires"): 7},
        "2026-04-12": {("alice@example.org", "unusable"): None},
        "2026-04-13": {},
        "2026-07-19": {("bob@example.org", "expires"): 7},
    }
    for day, events in days.items():
        assert told(maintain(keyring, day, "--json")) == events, day
        assert told(maintain(keyring, day, "--json")) == {}, day


def test_successors(keyring):
    """Bob has another identity, Alice has none."""
    text = maintain(keyring, "2026-04-05").out.decode()
    line = next(line for line in text.splitlines() if "alice" in line)
    assert "expires on 2026-04-11, within 7 days; no other identity of alice@example.org is valid for longer" in line
    text = maintain(keyring, "2026-07-19").out.decode()
    line = next(line for line in text.splitlines() if "bob" in line)
    assert line.endswith("expires on 2026-07-20, within 7 days") and "of 7 certificates" in text


def test_an_issuer_that_expires_first(keyring):
    events = json.loads(maintain(keyring, "2026-12-01", "--json").out)["events"]
    issuer = next(one for one in events if one["role"] == "ca")
    assert (issuer["event"], issuer["days"], issuer["outlived"]) == ("expires", 30, 2)
    assert [(one["addresses"], one["days"]) for one in events if one["event"] == "issuer-expires"] == [
        (["emil@example.org"], 30)]
    text = maintain(keyring, "2026-12-21").out.decode()
    assert "2 certificates that it has issued are valid for longer" in text
    assert "its issuer CN=Ca expires first, on 2026-12-27, within 7 days" in text


def test_why_and_what_to_do(keyring):
    maintain(keyring, "2026-12-01")
    text = maintain(keyring, "2026-12-20").out.decode()
    line = next(line for line in text.splitlines() if "carol" in line)
    assert re.search(r"certificate expired on 2026-12-07T12:00:\d\dZ \[expired\]; ask the contact", line), line


def test_the_first_run_and_all_tell_everything(keyring):
    first = told(maintain(keyring, "2026-04-12", "--json"))
    assert first == {("alice@example.org", "unusable"): None}
    assert told(maintain(keyring, "2026-04-12", "--json")) == {}
    assert told(maintain(keyring, "2026-04-12", "--json", "--all")) == first


def test_other_settings_tell_everything_again(keyring, tmp_path):
    maintain(keyring, "2026-04-12")
    (tmp_path / "policy.cnf").write_text("expires_soon = deny\n")
    done = run("faketime", "-f", "2026-04-12 14:00:00", COMMAND, "--policy", tmp_path / "policy.cnf", "--keyring",
               keyring, "maintain", "--json")
    assert ("alice@example.org", "unusable") in told(done)


def test_what_is_new_is_told(keyring, people):
    assert told(maintain(keyring, "2026-01-16", "--json")) == {("alice@example.org", "expires"): 90}
    must(run("faketime", "-f", "2026-01-17 13:00:00", COMMAND, "--keyring", keyring, "remove", "--with-key", "alice@example.org"))
    must(run("faketime", "-f", "2026-01-18 13:00:00", COMMAND, "--keyring", keyring, "upload", people["alice"]))
    assert told(maintain(keyring, "2026-01-18", "--json")) == {("alice@example.org", "expires"): 90}


@pytest.mark.parametrize("text", ["", "x", "9" * 200, "2026-13-45T99:99:99Z " + "0" * 64 + "\n"])
def test_a_damaged_note_tells_everything_again(keyring, text):
    maintain(keyring, "2026-04-12")
    (keyring / "maintained").write_text(text)
    done = maintain(keyring, "2026-04-12", "--json")
    assert told(done) == {("alice@example.org", "unusable"): None}
    assert "maintained cannot be read, so everything is told again" in done.err
    assert told(maintain(keyring, "2026-04-12", "--json")) == {}


def test_a_note_that_is_a_link_is_replaced(keyring, tmp_path):
    (tmp_path / "other").write_text("other")
    (keyring / "maintained").symlink_to(tmp_path / "other")
    done = maintain(keyring, "2026-04-12", "--json")
    assert "maintained cannot be read" in done.err


def test_a_backup(keyring, tmp_path):
    (tmp_path / "backups").mkdir()
    done = maintain(keyring, "2026-01-02", "--backup", tmp_path / "backups", "--json")
    made = tmp_path / "backups" / "keyring-2026-01-02T14:00:00Z"
    assert json.loads(done.out)["backup"] == str(made) and done.rc == DONE, done
    assert must(run(COMMAND, "--keyring", made, "list")).out.count(b"\n") == 8
    done = maintain(keyring, "2026-01-15", "--backup", tmp_path / "none", "--json")
    report = json.loads(done.out)
    assert done.rc == SYSTEM and (report["backup"], report["events"]) == (None, []), done
    # Nothing was told, so it is told the next time.
    assert told(maintain(keyring, "2026-01-15", "--json")) == {("alice@example.org", "expires"): 90}


def test_a_page(keyring, tmp_path):
    done = maintain(keyring, "2026-01-02", "--html", tmp_path / "page.html")
    assert done.rc == DONE and (tmp_path / "page.html").read_text().endswith("</html>\n")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


def test_a_damaged_keyring_is_found(keyring):
    must(run("sqlite3", keyring / "certificates.db", "UPDATE certificate SET role = 9 WHERE id = 2"))
    done = maintain(keyring, "2026-04-12", "--json")
    report = json.loads(done.out)
    assert done.rc == SYSTEM and report["sound"] is False and report["faults"] and report["events"] == [], done
    assert not (keyring / "maintained").exists()


@pytest.mark.parametrize("words,text", [
    (("--mail-to", "a@example.org"), "--mail-to and --mail-from belong together"),
    (("--passin", "file:x"), "--passin is for --mail-from alone"),
    (("--mail-to", "a@example.org\nBcc: eve@example.org", "--mail-from", "b@example.org"), "eve"),
    (("--mail-to", "a@example.org", "--mail-from", "b@example.org, c@example.org"), "c@example.org"),
    (("--html", "-"), "--html needs a file"),
    (("now",), "now is not an option"),
])
def test_refused_command_lines(keyring, words, text):
    done = maintain(keyring, "2026-04-12", *words)
    assert done.rc == USAGE and text in done.err and done.out == b"", done
    assert not (keyring / "maintained").exists()


def test_no_keyring(tmp_path):
    done = maintain(tmp_path / "none", "2026-01-01")
    assert done.rc == SYSTEM and "there is no keyring in" in done.err and not os.listdir(tmp_path)


class Receiver(socketserver.StreamRequestHandler):
    """As much of an SMTP server as msmtp talks to; what it receives is in server.mails."""

    def handle(self):
        self.reply("220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.reply("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(one[one.startswith(b".."):] for one in lines))
            self.reply("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                break

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def server(tmp_path):
    """A server, and the msmtp of a user who has it in his configuration."""
    if not shutil.which("msmtp"):
        pytest.skip("msmtp is not installed")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Receiver) as listening:
        listening.mails = []
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        (tmp_path / ".msmtprc").write_text(
            f"account default\nhost 127.0.0.1\nport {listening.server_address[1]}\nfrom emil@example.org\n")
        (tmp_path / ".msmtprc").chmod(0o600)
        yield listening
        listening.shutdown()


def by_mail(keyring, day, sender="emil@example.org", program="msmtp"):
    return maintain(keyring, day, "--mail-to", "admin@example.org", "--mail-from", sender, "--sendmail",
                    shutil.which(program), HOME=keyring.parent)


def test_a_mail(keyring, server, people, tmp_path):
    done = by_mail(keyring, "2026-04-05")
    assert (done.rc, done.out) == (REFUSED, b""), done
    (tmp_path / "mail").write_bytes(server.mails[0])
    header = server.mails[0].partition(b"\r\n\r\n")[0].decode()
    assert "From: emil@example.org\r\nTo: admin@example.org\r\n" in header
    assert re.search("Subject: smime-policy.*: attention is needed\r", header), header
    assert "Date: Sun, 05 Apr 2026 14:00:0" in header and "Auto-Submitted: auto-generated" in header
    # When stock signs it has the true time, so the dates of its certificate are not asked here.
    verified = must(stock("cms", "-verify", "-noverify", "-in", tmp_path / "mail", "-signer",
                          tmp_path / "signer")).out.decode()
    assert (tmp_path / "signer").read_text().strip() == people["emil"].read_text().strip()
    assert "alice@example.org (CN=Alice)" in verified and "since" not in verified
    assert all(len(line) <= 78 for line in verified.split("\r\n")), verified
    # Nothing new, so no mail.
    done = by_mail(keyring, "2026-04-06")
    assert done.rc == DONE and len(server.mails) == 1 and b"of 7 certificates 0 need attention" in done.out


@pytest.mark.parametrize("sender,program,code,text", [
    ("nobody@example.org", "msmtp", REFUSED, "nobody@example.org"),
    ("emil@example.org", "false", SYSTEM, "the mail was not sent: "),
])
def test_a_mail_that_is_not_sent(keyring, server, sender, program, code, text):
    """It is told again at the next run."""
    done = by_mail(keyring, "2026-04-05", sender, program)
    assert done.rc == code and text in done.err and done.out == b"" and not server.mails, done
    assert told(maintain(keyring, "2026-04-05", "--json")) == {("alice@example.org", "expires"): 7}


def test_a_mail_by_an_expired_identity(keyring, server):
    done = by_mail(keyring, "2026-04-12", "alice@example.org")
    assert done.rc == REFUSED and "[expired]" in done.err and not server.mails, done


def rate(unit, most):
    """
    What systemd thinks of its exposure, in tenths; below 50 is "OK".  The rest of a unit for users is what their
    manager could not take away: capabilities, which it has not, and what needs namespaces.
    """
    if "\nUser=" not in unit.read_text():
        # One of a user's is run by that user's manager; systemd-analyze takes it for root's.
        unit.write_text(unit.read_text().replace("[Service]", "[Service]\nUser=somebody"))
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}", unit)
    assert done.rc == 0 and "Overall exposure level" in done.text, done.text[-200:]


@pytest.mark.parametrize("unit", ["user/smime-policy-maintain.service", "user/smime-policy-maintain.timer",
                                  "system/smime-policy-maintain@.service", "system/smime-policy-maintain@.timer",
                                  "user/smime-policy-sync.service", "system/smime-policy-sync@.service"])
def test_units_for_systemd(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    made = BUILD / "shim" / "units" / unit
    for other in made.parent.iterdir():
        text = re.sub("^ExecStart=[^ ]*", f"ExecStart={COMMAND}", other.read_text(), flags=re.M)
        (tmp_path / other.name).write_text(text.replace("Documentation=", "# "))
    done = run("systemd-analyze", "verify", "--man=no", tmp_path / made.name)
    assert done.rc == 0 and done.text == "", done
    if made.suffix == ".service":
        rate(tmp_path / made.name, most=20 if made.parent.name == "system" else 60)
    assert ("WantedBy=timers.target" in made.read_text()) == (made.suffix == ".timer")
