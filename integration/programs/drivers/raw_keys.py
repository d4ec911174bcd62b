# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
`python3 raw_keys.py pyopenssl|xmlsec PKI NAME MAIL OUT`: raw operations with the certificate NAME, and
mail with it and with `expired` by M2Crypto, in one process.  A line each: what, and whether it worked.
"""

import sys
from pathlib import Path

from M2Crypto import BIO, SMIME, X509, m2

SAML = """<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol" ID="r1" Version="2.0"><Status/></Response>"""


def tell(what, go):
    """Print the result.  M2Crypto and pyOpenSSL share an error queue, so it is emptied."""
    try:
        done = go()
    except Exception as error:  # pylint: disable=broad-except
        print(what, error, file=sys.stderr)
        done = False
    while m2.err_get_error():
        pass
    print(what, "yes" if done else "no")


class PyOpenSSL:
    """crypto.sign() and crypto.verify(), as pysaml2 and others call them."""

    def __init__(self, certificate, key):
        from OpenSSL import crypto
        self.crypto = crypto
        self.certificate = crypto.load_certificate(crypto.FILETYPE_PEM, certificate.read_bytes())
        self.key = crypto.load_privatekey(crypto.FILETYPE_PEM, key.read_bytes())

    def operations(self, signature):
        yield "sign", lambda: self.crypto.sign(self.key, b"<saml/>", "sha256")
        if signature.exists():
            yield "verify", lambda: self.crypto.verify(
                self.certificate, signature.read_bytes(), b"<saml/>", "sha256") is None


class XmlSec:
    """Signatures and encryption of SAML, with the certificate in the key."""

    def __init__(self, certificate, key):
        import xmlsec
        from lxml import etree
        self.xmlsec, self.etree = xmlsec, etree
        self.certificate = certificate
        self.key = xmlsec.Key.from_file(str(key), xmlsec.KeyFormat.PEM)
        self.key.load_cert_from_file(str(certificate), xmlsec.KeyFormat.PEM)
        self.public = xmlsec.Key.from_file(str(certificate), xmlsec.KeyFormat.CERT_PEM)

    def sign(self):
        """An enveloped signature; the document."""
        xmlsec = self.xmlsec
        root = self.etree.fromstring(SAML)
        node = xmlsec.template.create(root, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256)
        root.append(node)
        reference = xmlsec.template.add_reference(node, xmlsec.Transform.SHA256)
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        context = xmlsec.SignatureContext()
        context.key = self.key
        context.sign(node)
        return root

    def verify(self, signature):
        """The document that another process has signed."""
        root = self.etree.fromstring(signature.read_bytes())
        context = self.xmlsec.SignatureContext()
        context.key = self.public
        context.verify(self.xmlsec.tree.find_node(root, "Signature"))
        return True

    def encrypt(self):
        """A session key, encrypted to the certificate."""
        xmlsec = self.xmlsec
        root = self.etree.fromstring(SAML)
        data = xmlsec.template.encrypted_data_create(
            root, xmlsec.Transform.AES256, type=xmlsec.EncryptionType.ELEMENT, ns="xenc")
        xmlsec.template.encrypted_data_ensure_cipher_value(data)
        info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="dsig")
        key = xmlsec.template.add_encrypted_key(info, xmlsec.Transform.RSA_OAEP)
        xmlsec.template.encrypted_data_ensure_cipher_value(key)
        manager = xmlsec.KeysManager()
        manager.add_key(self.public)
        context = xmlsec.EncryptionContext(manager)
        context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, 256, xmlsec.KeyDataType.SESSION)
        context.encrypt_xml(data, root[0])
        return True

    def operations(self, signature):
        yield "sign", lambda: self.sign() is not None
        if signature.exists():
            yield "verify", lambda: self.verify(signature)
        yield "public_encrypt", self.encrypt


def mails(pki, mail, name):
    """Signed with, and encrypted to, one certificate."""
    def sign():
        smime = SMIME.SMIME()
        smime.load_key(str(pki / f"{name}.key"), str(pki / f"{name}.pem"))
        return smime.sign(BIO.MemoryBuffer(mail.read_bytes()), SMIME.PKCS7_DETACHED)

    def encrypt():
        smime = SMIME.SMIME()
        recipients = X509.X509_Stack()
        recipients.push(X509.load_cert(str(pki / f"{name}.pem")))
        smime.set_x509_stack(recipients)
        smime.set_cipher(SMIME.Cipher("aes_256_cbc"))
        return smime.encrypt(BIO.MemoryBuffer(mail.read_bytes()))

    yield f"pkcs7_sign({name})", sign
    yield f"pkcs7_encrypt({name})", encrypt


def main(library, pki, name, mail, out):
    """Do everything twice: a refusal must not disturb what follows, and what passed must not excuse it."""
    pki, mail, signature = Path(pki), Path(mail), Path(out + ".signature")
    program = {"pyopenssl": PyOpenSSL, "xmlsec": XmlSec}[library](
        pki / f"{name}.pem", pki / f"{name}.key")
    for _ in range(2):
        for what, go in program.operations(signature):
            tell(what, go)
        for who in ("expired", name):
            for what, go in mails(pki, mail, who):
                tell(what, go)


main(*sys.argv[1:])
