# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Private keys and decrypted mail: nobody else can read the file that they are written to."""

import contextlib
import errno
import os
import pty
import shutil
import stat
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from harness import COMMAND, PATIENCE, environment, must, run
from test_keyring_list import keyring  # pylint: disable=unused-import

DONE, SYSTEM = 0, 5
KEY = b"PRIVATE KEY-----"
# The commands that decrypt: the verb and both stock names.
HOW = {"verb": ["decrypt"], "cms": ["cms", "-decrypt"], "smime": ["smime", "-decrypt"]}


def mode(path):
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def export(keyring):
    """The words that write the private keys."""
    return ["--keyring", keyring, "export", "--all", "--keys"]


@pytest.fixture(params=HOW)
def decrypt(request, pki, post):
    """The words that decrypt, without -out."""
    cert = pki.good_rsa
    return [*HOW[request.param], "-recip", cert.pem, "-inkey", cert.key, "-in",
            post.encrypted("good_rsa")]


def to_file(words, out, **kwargs):
    """Run the command with standard output in the file |out|."""
    with out.open("ab") as to:
        return subprocess.run([str(word) for word in (COMMAND, *words)], stdout=to, check=False,
                              stderr=subprocess.PIPE, env=environment(), timeout=PATIENCE, **kwargs)


def acl(*entries):
    """The extended attribute of an access control list of (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xffffffff
OPEN_ACL = acl((1, 6, NOBODY), (2, 4, 12345), (4, 0, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY))


def set_acl(path, name):
    """Let user 12345 read."""
    try:
        os.setxattr(path, f"system.posix_acl_{name}", OPEN_ACL)
    except OSError as why:
        if why.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("no access control lists here")


# --- private keys


@pytest.mark.parametrize("before", [0o644, 0o666, 0o640, 0o604, 0o600])
@pytest.mark.parametrize("text", ["", "old\n"])
def test_keys_into_a_file_that_is_there(text, before, export, tmp_path):
    """Users who could open the file before read none of the keys."""
    out = tmp_path / "k"
    out.write_text(text)
    out.chmod(before)
    with out.open("rb") as held:
        must(run(COMMAND, *export, "--out", out))
        assert before == 0o600 or KEY not in held.read()
    assert mode(out) == 0o600 and KEY in out.read_bytes()


@pytest.mark.parametrize("text", ["", "old\n"])
@pytest.mark.parametrize("how", ["symbolic", "hard"])
def test_keys_through_a_link(how, text, export, tmp_path):
    """The linked file is replaced; a second name of it keeps the old content."""
    real, out = tmp_path / "real", tmp_path / "k"
    real.write_text(text)
    real.chmod(0o644)
    if how == "symbolic":
        out.symlink_to(real)
    else:
        out.hardlink_to(real)
    must(run(COMMAND, *export, "--out", out))
    assert KEY in out.read_bytes() and mode(out) == 0o600
    assert how == "symbolic" or (real.read_text() == text and mode(real) == 0o644)


def test_keys_and_umask(export, tmp_path):
    for number, mask in enumerate((0o000, 0o022, 0o777)):
        out = tmp_path / str(number)
        done = subprocess.run([str(word) for word in (COMMAND, *export, "--out", out)], check=False,
                              env=environment(), timeout=PATIENCE, umask=mask, capture_output=True)
        assert done.returncode == DONE and mode(out) == 0o600, done


@pytest.mark.parametrize("text", [None, "", "old\n"])
def test_keys_and_access_control_lists(text, export, tmp_path):
    """An access control list of the file, or the default list of its directory."""
    out = tmp_path / "k"
    set_acl(tmp_path, "default")
    if text is not None:
        out.write_text(text)
        set_acl(out, "access")
    must(run(COMMAND, *export, "--out", out))
    # The group's bits are the mask, which limits every named user.
    assert mode(out) == 0o600


@pytest.mark.parametrize("before", [0o644, 0o640, 0o604])
@pytest.mark.parametrize("device", [None, "/dev/stdout"])
def test_keys_on_standard_output(device, before, export, tmp_path):
    """Keys are not written to a file that the shell has made with its umask."""
    out = tmp_path / "k"
    out.touch()
    out.chmod(before)
    words = export if device is None else [*export, "--out", device]
    done = to_file(words, out)
    assert done.returncode == SYSTEM and b"others may read it" in done.stderr, done
    assert b"umask 077" in done.stderr and done.stderr.count(b"\n") == 1
    assert out.read_bytes() == b"" and mode(out) == before
    out.chmod(0o600)
    assert to_file(words, out).returncode == DONE
    assert KEY in out.read_bytes()


def test_keys_into_a_file_of_another(export, tmp_path):
    """The owner of the file could read them."""
    out = tmp_path / "k"
    out.touch()
    out.chmod(0o600)
    if os.geteuid() != 0:
        pytest.skip("only the superuser can give files away")
    os.chown(out, 12345, 12345)
    done = to_file(export, out)
    assert done.returncode == SYSTEM, done
    assert b"it belongs to another user, who may read it; name a new file\n" in done.stderr, done
    assert b"chmod" not in done.stderr and out.read_bytes() == b""
    must(run(COMMAND, *export, "--out", out))
    assert KEY in out.read_bytes() and mode(out) == 0o600 and out.stat().st_uid == 0


@pytest.mark.parametrize("before, code", [(0o644, SYSTEM), (0o600, DONE)])
def test_keys_into_a_named_pipe(before, code, export, tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    pipe.chmod(before)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    result = run(COMMAND, *export, "--out", pipe)
    reader.join()
    assert result.rc == code, result
    assert (KEY in read[0]) == (code == DONE)
    assert code == DONE or "others may read it" in result.err


def test_certificates_are_public(keyring, tmp_path):
    out = tmp_path / "c"
    must(run(COMMAND, "--keyring", keyring, "export", "--all", "--out", out))
    assert mode(out) == 0o666 & ~current_umask()
    out.write_text("")
    out.chmod(0o644)
    must(run(COMMAND, "--keyring", keyring, "export", "--all", "--out", out))
    assert mode(out) == 0o644 and out.stat().st_size > 0


def current_umask():
    """The umask of this process, which the command inherits."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_backup(mask, keyring, tmp_path):
    """The backup is private with every umask and in every directory."""
    set_acl(tmp_path, "default")
    to = tmp_path / "backup"
    done = subprocess.run([str(word) for word in (COMMAND, "--keyring", keyring, "keyring", "backup",
                                                  to)], check=False, capture_output=True,
                          env=environment(), timeout=PATIENCE, umask=mask)
    assert done.returncode == DONE, done
    assert mode(to / "keys.db") == 0o600
    must(run(COMMAND, "--keyring", to, "keyring", "check"))


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_journal(mask, pki, tmp_path):
    """While keys are stored, their journal is as private as they are."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    (tmp_path / "pass").write_text("secret\n")
    trace = tmp_path / "trace"
    done = subprocess.run([str(word) for word in (
        strace, "-f", "-e", "trace=open,openat", "-o", trace, COMMAND, "--keyring",
        tmp_path / "ring", "upload", pki.good_rsa.pem, pki.good_rsa.key, "--passout",
        f"file:{tmp_path / 'pass'}")], check=False, capture_output=True, env=environment(),
        timeout=PATIENCE, umask=mask)
    if b"ptrace" in done.stderr:
        pytest.skip("nothing can be traced here")
    made = [line for line in trace.read_text().splitlines() if "O_CREAT" in line and "keys.db" in line]
    assert done.returncode == DONE and made
    assert all(", 0600)" in line for line in made), made


# --- decrypted mail


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_mail_into_a_new_file(mask, decrypt, tmp_path, mail):
    out = tmp_path / "m"
    done = subprocess.run([str(word) for word in (COMMAND, *decrypt, "-out", out)], check=False,
                          capture_output=True, env=environment(), timeout=PATIENCE, umask=mask)
    assert done.returncode == DONE, done
    assert mode(out) == 0o600 and out.stat().st_size >= mail.stat().st_size


@pytest.mark.parametrize("before, after", [(0o644, 0o600), (0o666, 0o600), (0o640, 0o600),
                                           (0o600, 0o600)])
@pytest.mark.parametrize("text", ["", "old\n"])
def test_mail_into_a_file_that_is_there(text, before, after, decrypt, tmp_path):
    """The file is made private first; an empty one is kept, as its maker may have it open."""
    out = tmp_path / "m"
    out.write_text(text)
    out.chmod(before)
    with out.open("rb") as held:
        must(run(COMMAND, *decrypt, "-out", out))
        assert mode(out) == after
        assert held.read() == (text.encode() or out.read_bytes())
    assert out.read_bytes() not in (b"", text.encode())


@pytest.mark.parametrize("device", [None, "/dev/stdout"])
def test_mail_on_standard_output(device, decrypt, tmp_path):
    """The file is made private before the first byte is written."""
    out = tmp_path / "m"
    out.touch()
    out.chmod(0o644)
    words = decrypt if device is None else [decrypt[0], *decrypt[1:], "-out", device]
    done = to_file(words, out)
    assert done.returncode == DONE and done.stderr == b"", done
    assert mode(out) == 0o600 and out.stat().st_size > 0


def test_mail_into_a_file_of_another(pki, post, tmp_path):
    """We cannot make another user's file private."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can become another")
    out, room = tmp_path / "m", tmp_path / "room"
    room.mkdir()
    for path in (pki.good_rsa.pem, pki.good_rsa.key, post.encrypted("good_rsa")):
        shutil.copy(path, room / path.name)
    for path in (room, *room.iterdir()):
        os.chown(path, 12345, 12345)
    out.touch()
    out.chmod(0o644)
    try:
        to_file(["--version"], tmp_path / "version", user=12345)
    except PermissionError:
        pytest.skip("another user cannot run the command here")
    done = to_file([*HOW["verb"], "-recip", pki.good_rsa.pem.name, "-inkey", pki.good_rsa.key.name,
                    "-in", post.encrypted("good_rsa").name], out, cwd=room, user=12345)
    assert done.returncode == SYSTEM and b"it belongs to another user" in done.stderr, done
    assert out.read_bytes() == b""


@pytest.mark.parametrize("before, after", [(0o660, 0o620), (0o664, 0o620), (0o644, 0o600),
                                           (0o620, 0o620), (0o2664, 0o2620)])
def test_mail_behind_other_mail(before, after, decrypt, tmp_path):
    """`>>mbox`: users of the file may still write to it; the verb reports that they cannot read it any more."""
    out = tmp_path / "mbox"
    out.write_bytes(b"From x\n")
    out.chmod(before)
    done = to_file(decrypt, out)
    assert done.returncode == DONE and mode(out) == after, done
    assert out.read_bytes().startswith(b"From x\n") and out.stat().st_size > 100
    told = f"(mode {after:04o}, it was {before:04o})".encode()
    said = decrypt[0] == "decrypt" and before != after
    assert (told in done.stderr) == said and (done.stderr == b"") == (not said), done


TERMINALS = [(0o644, SYSTEM), (0o640, SYSTEM), (0o620, DONE), (0o600, DONE)]


def to_terminal(words, before):
    """Run the command with a terminal of that mode as standard output, which nobody changes."""
    ours, theirs = pty.openpty()
    shown = []

    def read():
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(ours, 65536):
                shown.append(block)

    reader = threading.Thread(target=read)
    try:
        os.fchmod(theirs, before)
        reader.start()
        done = subprocess.run([str(word) for word in (COMMAND, *words)], stdout=theirs, check=False,
                              stderr=subprocess.PIPE, env=environment(), timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)
        assert stat.S_IMODE(os.fstat(theirs).st_mode) == before
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    return done, b"".join(shown)


@pytest.mark.parametrize("before, code", TERMINALS)
def test_keys_on_a_terminal(before, code, export):
    """The user's own terminal is accepted; one that others may read is refused."""
    done, shown = to_terminal(export, before)
    assert done.returncode == code, done
    assert (b"others may read the device" in done.stderr) == (code == SYSTEM), done
    assert (KEY in shown) == (code == DONE)


@pytest.mark.parametrize("before, code", TERMINALS)
def test_mail_on_a_terminal(before, code, decrypt):
    done, shown = to_terminal(decrypt, before)
    assert done.returncode == code, done
    assert (b"others may read the device" in done.stderr) == (code == SYSTEM), done
    assert (shown != b"") == (code == DONE)


def test_keys_into_devices(export, tmp_path):
    for path in ("/dev/null", "/dev/zero"):
        must(run(COMMAND, *export, "--out", path))
    for path in ("/dev/random", own_block_device(tmp_path)):
        if path is None:
            continue
        before = os.stat(path)
        result = run(COMMAND, *export, "--out", path)
        assert result.rc == SYSTEM and "others may read the device" in result.err, result
        assert os.stat(path).st_mode == before.st_mode


def own_block_device(tmp_path):
    """A block device that others may read, or None if it cannot be made and opened."""
    node = tmp_path / "block"
    try:
        os.mknod(node, stat.S_IFBLK | 0o644, os.makedev(1, 0))
        node.chmod(0o644)
        os.close(os.open(node, os.O_WRONLY))
    except OSError:
        return None
    return node


def as_another(room, words):
    """Run the command as a user who owns what is in |room|, but not the directory itself."""
    return subprocess.run([str(word) for word in (COMMAND, *words)], check=False, user=12345,
                          capture_output=True, env=environment(), timeout=PATIENCE, cwd=room)


@pytest.fixture
def room(pki, post, mail, tmp_path):
    """A directory of the superuser's, which everybody can come to, with files of another user."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can become another")
    try:
        to_file(["--version"], tmp_path / "version", user=12345)
    except PermissionError:
        pytest.skip("another user cannot run the command here")
    # Only the owner of the directories above tmp_path can list their names.
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        for name, path in {"cert": pki.good_rsa.pem, "key": pki.good_rsa.key, "mail": mail,
                           "sealed": post.encrypted("good_rsa")}.items():
            shutil.copy(path, room / name)
        (room / "out").write_bytes(b"precious " * 2000)
        for path in room.iterdir():
            os.chown(path, 12345, 12345)
        room.chmod(0o755)
        yield room


SIGN = ["-signer", "cert", "-inkey", "key", "-in", "mail"]


@pytest.mark.parametrize("words", [["sign", *SIGN], ["cms", "-sign", *SIGN], ["smime", "-sign", *SIGN]])
def test_own_file_in_a_directory_of_another(words, room):
    """As with openssl, the file is filled in place, as it cannot be replaced."""
    done = as_another(room, [*words, "-out", "out"])
    assert done.returncode == DONE, done
    out = (room / "out").read_bytes()
    assert b"smime.p7s" in out and b"precious" not in out
    done = as_another(room, [*words, "-out", "new"])
    assert done.returncode != DONE and not (room / "new").exists(), done


def test_refusal_and_own_file_in_a_directory_of_another(room, pki):
    """The old content is only lost if new content replaces it."""
    shutil.copy(pki.expired.pem, room / "cert")
    shutil.copy(pki.expired.key, room / "key")
    before = (room / "out").read_bytes()
    done = as_another(room, ["sign", *SIGN, "-out", "out"])
    assert done.returncode == 3 and b"[expired]" in done.stderr, done
    assert (room / "out").read_bytes() == before


def test_no_space_and_own_file_in_a_directory_of_another(room):
    """Nothing is lost if there is no space for the new content."""
    (room / "mail").write_bytes(b"Subject: long\n\n" + b"x" * 70 + b"\n" * 200000)
    before = (room / "out").read_bytes()
    words = ["prlimit", f"--fsize={len(before) + 1000}", COMMAND, "sign", *SIGN, "-out", "out"]
    done = subprocess.run([str(word) for word in words], check=False, user=12345, capture_output=True, env=environment(),
                          timeout=PATIENCE, cwd=room)
    assert done.returncode == SYSTEM, done
    assert (room / "out").read_bytes() == before


def test_decrypted_and_own_file_in_a_directory_of_another(room):
    """Decrypted mail is readable only by its owner there, too."""
    (room / "out").chmod(0o664)
    done = as_another(room, ["decrypt", "-recip", "cert", "-inkey", "key", "-in", "sealed", "-out",
                             "out"])
    assert done.returncode == DONE and mode(room / "out") == 0o620, done


def test_what_is_not_secret_keeps_its_mode(pki, mail, post, tmp_path):
    """A signed or encrypted mail may be read by others."""
    cert = pki.good_rsa
    for words in (["sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail],
                  ["encrypt", "-in", mail, cert.pem]):
        out = tmp_path / words[0]
        out.touch()
        out.chmod(0o644)
        must(run(COMMAND, words[0], "-out", out, *words[1:]))
        assert mode(out) == 0o644 and out.stat().st_size > 0
