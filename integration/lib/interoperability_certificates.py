# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Certificates for mail that other programs issue, made here and judged by `check --for sign`.

Each program gets the shortest instructions of its own manual for such a certificate, and nothing that only
our rules require.  If it leaves something out, the row names the rule that noticed.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import COMMAND, PHP, run

NAME, ADDRESS = "Alice Example", "alice@example.org"

CERTTOOL = f"""cn = "{NAME}"
email = "{ADDRESS}"
signing_key
encryption_key
email_protection_key
expiration_days = 365
"""
GPGSM = f"""Key-Type: RSA
Key-Length: 2048
Key-Usage: sign, encrypt
Serial: random
Name-DN: CN={NAME}
Name-Email: {ADDRESS}
Not-After: 20991231T000000
"""
PHP_PROGRAM = r"""
file_put_contents("php.cnf", "[req]\ndistinguished_name = dn\n[dn]\n[mail]
basicConstraints = CA:FALSE\nsubjectAltName = email:%s
keyUsage = digitalSignature, keyEncipherment\nextendedKeyUsage = emailProtection\n");
$how = ["config" => "php.cnf", "x509_extensions" => "mail", "private_key_bits" => 2048];
$key = openssl_pkey_new($how);
$request = openssl_csr_new(["commonName" => "%s"], $key, $how);
openssl_x509_export_to_file(openssl_csr_sign($request, null, $key, 365, $how, 4711), "php.pem");
""" % (ADDRESS, NAME)
RUBY_PROGRAM = f"""
require "openssl"
key = OpenSSL::PKey::RSA.new(2048)
cert = OpenSSL::X509::Certificate.new
cert.version, cert.serial, cert.public_key = 2, 4711, key.public_key
cert.subject = cert.issuer = OpenSSL::X509::Name.new([["CN", "{NAME}"]])
cert.not_before, cert.not_after = Time.now, Time.now + 365 * 86400
factory = OpenSSL::X509::ExtensionFactory.new(cert, cert)
[["subjectAltName", "email:{ADDRESS}"], ["keyUsage", "digitalSignature,keyEncipherment", true],
 ["extendedKeyUsage", "emailProtection"]].each do |row|
  cert.add_extension(factory.create_extension(*row))
end
File.write("ruby.pem", cert.sign(key, "SHA256").to_pem)
"""
PYTHON_PROGRAM = f"""
import datetime
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, {NAME!r})])
now = datetime.datetime.utcnow()
usage = dict.fromkeys(("content_commitment", "data_encipherment", "key_cert_sign", "crl_sign",
                       "encipher_only", "decipher_only", "key_encipherment"), False)
cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(365))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name({ADDRESS!r})]), False)
        .add_extension(x509.KeyUsage(digital_signature=True, key_agreement=True, **usage), True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .sign(key, hashes.SHA256()))
open("python.der", "wb").write(cert.public_bytes(serialization.Encoding.DER))
"""


def _botan(at):
    at("botan", "keygen", "--algo=RSA", "--params=2048", "--output=key.pem")
    at("botan", "gen_self_signed", "key.pem", NAME, f"--email={ADDRESS}", "--der",
       "--output=botan.der")


def _certtool(at):
    (at.directory / "template").write_text(CERTTOOL)
    at("certtool", "--generate-privkey", "--key-type", "rsa", "--bits", "2048",
       "--outfile", "key.pem")
    at("certtool", "--generate-self-signed", "--load-privkey", "key.pem",
       "--template", "template", "--outfile", "certtool.pem")


def _certutil(at):
    (at.directory / "noise").write_bytes(os.urandom(64))
    (at.directory / "db").mkdir()
    at("certutil", "-N", "-d", "sql:db", "--empty-password")
    at("certutil", "-S", "-d", "sql:db", "-z", "noise", "-n", "alice", "-s", f"CN={NAME}", "-x",
       "-t", ",,", "-7", ADDRESS, "--keyUsage", "digitalSignature,keyEncipherment",
       "--extKeyUsage", "emailProtection", "-g", "2048", "-v", "12")
    at("certutil", "-L", "-d", "sql:db", "-n", "alice", "-r", "-o", "certutil.der")


def _gpgsm(at):
    home = at.directory / "gnupg"
    home.mkdir(mode=0o700)
    (home / "gpg-agent.conf").write_text("allow-loopback-pinentry\n")
    (at.directory / "parameters").write_text(GPGSM)
    try:
        at("gpgsm", "--homedir", home, "--batch", "--pinentry-mode", "loopback",
           "--passphrase-fd", "0", "--output", "gpgsm.pem", "--generate-key", "parameters",
           stdin=b"\n")
    finally:
        at("gpgconf", "--homedir", home, "--kill", "gpg-agent")


def _pki(at):
    (at.directory / "key.der").write_bytes(at("pki", "--gen", "--type", "rsa", "--size", "2048").out)
    cert = at("pki", "--self", "--in", "key.der", "--dn", f"CN={NAME}", "--san", ADDRESS,
              "--lifetime", "365", "--outform", "pem")
    (at.directory / "pki.pem").write_bytes(cert.out)


def _php(at):
    at(PHP, "-r", PHP_PROGRAM)


def _ruby(at):
    at("ruby", "-e", RUBY_PROGRAM)


def _python(at):
    at("/usr/bin/python3", "-W", "ignore", "-c", PYTHON_PROGRAM)


@dataclass(frozen=True)
class Issuer:
    """A program that issues; |needs| is what runs, |result| what is found in the |file| it leaves."""

    program: str
    package: str
    needs: str
    make: object
    result: str
    file: str


LACKS_KEY_USAGE = "refused: key-usage"
ISSUERS = (
    Issuer("Botan, `botan gen_self_signed`", "botan", "botan", _botan,
           LACKS_KEY_USAGE, "botan.der"),
    Issuer("GnuTLS, `certtool`", "gnutls-bin", "certtool", _certtool,
           "usable", "certtool.pem"),
    Issuer("GnuPG, `gpgsm --generate-key`", "gpgsm", "gpgsm", _gpgsm,
           "warning: validity-too-long", "gpgsm.pem"),
    Issuer("NSS, `certutil`", "libnss3-tools", "certutil", _certutil,
           "usable", "certutil.der"),
    Issuer("PHP, `openssl_csr_sign`", "php-cli", PHP, _php,
           "warning: weak-digest", "php.pem"),
    Issuer("Python, `cryptography`", "python3-cryptography", "/usr/bin/python3", _python,
           "usable", "python.der"),
    Issuer("Ruby, `OpenSSL::X509`", "ruby", "ruby", _ruby,
           "usable", "ruby.pem"),
    Issuer("strongSwan, `pki --self`", "strongswan-pki", "pki", _pki,
           LACKS_KEY_USAGE, "pki.pem"),
)


class At:
    """Runs programs in a directory; what fails there is told with its output."""

    def __init__(self, directory):
        self.directory = Path(directory)

    def __call__(self, *argv, stdin=b""):
        done = run(*argv, stdin=stdin, cwd=self.directory, env={"HOME": self.directory})
        assert done.rc == 0, f"{argv[0]}: {done}"
        return done


def missing(issuer):
    """Why its row cannot be made here, or None."""
    return None if shutil.which(issuer.needs, path=os.defpath) else f"no {issuer.needs}"


def verdict(path):
    """What `check --for sign` finds: usable, or the word and the rule of each finding."""
    done = run(COMMAND, "check", "--for", "sign", path)
    found = re.findall(r"^ +(refused|warning): .*?\[([a-z-]+)\]", done.text, re.MULTILINE)
    if not found:
        return "usable" if done.rc == 0 else f"not read: {done.err.strip()}"
    return ", ".join(f"{word}: {rule}" for word, rule in found)


def row(issuer, directory):
    """(program, package, form, result) of what it makes in |directory|."""
    issuer.make(At(directory))
    return (issuer.program, issuer.package, issuer.file.rpartition(".")[2].upper(),
            verdict(Path(directory) / issuer.file))
