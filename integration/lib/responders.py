# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""A CA, what it has issued with the URLs of its CRL and its responder, and `openssl ocsp` as that responder."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import NEW_KEY, OPENSSL, must, run, stock


def extended(*lines):
    return [word for line in lines for word in ("-addext", line)]


@dataclass
class Authority:
    """A CA in a folder of its own, which the CA |above| has issued if there is one."""

    folder: Path
    name: str
    above: "Authority" = None
    issued: dict = field(default_factory=dict)  # name: its line in the index

    def __post_init__(self):
        self.folder.mkdir()
        self.cert = self.folder / "ca.pem"
        by = ("-CA", self.above.cert, "-CAkey", self.key(self.above.cert)) if self.above else ()
        must(stock("req", "-x509", *NEW_KEY, "-subj", f"/CN={self.name}", "-days", "3650", "-out", self.cert, *by,
                   *extended("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"),
                   "-keyout", self.key(self.cert)))

    @staticmethod
    def key(cert):
        return cert.with_suffix(".key")

    def issue(self, name, *lines, days=365, usage="digitalSignature,keyAgreement", purpose="emailProtection",
              address=None):
        """The path of a certificate for NAME@example.org, or another |address| there; its key is beside it."""
        cert = self.folder / f"{name}.pem"
        serial = len(self.issued) + 16
        must(stock("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", "-days", str(days), "-CA", self.cert, "-CAkey",
                   self.key(self.cert), "-set_serial", str(serial), "-out", cert, "-keyout", self.key(cert),
                   *extended("basicConstraints=critical,CA:FALSE", f"subjectAltName=email:{address or name}@example.org",
                             f"keyUsage=critical,{usage}", f"extendedKeyUsage={purpose}", *lines)))
        self.issued[name] = ["V", "351231235959Z", "", f"{serial:02X}", "unknown", f"/CN={name}"]
        return cert

    def revoke(self, name, reason="", since="260101000000Z"):
        self.issued[name][:3] = ["R", "351231235959Z", f"{since},{reason}" if reason else since]

    def index(self):
        path = self.folder / "index.txt"
        path.write_text("".join("\t".join(line) + "\n" for line in self.issued.values()))
        (self.folder / "index.txt.attr").write_text("unique_subject = no\n")
        return path

    def answer(self, request, *words, by=None, faked=None):
        """What its responder answers to the DER of a request: signed by the CA, or by the certificate |by|."""
        by = by or self.cert
        asked, told = self.folder / "request.der", self.folder / "response.der"
        asked.write_bytes(request)
        told.unlink(missing_ok=True)
        words = ("ocsp", "-index", self.index(), "-CA", self.cert, "-rsigner", by, "-rkey", self.key(by), "-reqin", asked,
                 "-respout", told, *(words or ("-ndays", "1")))
        must(run("faketime", "-f", faked, OPENSSL, *words, conf="/dev/null") if faked else stock(*words))
        return told.read_bytes()

    def responder(self, *words, **how):
        """Answers an exchange of integration/lib/web.py."""
        return lambda exchange: exchange.reply(self.answer(exchange.body, *words, **how))

    def crl(self, number=1, days=30, faked=None, point=()):
        """Its CRL, as DER.  |point|: the lines of its issuingDistributionPoint."""
        conf = self.folder / "ca.cnf"
        conf.write_text("[ca]\ndefault_ca = own\n[own]\ndatabase = {0}/index.txt\ncrlnumber = {0}/number\n"
                        "default_md = sha256\ncrl_extensions = own_crl\n[own_crl]\nauthorityKeyIdentifier = keyid\n"
                        .format(self.folder)
                        + "\n".join(("issuingDistributionPoint = critical,@point\n[point]", *point, "")) * bool(point))
        (self.folder / "number").write_text(f"{number:04X}\n")
        self.index()
        words = ("ca", "-config", conf, "-gencrl", "-cert", self.cert, "-keyfile", self.key(self.cert), "-crldays",
                 str(days), "-out", self.folder / "crl.pem")
        must(run("faketime", "-f", faked, OPENSSL, *words, conf="/dev/null") if faked else stock(*words))
        must(stock("crl", "-in", self.folder / "crl.pem", "-outform", "DER", "-out", self.folder / "crl.der"))
        return (self.folder / "crl.der").read_bytes()


@pytest.fixture(autouse=True)
def answers(server, ca):
    """For a file that imports this: before each test nobody is revoked, and the CA signs the answers."""
    server.asked.clear()
    server.answers.clear()
    server.answers["/ocsp"] = ca.responder()
    for line in ca.issued.values():
        line[:3] = ["V", "351231235959Z", ""]
    return server.answers
