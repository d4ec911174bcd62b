# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Debian's slapd as a process of a test, and certificates for its entries."""

import base64
import datetime
import functools
import ipaddress
import shutil
import socket
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import environment, must, run, wait_for

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/bin")
BASE = "dc=example,dc=org"
MAIL, SERVER = ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.SERVER_AUTH
RSA = functools.partial(rsa.generate_private_key, 65537, 2048)
NOW = datetime.datetime.utcnow().replace(microsecond=0)


class Cert:
    """A certificate with its key; without an issuer it signs itself."""

    def __init__(self, name, addresses=(), issuer=None, *, ca=False, days=100, since=-10, purpose=MAIL,
                 signs_only=False, agrees=False, address_of_host=None, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.RFC822Name(address) for address in addresses]
        if address_of_host:
            names.append(x509.IPAddress(ipaddress.ip_address(address_of_host)))
        builder = (x509.CertificateBuilder().subject_name(subject)
                   .issuer_name(issuer.cert.subject if issuer else subject)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(NOW + datetime.timedelta(days=since))
                   .not_valid_after(NOW + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca, None), True)
                   .add_extension(x509.KeyUsage(not ca, False, not ca and not signs_only and not agrees, False, agrees,
                                                ca, ca, False, False), True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        self.cert = builder.sign((issuer or self).key, hashes.SHA256())
        self.der = self.cert.public_bytes(serialization.Encoding.DER)

    def write(self, path):
        """Write the certificate to |path|, and the key beside it."""
        path.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))
        path.with_suffix(".key").write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return path


def crl(issuer, *revoked):
    """A CRL of the issuer in PEM, which revokes these."""
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.cert.subject).last_update(NOW)
               .next_update(NOW + datetime.timedelta(days=9)))
    for cert in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(
            cert.cert.serial_number).revocation_date(NOW).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def bag(*certs):
    """A PKCS#7 with these certificates alone."""
    pem = b"".join(cert.cert.public_bytes(serialization.Encoding.PEM) for cert in certs)
    return must(run("openssl", "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER", stdin=pem,
                    conf="/dev/null")).out


def person(name, mail, *, certs=(), values=(), below=BASE):
    """The LDIF of an entry: certificates as userCertificate, and values of userSMIMECertificate."""
    lines = [f"dn: cn={name},{below}", "objectClass: inetOrgPerson", f"cn: {name}", f"sn: {name}", f"mail: {mail}"]
    lines += [f"userCertificate;binary:: {base64.b64encode(cert.der).decode()}" for cert in certs]
    lines += [f"userSMIMECertificate:: {base64.b64encode(value).decode()}" for value in values]
    return "\n".join(lines) + "\n"


HEAD = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=reader,{BASE}
objectClass: person
cn: reader
sn: reader
userPassword: opensesame

dn: ou=private,{BASE}
objectClass: organizationalUnit
ou: private

dn: ou=elsewhere,{BASE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:9/dc=example,dc=org
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Directory:
    """A slapd with these entries, at a socket, and at ports of 127.0.0.1 for LDAP and LDAPS."""

    def __init__(self, folder, entries, tls=None, ca=None):
        self.folder = folder
        self.socket = folder / "s"
        (folder / "db").mkdir()
        lines = [f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson")]
        lines += ["modulepath /usr/lib/ldap", "moduleload back_mdb", f"pidfile {folder}/pid"]
        if tls:
            lines += [f"TLSCACertificateFile {ca}", f"TLSCertificateFile {tls}",
                      f"TLSCertificateKeyFile {tls.with_suffix('.key')}"]
        lines += ["database mdb", f"suffix {BASE}", f"rootdn cn=admin,{BASE}", "rootpw secret",
                  f"directory {folder}/db", "index mail eq",
                  f'access to dn.subtree="ou=private,{BASE}" by dn.exact="cn=reader,{BASE}" read by * none',
                  "access to attrs=userPassword by anonymous auth by * none", "access to * by * read"]
        self.conf = folder / "slapd.conf"
        self.conf.write_text("\n".join(lines) + "\n")
        ldif = folder / "entries.ldif"
        ldif.write_text("\n".join([HEAD, *entries]))
        must(run(SLAPD, "-T", "add", "-f", self.conf, "-l", ldif))
        self.process = None
        self.start()

    def start(self):
        """Another program may take a free port first: then the next one is tried."""
        while True:
            self.port, self.tls_port = free_port(), free_port()
            urls = (f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port} "
                    f"ldapi://{str(self.socket).replace('/', '%2F')}")
            self.process = subprocess.Popen([SLAPD, "-f", self.conf, "-h", urls, "-d", "0"], env=environment(),
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: self.process.poll() is not None or self.answers())
            if self.process.poll() is None:
                return

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def local(self, rest=f"/{BASE}"):
        return f"ldapi://{str(self.socket).replace('/', '%2F')}{rest}"

    def plain(self, rest=f"/{BASE}"):
        return f"ldap://127.0.0.1:{self.port}{rest}"

    def secure(self, rest=f"/{BASE}"):
        return f"ldaps://127.0.0.1:{self.tls_port}{rest}"

    def modify(self, text):
        must(run("ldapmodify", "-x", "-H", self.local(""), "-D", f"cn=admin,{BASE}", "-w", "secret",
                 stdin=text.encode()))
