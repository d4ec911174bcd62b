# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The depth, number and size of foreign data are limited before a library reads them.

docs/security/adversarial.md lists all readers.  A program that ends by itself
within `bounded` has not hung, not overflown its stack, and not eaten the memory.
"""

import base64
import contextlib
import os
import sqlite3

import pytest

import der
from der import algorithm, integer, oid, tlv
from harness import COMMAND, OPENSSL, must, run, stock, write_conf
from test_config import GOOD, with_pol

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
MB = 1 << 20


def bounded(*words, stack=8 * MB, **kwargs):
    """A program with a limit of processor time and memory."""
    result = run("prlimit", "--cpu=20", "--as=1000000000", f"--stack={stack}", *words, **kwargs)
    assert result.rc >= 0, f"killed by signal {-result.rc}\n{result}"
    return result


# --- configurations


def including(*lines):
    """A good configuration that includes more."""
    return with_pol(*(f".include {line}" for line in lines))


def doubling(folder):
    """Each file includes the next one twice: 2^20 files are read, though none is open twice."""
    for i in range(20):
        (folder / f"{i}.cnf").write_text(f".include {folder}/{i + 1}.cnf\n" * 2)
    (folder / "20.cnf").touch()
    return including(folder / "0.cnf")


def wide(folder):
    """Five levels, each of which includes the next one eight times."""
    for i in range(5):
        (folder / f"{i}.cnf").write_text(f".include {folder}/{i + 1}.cnf\n" * 8)
    (folder / "5.cnf").touch()
    return including(folder / "0.cnf")


def ring(folder):
    """Two files that include each other twice: no number of files is the end."""
    one, two = folder / "one.cnf", folder / "two.cnf"
    one.write_text(f".include {two}\n" * 2)
    two.write_text(f".include = {one} # back\n" * 2)
    return including(one)


def itself(folder):
    return including(folder / "openssl.cnf", folder / "openssl.cnf")


def by_link(folder):
    (folder / "link.cnf").symlink_to(folder / "openssl.cnf")
    return including(folder / "link.cnf", folder / "link.cnf")


def in_two_lines(folder):
    return with_pol(*[f".incl\\\nude \\\n{folder}/openssl.cnf"] * 2)


def below_a_pragma(folder):
    return f".pragma includedir:{folder}\n" + including("openssl.cnf", "openssl.cnf")


def by_a_variable(folder):
    return f"where = {folder}\n" + including("$where/openssl.cnf", "$where/openssl.cnf")


def quoted(folder):
    return including(f'"{folder}/openssl.cnf"', f'"{folder}/openssl.cnf"')


def quoted_in_parts(folder):
    return including(f'"{folder}/"openssl.cnf', f'{folder}/"openssl.cnf"')


def escaped(folder):
    return including(f'"{folder}/open\\ssl.cnf"', f'{folder}/open\\ssl.cnf')


def behind_a_section(folder):
    return with_pol(*[f"pol::.include {folder}/openssl.cnf"] * 2)


def with_an_end(folder):
    return with_pol(*[f".includes = {folder}/openssl.cnf"] * 2)


def a_pipe(folder):
    os.mkfifo(folder / "pipe.cnf")
    return including(folder / "pipe.cnf")


def a_pipe_in_a_folder(folder):
    (folder / "conf.d").mkdir()
    os.mkfifo(folder / "conf.d" / "pipe.CNF")
    return including(folder / "conf.d")


def a_device(_):
    return including("/dev/zero")


def a_crowd(folder):
    (folder / "conf.d").mkdir()
    for i in range(1001):
        (folder / "conf.d" / f"{i}.conf").touch()
    return including(folder / "conf.d")


def a_heap(folder):
    (folder / "conf.d").mkdir()
    for i in range(10001):
        (folder / "conf.d" / f"{i}.txt").touch()
    return including(folder / "conf.d")


def a_long_line(_):
    return GOOD + f"x = {'y' * 50 * MB}\n"


def many_lines(_):
    return GOOD + "x = y\n" * (50 * MB // 6)


def lines_without_end(_):
    return GOOD + "x = \\\n" * (50 * MB // 6)


def variables(_):
    """Each line becomes 60 KB."""
    return GOOD + f"x = {'y' * 60000}\n" + "".join(f"x{i} = $x\n" for i in range(30000))


def a_nul(_):
    return GOOD + "\0\nmode = observe\n"


LEADS_BACK = "it leads back to a file that is being read"
NO_FILE = "it is a pipe, socket or device"
TOO_LARGE = "the configuration is larger than 1 MB"
# How it is made, and the message.
CONFIGURATIONS = {
    "two files that include each other": (ring, LEADS_BACK),
    "a file that includes itself": (itself, LEADS_BACK),
    "itself by another name": (by_link, LEADS_BACK),
    "itself in two lines": (in_two_lines, LEADS_BACK),
    "itself below a pragma": (below_a_pragma, LEADS_BACK),
    "itself by a variable": (by_a_variable, "depends on variables"),
    "itself in quotes": (quoted, LEADS_BACK),
    "itself in parts in quotes": (quoted_in_parts, "or is quoted in parts"),
    "itself in escapes": (escaped, "or is quoted in parts"),
    "itself behind a section": (behind_a_section, "in a form that no manual has"),
    "itself by a longer word": (with_an_end, "in a form that no manual has"),
    "includes 20 deep": (doubling, "more than 10 files include one another"),
    "includes of includes": (wide, "more than 1,000 files are included"),
    "a folder of 1,001 files": (a_crowd, "more than 1,000 files are included"),
    "a folder of other files": (a_heap, "more than 10,000 names"),
    "a named pipe": (a_pipe, NO_FILE),
    "a named pipe in a folder": (a_pipe_in_a_folder, NO_FILE),
    "a device": (a_device, NO_FILE),
    "a line of 50 MB": (a_long_line, TOO_LARGE),
    "millions of lines": (many_lines, TOO_LARGE),
    "millions of lines in one": (lines_without_end, TOO_LARGE),
    "variables that grow": (variables, "more than 1,000 lines name variables"),
    "a NUL": (a_nul, "it holds a NUL"),
}


@pytest.mark.parametrize("what", CONFIGURATIONS)
def test_configuration(what, tmp_path):
    """By the lint, the self-test, a program that it guards, and as a file of settings."""
    make, said = CONFIGURATIONS[what]
    path = tmp_path / "openssl.cnf"
    path.write_text(make(tmp_path))
    for words in (("config", "--lint", path), ("config", "--self-test", path),
                  ("config", "--self-test", path, "--", "echo", "started"),
                  ("--policy", path, "config", "--print")):
        result = bounded(COMMAND, *words, stack=MB // 4)
        assert result.rc == REFUSED and said in result.text, (words, result)
        assert "no fault found" not in result.text and b"started" not in result.out
        assert words[1] != "--lint" or len(result.out.splitlines()) == 1


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_no_file(what, tmp_path):
    path = tmp_path / "pipe"
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    for words in (("config", "--lint", path), ("config", "--self-test", path),
                  ("--policy", path, "config", "--print")):
        result = bounded(COMMAND, *words)
        assert result.rc == REFUSED and f"{path}: {NO_FILE}" in result.text, (words, result)


def test_configurations_of_every_day(tmp_path):
    """Configurations far below the limits are read: ten levels, the same file twice, folders, variables."""
    for i in range(9):
        (tmp_path / f"{i}.cnf").write_text(f".include {tmp_path}/{i + 1}.cnf\n" if i < 8 else "")
    (tmp_path / "conf.d").mkdir()
    for i in range(50):
        (tmp_path / "conf.d" / f"{i}.cnf").write_text("[default]\na = b\nc = $a\n")
    path = tmp_path / "openssl.cnf"
    path.write_text(f".include {tmp_path}/0.cnf\n.include {tmp_path}/0.cnf\n"
                    f".include = {tmp_path}/conf.d # all\n[default]\n{GOOD}")
    assert bounded(COMMAND, "config", "--lint", path).rc == DONE


# --- certificates, keys and bundles


BAG = oid("1.2.840.113549.1.12.10.1.6")
SCRYPT, PBKDF2 = "1.3.6.1.4.1.11591.4.11", "1.2.840.113549.1.5.12"


def nested(depth, tag, inner=b"", within=b""):
    """|inner| in |depth| elements, each beginning with |within|; made from the outside."""
    heads, length = [], len(inner)
    for _ in range(depth):
        length += len(within)
        heads.append(header(tag, length) + within)
        length += len(heads[-1]) - len(within)
    return b"".join(reversed(heads)) + inner


def header(tag, length):
    if length < 0x80:
        return bytes((tag, length))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size


def endlessly(depth, tag):
    return bytes((tag, 0x80)) * depth + b"\0\0" * depth


def pem(name, *bodies):
    return b"".join(b"-----BEGIN %s-----\n%b-----END %s-----\n" % (
        name, base64.encodebytes(body), name) for body in bodies)


def content_info(kind, content):
    return tlv(der.SEQUENCE, oid(kind), tlv(0xa0, content))


def pkcs12(*safes):
    return tlv(der.SEQUENCE, integer(3), content_info(der.DATA, tlv(
        der.OCTETS, tlv(der.SEQUENCE, *safes))))


def bags_in_bags(depth):
    bags = tlv(der.SEQUENCE)
    for _ in range(depth):
        bags = tlv(der.SEQUENCE, tlv(der.SEQUENCE, BAG, tlv(0xa0, bags)))
    return pkcs12(content_info(der.DATA, tlv(der.OCTETS, bags)))


def encrypted_key(kdf):
    cipher = tlv(der.SEQUENCE, oid("2.16.840.1.101.3.4.1.42"), tlv(der.OCTETS, bytes(16)))
    return pem(b"ENCRYPTED PRIVATE KEY", tlv(
        der.SEQUENCE, tlv(der.SEQUENCE, oid("1.2.840.113549.1.5.13"),
                          tlv(der.SEQUENCE, kdf, cipher)), tlv(der.OCTETS, bytes(64))))


def scrypt(*numbers):
    return tlv(der.SEQUENCE, oid(SCRYPT), tlv(der.SEQUENCE, tlv(der.OCTETS, b"saltsalt"),
                                              *map(integer, numbers)))


def pbkdf2(*numbers):
    return tlv(der.SEQUENCE, oid(PBKDF2), tlv(der.SEQUENCE, tlv(der.OCTETS, b"saltsalt"),
                                              *map(integer, numbers)))


TOO_LONG, TOO_MUCH = "it is longer than 16 MB", "more than 10,000,000 iterations"
NOTHING = "cannot read"
FILES = {
    "bags in bags, 1000 deep": (lambda: bags_in_bags(1000), NOTHING),
    "octets in octets, 4 MB deep": (
        lambda: content_info(der.DATA, endlessly(MB, 0x24)), NOTHING),
    "sequences in sequences, 4 MB deep": (
        lambda: content_info(der.SIGNED, endlessly(MB, 0x30)), NOTHING),
    "a million safes": (
        lambda: pkcs12(content_info(der.DATA, tlv(der.OCTETS, tlv(der.SEQUENCE))) * MB), TOO_LONG),
    "a certificate of 70 MB": (
        lambda: b"-----BEGIN CERTIFICATE-----\n" + b"A" * 70 * MB + b"\n", TOO_LONG),
    "a header of 20 MB": (
        lambda: b"-----BEGIN CERTIFICATE-----\n" + b"X: y\n" * 4 * MB + b"\n", TOO_LONG),
    "20 MB of text": (lambda: b"text\n" * 4 * MB, TOO_LONG),
    "DER of 17 MB": (lambda: tlv(der.SEQUENCE, bytes(17 * MB)), TOO_LONG),
    "scrypt with 4 GB": (lambda: encrypted_key(scrypt(1 << 22, 8, 1)), TOO_MUCH),
    "scrypt with blocks of 1 GB": (lambda: encrypted_key(scrypt(2, 1 << 23, 1)), TOO_MUCH),
    "scrypt without end": (lambda: encrypted_key(scrypt(2, 1, 1 << 29)), TOO_MUCH),
    "PBKDF2 without end": (lambda: encrypted_key(pbkdf2(0x7fffffff)), TOO_MUCH),
    "PBKDF2 for a key of 2 GB": (lambda: encrypted_key(pbkdf2(1, 0x7fffffff)), NOTHING),
}


@pytest.fixture
def passphrase(tmp_path):
    path = tmp_path / "passphrase"
    path.write_text("x\n")
    return f"file:{path}"


@pytest.mark.parametrize("what", FILES)
def test_upload(what, passphrase, tmp_path):
    """As a file, through a pipe, and in a folder with a good one behind it: none is stored."""
    make, said = FILES[what]
    folder = tmp_path / "folder"
    folder.mkdir()
    path, ring_path = folder / "a", tmp_path / "ring"
    path.write_bytes(make())
    small = path.stat().st_size < 64 * MB
    for given, stdin in ((path, b""), ("-", path.read_bytes()), (folder, b"")):
        result = bounded(COMMAND, "upload", "--keyring", ring_path, "--passin", passphrase, given,
                         stdin=stdin, stack=MB // 4)
        wanted = said if small or given != "-" else "larger than 64 MB"
        assert result.rc == INPUT and wanted in result.err, result
        assert "stored 0" not in result.text and b"stored" not in result.out
    listed = run(COMMAND, "list", "--keyring", ring_path)
    assert b"@" not in listed.out


def test_upload_goes_on_behind_what_is_too_long(pki, tmp_path):
    """A part that is cut or too long hides no other file of the folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(FILES["20 MB of text"][0]())
    (tmp_path / "folder" / "b").write_bytes(pki.good_rsa.pem.read_bytes()[:-60])
    (tmp_path / "folder" / "c").write_bytes(pki.good_rsa.pem.read_bytes())
    result = bounded(COMMAND, "upload", "--keyring", tmp_path / "ring", "--keep-going",
                     tmp_path / "folder")
    assert result.rc == INPUT and TOO_LONG in result.err and "is cut or damaged" in result.err, result
    assert b"good_rsa@example.com" in must(run(COMMAND, "list", "--keyring", tmp_path / "ring")).out


def test_upload_of_a_pipe_or_device(pki, tmp_path):
    """A pipe is read once; an endless device is refused."""
    ring_path = tmp_path / "ring"
    result = bounded(COMMAND, "upload", "--keyring", ring_path, "/dev/zero")
    assert result.rc == INPUT and "/dev/zero: it is larger than 64 MB" in result.err, result
    result = run("bash", "-c", 'exec "$0" upload --keyring "$1" <(cat "$2")', COMMAND, ring_path,
                 pki.good_rsa.pem)
    assert result.rc == DONE, result
    assert b"good_rsa@example.com" in must(run(COMMAND, "list", "--keyring", ring_path)).out


CHECKED = [what for what, (_, said) in FILES.items() if said != NOTHING]


@pytest.mark.parametrize("what", CHECKED)
def test_check(what, passphrase, tmp_path):
    """As a certificate and as a key."""
    make, said = FILES[what]
    path = tmp_path / "a"
    path.write_bytes(make())
    wanted = "larger than 16 MB" if said == TOO_LONG else said
    for words in ((path,), ("--key", path)):
        result = bounded(COMMAND, "check", "--passin", passphrase, *words, stack=MB // 4)
        assert result.rc in (USAGE, INPUT) and (result.rc == USAGE or wanted in result.err), result
    result = bounded(COMMAND, "check", "--passin", passphrase, path, "--key", path)
    assert result.rc == INPUT and wanted in result.err, result


def test_check_pkcs12(pki, passphrase, tmp_path):
    """The iterations of a whole PKCS#12 are counted as by `upload`."""
    path = tmp_path / "a.p12"
    must(stock("pkcs12", "-export", "-in", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-out",
               path, "-passout", "pass:x"))
    assert bounded(COMMAND, "check", "--passin", passphrase, path).rc == DONE
    made = path.read_bytes()
    # The iterations of the MAC come last: 2048 become two thousand million.
    at = made.rindex(bytes.fromhex("02020800"))
    path.write_bytes(longer(made, at, 4, integer(0x7fffffff)))
    result = bounded(COMMAND, "check", "--passin", passphrase, path)
    assert result.rc == INPUT and TOO_MUCH in result.err, result


def longer(data, at, size, new):
    """|data| with |size| bytes at |at| replaced, and the lengths around them corrected."""
    head = 2 + (data[1] & 0x7f if data[1] & 0x80 else 0)
    if not (data[0] & 0x20 and head <= at):
        return data
    body = b""
    while data[head:]:
        element, _ = der.split(data[head:])
        inside = head <= at < head + len(element)
        if inside and at == head:
            body += new
        else:
            body += longer(element, at - head, size, new) if inside else element
        head += len(element)
    return tlv(data[0], body)


# --- messages


def many_signers(pki, signers, certificates):
    """Each signer has another certificate, in reverse order."""
    cert = must(stock("x509", "-in", pki.good_rsa.pem, "-outform", "DER")).out
    issuer, serial = der.issuer_and_serial(cert)
    at = cert.index(serial)

    def numbered(i):
        return tlv(der.INTEGER, b"\1" + i.to_bytes(serial[1] - 1, "big"))

    infos = [tlv(der.SEQUENCE, integer(1), tlv(der.SEQUENCE, issuer, numbered(i)),
                 algorithm(der.SHA256), algorithm(der.RSA), tlv(der.OCTETS, bytes(256)))
             for i in reversed(range(signers))]
    certs = [cert[:at] + numbered(i) + cert[at + len(serial):] for i in range(certificates)]
    return der.signed_data(b"content", certs, infos)


TOO_MANY = "more than 1,000 signatures or 2,000 certificates"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("verify",), ("cms", "-verify"), ("smime", "-verify")],
                         ids=lambda words: words[0])
@pytest.mark.parametrize("signers, certificates, said", [
    (10000, 10000, TOO_MANY), (1001, 1, TOO_MANY), (1, 2001, TOO_MANY), (1000, 2000, "")])
def test_signers(words, signers, certificates, said, pki, tmp_path):
    """With `sender = refuse` the stock names read the message first; else stock reads it."""
    message, out, policy = tmp_path / "message", tmp_path / "out", tmp_path / "policy.cnf"
    message.write_bytes(many_signers(pki, signers, certificates))
    policy.write_text("sender = refuse\n")
    result = bounded(COMMAND, "--policy", policy, *words, "-inform", "DER", "-in", message, "-CAfile", pki.ca, "-out",
                     out)
    assert result.rc not in (DONE, SYSTEM) and said in result.err and not out.exists(), result
    assert said or TOO_MANY not in result.err


# --- keyrings


WITHOUT_END = """
ALTER TABLE certificate RENAME TO kept;
CREATE VIEW certificate AS
    WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
    SELECT n AS id, zeroblob(32) AS fingerprint, 2 AS role, zeroblob(32) AS key, 1 AS subject,
           0 AS uploaded, zeroblob(100) AS der FROM r"""
TRIGGER = """
CREATE TRIGGER t BEFORE INSERT ON certificate BEGIN
    DELETE FROM certificate;
END"""


@pytest.mark.parametrize("sql", [WITHOUT_END, TRIGGER], ids=["a view without end", "a trigger"])
def test_keyring_with_a_program(sql, pki, conf, mail, tmp_path):
    """The maker of a database decides what SQL runs when it is read: refused by the command and by stock."""
    ring_path, out = tmp_path / "ring", tmp_path / "out"
    must(run(COMMAND, "upload", "--keyring", ring_path, pki.good_rsa.pem))
    with contextlib.closing(sqlite3.connect(ring_path / "certificates.db")) as database:
        database.executescript(sql)
    for words in (("show", "--keyring", ring_path, "good_rsa@example.com"),
                  ("list", "--keyring", ring_path), ("keyring", "check", "--keyring", ring_path),
                  ("upload", "--keyring", ring_path, pki.good_p256.pem),
                  ("encrypt", "--keyring", ring_path, "--to", "good_rsa@example.com", "-in", mail,
                   "-out", out)):
        result = bounded(COMMAND, *words)
        assert result.rc != DONE and "has views or triggers" in result.text, (words, result)
        assert not out.exists()
    with_ring = write_conf(tmp_path / "openssl.cnf", {"keyring": ring_path})
    result = bounded(OPENSSL, "cms", "-encrypt", "-in", mail, "-out", out,
                     "smimepolicy:contact/good_rsa@example.com", conf=with_ring)
    assert result.rc != DONE and "has views or triggers" in result.err, result
