# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""mutt and neomutt in a terminal, with the configuration of docs/use/guides/mutt.md."""

import email
import shutil

import pytest

from harness import environment, must, run, stock
from programs import FAULTS, PASSPHRASE, REFUSED, Bin, Screen, locked_key, needs

BODY = "the quick brown fox."
GUIDE = "mutt.md"
NAMES = ["good_rsa", "good_p256", *REFUSED]
SIGN, ENCRYPT, BOTH = "s", "e", "b"
SHOWN = {SIGN: "Sign (S/MIME)", ENCRYPT: "Encrypt (S/MIME)", BOTH: "Sign, Encrypt (S/MIME)"}

# Settings that make tests independent of the machine and without waiting; none about S/MIME.
OURS = """
set sendmail = "{sendmail}"
set realname = "Test"
set editor = true
set autoedit = yes
set edit_headers = yes
set abort_unmodified = no
set copy = no
set folder = "~"
set tmpdir = "~"
set record = ""
set postponed = "~/postponed"
set sleep_time = 0
set wrap = 0
set mbox_type = mbox
"""


@pytest.fixture(scope="module", params=[pytest.param(name, marks=needs(name))
                                        for name in ("mutt", "neomutt")])
def program(request):
    return request.param


@pytest.fixture(scope="module")
def store(pki, tmp_path_factory):
    """~/.smime with everybody's certificates and keys, as smime_keys would store them."""
    directory = tmp_path_factory.mktemp("mutt") / ".smime"
    index = ""
    for kind in ("certificates", "keys"):
        (directory / kind).mkdir(parents=True)
    for number, name in enumerate(NAMES):
        entry = f"{number:08x}.0"
        shutil.copy(pki[name].pem, directory / "certificates" / entry)
        locked_key(pki[name], directory / "keys" / entry)
        index += f"{name}@example.com {entry} {name} ? t\n"
    for kind in ("certificates", "keys"):
        (directory / kind / ".index").write_text(index)
    shutil.copy(pki.ca, directory / "ca-bundle.crt")
    return directory


class Mutt:
    """A user's home, and the program in it."""

    def __init__(self, program, home, store, **installation):
        self.program, self.home = program, home
        self.menu = None  # the compose menu after a refusal
        self.bin = Bin(home, **installation)
        (home / ".smime").symlink_to(store)
        self.rc = home / "muttrc"
        self.rc.write_text(self.bin.configuration(GUIDE) +
                           OURS.format(sendmail=self.bin.path / "sendmail"))
        (home / "body").write_text(BODY + "\n")
        self.env = environment(HOME=home, **self.bin.env)

    def start(self, me, *args):
        """As the user |me|."""
        key = f"{NAMES.index(me):08x}.0"
        return Screen.start([self.program, "-n", "-F", self.rc,
                             "-e", f"set smime_default_key={key} from={me}@example.com", *args],
                            self.env)

    def send(self, how, me="good_rsa", to="good_p256"):
        """Write a mail and send it; returns the screen if it was refused, or None."""
        with self.start(me, "-s", "subject", "-i", self.home / "body", f"{to}@example.com") as mutt:
            mutt.wait("y:Send")
            mutt.press("S", "S/MIME (e)ncrypt")
            mutt.press(how, f"Security: {SHOWN[how]}")
            if how != ENCRYPT:
                mutt.press("y", "Enter S/MIME passphrase:")
                mutt.press(PASSPHRASE)
                keys = "\r"
            else:
                keys = "y"
            if mutt.press(keys, "Mail sent", "Press any key to continue") == "Mail sent":
                assert mutt.end() == 0
                return None
            said = mutt.text
            if how == SIGN:
                mutt.type("\r", "No output from OpenSSL...")
            mutt.type("\r", "y:Send")
            self.menu = mutt.text
            mutt.press("q", "([yes]/no")
            mutt.press("n")
            assert mutt.end() != 0
            return said

    @property
    def sent(self):
        """The mail that went out."""
        return self.bin.sent.read_bytes()

    def nothing_left(self):
        """Neither sent nor kept."""
        return not self.bin.sent.exists() and not (self.home / "postponed").exists()

    def read(self, message, me="good_rsa", passphrase=False):
        """Open the only mail of a mailbox: the screen."""
        box = self.home / "mbox"
        box.write_bytes(b"From someone Wed Nov 25 10:00:00 2026\n" +
                        message.replace(b"\r\n", b"\n") + b"\n")
        with self.start(me, "-f", box) as mutt:
            mutt.wait("q:Quit")
            if passphrase:
                mutt.press("\r", "Enter S/MIME passphrase:")
                mutt.press(PASSPHRASE)
            if passphrase:
                # Newer versions do not mark the end of encrypted text.
                mutt.press("\r", "[-- End of S/MIME encrypted data", BODY)
                return mutt.text
            assert mutt.press("\r", "[-- End of ", "Could not copy") == "[-- End of ", mutt.text
            # In the last line, which mutt may clear again.
            return mutt.text + "\n" + mutt.wait_printed(GOOD, BAD, OTHER)


@pytest.fixture
def home(tmp_path_factory):
    """
    A home whose name is short.

    neomutt mixes up what it runs where that is longer than some 550 bytes, and it says several times
    where its home is.
    """
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def mutt(program, store, home):
    return Mutt(program, home, store)


def opened(message, cert):
    """Decrypted by stock openssl."""
    return must(stock("cms", "-decrypt", "-recip", cert.pem, "-inkey", cert.key, stdin=message)).out


def verified(message, trusted):
    """Verified by stock openssl."""
    return must(stock("cms", "-verify", "-CAfile", trusted, stdin=message)).out


# --- out


def test_signs(mutt, pki):
    assert mutt.send(SIGN) is None
    assert BODY.encode() in verified(mutt.sent, pki.ca)
    assert email.message_from_bytes(mutt.sent)["To"] == "good_p256@example.com"


@pytest.mark.parametrize("how", [ENCRYPT, BOTH])
def test_encrypts_to_the_other_and_to_oneself(how, mutt, pki):
    assert mutt.send(how) is None
    assert BODY.encode() not in mutt.sent
    for reader in (pki.good_p256, pki.good_rsa):
        content = opened(mutt.sent, reader)
        assert BODY.encode() in (content if how == ENCRYPT else verified(content, pki.ca))


@pytest.mark.parametrize("me", REFUSED)
def test_does_not_sign(me, mutt):
    said = mutt.send(SIGN, me=me)
    assert "refused: sign: " in said and f"[{REFUSED[me]}]" in said
    assert mutt.nothing_left()


@pytest.mark.parametrize("to", REFUSED)
def test_does_not_encrypt(to, mutt):
    said = mutt.send(ENCRYPT, to=to)
    assert "refused: encrypt: " in said and f"[{REFUSED[to]}]" in said
    assert mutt.nothing_left()


def test_signed_and_not_encrypted_is_not_sent(mutt):
    said = mutt.send(BOTH, to="expired")
    assert "refused: encrypt: expired@example.com: " in said and "[expired]" in said
    assert mutt.nothing_left()
    # The signature stays in the list of attachments; the guide says what to do.
    assert "smime.p7s" in mutt.menu


def test_does_not_encrypt_to_an_expired_self(mutt):
    said = mutt.send(ENCRYPT, me="expired")
    assert "refused: encrypt: expired@example.com: " in said and "[expired]" in said
    assert mutt.nothing_left()


def test_batch_mode_knows_no_smime(program, mutt):
    """The guide says that such a mail is sent as it is, whatever the defaults."""
    auto = "crypt_auto_sign" if program == "neomutt" else "crypt_autosign"
    must(run(program, "-n", "-F", mutt.rc, "-e", f"set {auto}", "-e", "set from=expired@example.com",
             "-s", "subject", "good_p256@example.com", env=mutt.env, stdin=BODY.encode()))
    assert email.message_from_bytes(mutt.sent).get_content_type() == "text/plain"


# --- in


@pytest.fixture(scope="module")
def incoming(pki, mail, tmp_path_factory):
    """Mail by stock openssl, from the certificate's address."""
    directory = tmp_path_factory.mktemp("incoming")

    def make(name, *words):
        out = directory / "mail"
        must(stock("cms", *words, "-in", mail, "-out", out, "-from", f"{name}@example.com", "-to",
                   "x@example.com", "-subject", "test", *([pki[name].pem] if "-encrypt" in words
                   else ["-signer", pki[name].pem, "-inkey", pki[name].key])))
        return out.read_bytes()

    return make


DETACHED, OPAQUE = ["-sign"], ["-sign", "-nodetach"]
OTHER = "S/MIME certificate owner does not match sender"
KINDS = pytest.mark.parametrize("kind", [DETACHED, OPAQUE], ids=["detached", "opaque"])
GOOD, BAD = "S/MIME signature successfully verified", "S/MIME signature could NOT be verified"


@KINDS
def test_verifies(kind, mutt, incoming):
    screen = mutt.read(incoming("good_p256", *kind))
    assert BODY in screen and GOOD in screen and "Verification successful" in screen
    assert "Unverified" not in screen and "refused" not in screen


@KINDS
@pytest.mark.parametrize("name, reason", [("foreign", "[distrust-default]"),
                                          ("no_san", "[signer-certificate]"),
                                          ("expired", "certificate has expired")])
def test_shows_and_does_not_call_verified(name, reason, kind, mutt, incoming):
    screen = mutt.read(incoming(name, *kind))
    assert BODY in screen and BAD in screen and reason in screen
    assert "successful" not in screen
    assert ("Unverified: the signature fits the content" in screen) == (kind is OPAQUE)


def test_notices_a_change(mutt, incoming):
    screen = mutt.read(incoming("good_p256", *DETACHED).replace(b"quick", b"slow"))
    assert BAD in screen and "digest failure" in screen and "successful" not in screen


def test_another_sender(program, store, incoming, home):
    """mutt compares by itself, and passes no header."""
    mutt = Mutt(program, home, store)
    message = incoming("good_p256", *DETACHED)
    assert GOOD in mutt.read(message)
    screen = mutt.read(message.replace(b"From: good_p256@", b"From: good_rsa@"))
    assert OTHER in screen and GOOD not in screen


def test_sender_refused(program, store, incoming, home):
    """Without the header nothing can be compared: `sender = refuse` is not for mutt."""
    mutt = Mutt(program, home, store, settings="sender = refuse\n")
    screen = mutt.read(incoming("good_p256", *DETACHED))
    assert "[sender-match]" in screen and GOOD not in screen


def test_unverified_signers_refused(program, store, incoming, home):
    """It is how mutt takes the signer's certificate out of every mail: then it knows no sender."""
    mutt = Mutt(program, home, store, settings="unverified_signers = refuse\n")
    (home / "mbox").write_bytes(b"From someone Wed Nov 25 10:00:00 2026\n" +
                                    incoming("good_p256", *DETACHED).replace(b"\r\n", b"\n"))
    with mutt.start("good_rsa", "-f", home / "mbox") as screen:
        screen.wait("q:Quit")
        screen.press("\r", "Press any key to continue")
        assert "[distrust-default]" in screen.text
        screen.type("\r", "no certfile")
        screen.type("\r", "S/MIME certificate owner does not match sender")
        assert GOOD not in screen.text


@pytest.mark.parametrize("me", ["good_rsa", "expired"])
def test_decrypts(me, mutt, incoming):
    screen = mutt.read(incoming(me, "-encrypt", "-aes256"), me=me, passphrase=True)
    assert "[-- The following data is S/MIME encrypted --]" in screen and BODY in screen


# --- broken installations


@pytest.mark.parametrize("fault", FAULTS)
def test_fails_closed(fault, program, store, home):
    mutt = Mutt(program, home, store, fault=fault)
    for how in (SIGN, ENCRYPT):
        assert FAULTS[fault] in mutt.send(how)
        assert mutt.nothing_left()


def test_fails_closed_without_the_command(mutt):
    (mutt.bin.path / "smime-policy").unlink()
    for how in (SIGN, ENCRYPT):
        assert "smime-policy: not found" in mutt.send(how)
        assert mutt.nothing_left()


def test_the_check_of_the_guide(program, mutt):
    """It passes with the guide's configuration, and notices lines that were not adapted."""
    script = mutt.bin.configuration(GUIDE, "check")
    words = ["/bin/sh", "-c", script, "sh", f"{program} -n -F {mutt.rc}"]
    env = {"HOME": mutt.home, **mutt.bin.env}
    assert "enforced: " in must(run(*words, env=env)).text
    text = mutt.rc.read_text()
    ours = f"{mutt.bin.path}/smime-policy cms -encrypt"
    assert ours in text
    mutt.rc.write_text(text.replace(ours, "openssl cms -encrypt"))
    result = run(*words, env=env)
    assert result.rc != 0 and "smime_encrypt_command goes past the policy" in result.text
    mutt.rc.write_text(text + "set smime_default_key = 0\nset crypt_use_gpgme = yes\n")
    result = run(*words, env=env)
    assert result.rc != 0 and "gpgme does S/MIME here" in result.text
