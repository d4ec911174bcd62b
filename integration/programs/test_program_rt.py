# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
RT 5 with SQLite, as Debian packages it: docs/use/guides/rt.md.

RT runs `openssl smime` and looks at no exit code, so that a refused mail goes out
with its body gone.  The guide's overlay makes it look.
"""

import json
import re
import shutil
from email import message_from_bytes
from pathlib import Path

import pytest

from harness import COMMAND, OPENSSL, REPO, must, run, stock, write_conf

DATABASE = Path("/var/lib/dbconfig-common/sqlite3/request-tracker5/rtdb")
GUIDE = REPO / "docs" / "use" / "guides" / "rt.md"
DRIVER = REPO / "integration" / "programs" / "rt.pl"
BODY = b"the quick brown fox."

pytestmark = pytest.mark.skipif(
    not DATABASE.exists(),
    reason="RT is not installed (integration/ci/install-packages.sh integration/ci/packages-rt.txt)")

CONFIGURATION = """\
Set($rtname, 'test');
Set($OwnerEmail, 'owner@example.com');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{directory}/database');
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, '{directory}/sendmail');
Set($LogToSTDERR, 'error');
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set(%GnuPG, Enable => 0);
Set(%Crypt, Incoming => ['SMIME'], Outgoing => 'SMIME');
Set(%SMIME, Enable => 1, OpenSSL => '{openssl}', Keyring => '{directory}/keyring',
    CAPath => '{ca}', Passphrase => '');
1;
"""

# One file for each mail that was handed over for sending.
SENDMAIL = """\
#!/bin/sh
exec cat >"$(mktemp {directory}/sent/XXXXXX)"
"""


def overlay():
    """The guide's overlay."""
    (text,) = re.findall(r"<!-- test: rt-overlay -->\n```perl\n(.*?)```", GUIDE.read_text(), re.S)
    return text


class Rt:
    """An RT of its own: configuration, database, keyring, and a sendmail that keeps the mail."""

    def __init__(self, directory, pki, *, openssl, conf=None, env=None, guarded=True):
        self.directory, self.conf, self.env = directory, conf, dict(env or {})
        self.lib = directory / "lib"
        for name in ("keyring", "sent", "lib/RT/Interface"):
            (directory / name).mkdir(parents=True)
        if guarded:
            (self.lib / "RT" / "Interface" / "Email_Local.pm").write_text(overlay())
        shutil.copy(DATABASE, directory / "database")
        sendmail = directory / "sendmail"
        sendmail.write_text(SENDMAIL.format(directory=directory))
        sendmail.chmod(0o755)
        self.site = directory / "RT_SiteConfig.pm"
        self.site.write_text(CONFIGURATION.format(directory=directory, openssl=openssl,
                                                  ca=pki.ca))
        for name in ("modern", "expired", "eku_server", "no_san", "no_ku"):
            # As RT wants it: certificate and key in one file, named by the address.
            (directory / "keyring" / f"{name}@example.com.pem").write_bytes(
                pki[name].pem.read_bytes() + pki[name].key.read_bytes())

    def call(self, *args, stdin=b""):
        return run("/usr/bin/perl", f"-I{self.lib}", DRIVER, *args, stdin=stdin, conf=self.conf,
                   env={"RT_SITE_CONFIG": self.site, **self.env})

    def send(self, signer, recipient, *what):
        return self.call("send", f"{signer}@example.com", f"{recipient}@example.com", *what)

    def sent(self):
        return [path.read_bytes() for path in (self.directory / "sent").iterdir()]

    def not_sent(self, result, *reasons):
        """RT refuses, gives the reason, and hands over nothing."""
        assert result.rc != 0, result
        assert all(reason in result.err for reason in reasons), result
        assert self.sent() == []


@pytest.fixture
def link(tmp_path):
    """The drop-in, as it is installed."""
    path = tmp_path / "openssl"
    path.symlink_to(COMMAND)
    return path


WAYS = ("drop-in", "provider")


@pytest.fixture(params=WAYS)
def rt(request, pki, tmp_path, link, conf):
    """Both ways of the guide: the drop-in, or stock openssl with OPENSSL_CONF."""
    if request.param == "drop-in":
        return Rt(tmp_path / "rt", pki, openssl=link)
    return Rt(tmp_path / "rt", pki, openssl=OPENSSL, conf=conf)


def read(message, what, pki, out):
    """The content, read by stock openssl without the policy."""
    path = out / "message"
    path.write_bytes(message)
    if "encrypt" in what:
        must(stock("smime", "-decrypt", "-in", path, "-recip", pki.modern.pem, "-inkey",
                   pki.modern.key, "-out", out / "opened"))
        path = out / "opened"
    if "sign" in what:
        must(stock("smime", "-verify", "-in", path, "-CAfile", pki.ca, "-out", out / "verified"))
        path = out / "verified"
    return path.read_bytes()


@pytest.mark.parametrize("what", [("sign",), ("encrypt",), ("sign", "encrypt")], ids="+".join)
def test_good_mail_is_sent(what, rt, pki, tmp_path):
    """One mail, protected as asked."""
    must(rt.send("modern", "modern", *what))
    (message,) = rt.sent()
    assert BODY not in message or what == ("sign",)
    assert BODY in read(message, what, pki, tmp_path)


REFUSED = [("expired", "expired"), ("eku_server", "extended-key-usage"), ("no_san", "san-email"),
           ("no_ku", "key-usage")]


@pytest.mark.parametrize("what", [("sign",), ("sign", "encrypt")], ids="+".join)
@pytest.mark.parametrize("signer, rule", REFUSED)
def test_refused_signer_sends_nothing(signer, rule, what, rt):
    """Nothing is sent: not plain, not empty, not encrypted and empty; RT's log has the reason."""
    rt.not_sent(rt.send(signer, "modern", *what), "not signed, not encrypted and not sent",
                "refused: sign: ", f"[{rule}]")


@pytest.mark.parametrize("recipient, rule", REFUSED[1:])
def test_refused_recipient_sends_nothing(recipient, rule, rt):
    """The same if the recipient's certificate is refused."""
    for what in (("encrypt",), ("sign", "encrypt")):
        rt.not_sent(rt.send("modern", recipient, *what),
                    "not signed, not encrypted and not sent", "refused: encrypt: ", f"[{rule}]")


def test_expired_recipient_is_found_by_rt(rt):
    """RT checks Not After itself, and sends notes that the mail cannot be sent."""
    result = rt.send("modern", "expired", "encrypt")
    assert result.rc != 0 and "the reason is 'Key expired'" in result.err, result
    assert all(BODY not in message for message in rt.sent())


@pytest.mark.parametrize("what", ["sign", "encrypt"])
def test_content_that_rt_keeps_is_not_lost(what, rt):
    """Content that RT encrypts for its database is unchanged after a refusal."""
    result = rt.call("content", what, "eku_server@example.com")
    assert result.rc != 0 and result.out.strip() == BODY and "[extended-key-usage]" in result.err


@pytest.mark.parametrize("what, left", [(("sign",), b""), (("encrypt",), b""),
                                        (("sign", "encrypt"), b"enveloped-data")],
                         ids=["sign", "encrypt", "sign+encrypt"])
def test_without_the_overlay_the_body_is_gone(what, left, pki, link, tmp_path):
    """As the guide warns: RT takes an empty output for a success."""
    rt = Rt(tmp_path / "rt", pki, openssl=link, guarded=False)
    assert rt.send("eku_server", "eku_server" if what == ("encrypt",) else "modern",
                   *what).rc == 0
    (message,) = rt.sent()
    assert BODY not in message and left in message
    if left:
        assert read(message, ("encrypt",), pki, tmp_path).strip() == b""
    else:
        assert message_from_bytes(message).get_payload().strip() == ""


def test_refusals_are_logged(pki, tmp_path):
    """The decision log has the refusals, too."""
    log = tmp_path / "log"
    rt = Rt(tmp_path / "rt", pki, openssl=OPENSSL,
            conf=write_conf(tmp_path / "openssl.cnf", {"decision_log": log}))
    rt.not_sent(rt.send("no_san", "modern", "sign"), "[san-email]")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["operation"], line["verdict"]) for line in lines] == [("sign", "refused")]


# --- incoming


def test_verifies_a_known_sender(rt, post):
    """Good signature, known CA."""
    result = must(rt.call("receive", stdin=post.signed("modern").read_bytes()))
    assert b"status: Verify DONE: The signature is good" in result.out and BODY in result.out


def test_unknown_issuer_is_not_trusted(rt, post):
    """RT asks `openssl verify` for that, and reports it."""
    result = must(rt.call("receive", stdin=post.signed("foreign").read_bytes()))
    assert b"status: Verify BAD: The signing CA was not trusted" in result.out, result
    assert b"The signature is good" not in result.out


def test_unverified_signers_refuse(pki, post, tmp_path):
    """RT verifies with -noverify: with that setting every signature is bad, says the log."""
    log = tmp_path / "log"
    rt = Rt(tmp_path / "rt", pki, openssl=OPENSSL,
            conf=write_conf(tmp_path / "openssl.cnf", {"unverified_signers": "refuse",
                                                       "decision_log": log}))
    result = must(rt.call("receive", stdin=post.signed("modern").read_bytes()))
    assert b"status: Verify BAD: The signature did not verify" in result.out, result
    (line,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert line["verdict"] == "refused" and "distrust-default" in json.dumps(line["findings"])


def test_decrypts_with_an_expired_certificate(rt, post):
    """Old mail stays readable."""
    mail = post.encrypted("expired").read_bytes()
    result = must(rt.call("receive", stdin=b"To: expired@example.com\n" + mail))
    assert b"status: Decrypt DONE" in result.out and BODY in result.out, result


# --- fail closed


@pytest.mark.parametrize("settings, how", [({}, {"module": "/nonexistent/smimepolicy.so"}),
                                           ({"mode": "enforced"}, {})],
                         ids=["module missing", "bad setting"])
@pytest.mark.parametrize("what", ["sign", "encrypt"])
def test_broken_provider_sends_nothing(what, settings, how, pki, tmp_path):
    """A good certificate, and nothing goes out unguarded."""
    rt = Rt(tmp_path / "rt", pki, openssl=OPENSSL,
            conf=write_conf(tmp_path / "openssl.cnf", settings, **how))
    rt.not_sent(rt.send("modern", "modern", what))


@pytest.mark.parametrize("what", ["sign", "encrypt"])
def test_lost_command_sends_nothing(what, pki, tmp_path):
    """RT switches S/MIME off if it finds no openssl, and would send the mail as it is."""
    rt = Rt(tmp_path / "rt", pki, openssl=tmp_path / "gone")
    rt.not_sent(rt.send("modern", "modern", what), "S/MIME: switched off")


def test_lost_stock_openssl_sends_nothing(pki, link, tmp_path):
    """The drop-in exists, but not the openssl that it runs."""
    rt = Rt(tmp_path / "rt", pki, openssl=link, env={"SMIME_POLICY_OPENSSL": "/nonexistent"})
    rt.not_sent(rt.send("modern", "modern", "sign"), "S/MIME: switched off")


def test_missing_configuration_is_found_before_rt_starts(pki, tmp_path):
    """Without the file OpenSSL runs unguarded: the guide's start-up line stops that."""
    conf = tmp_path / "gone.cnf"
    rt = Rt(tmp_path / "rt", pki, openssl=OPENSSL, conf=conf)
    must(rt.send("eku_server", "modern", "sign"))
    assert len(rt.sent()) == 1
    result = run(COMMAND, "config", "--self-test", conf)
    assert result.rc == 2 and "without the policy" in result.err
