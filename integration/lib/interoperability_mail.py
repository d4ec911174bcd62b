# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Mails that other programs write, made by them here and now, and what we read of them.

mails(pki, directory) yields (program, version, form, result); those of a program
that is not installed are left out.
"""

import email
import email.message
import email.mime.text
import email.policy
import json
import os
import platform
import shutil

from harness import COMMAND, PHP, must, run, stock

SENDER, READER = "good_rsa@example.com", "good_p256@example.com"
BODY = b"Content-Type: text/plain\n\nwhat was signed\n"
CONTENT = BODY.replace(b"\n", b"\r\n")
FIELDS = f"From: {SENDER}\nTo: {READER}\nSubject: test\n".encode()
FOOTER = "_______________________________________________\nlist mailing list\n"


class Mails:
    """The messages that are put into the mails, and the reader of the results."""

    def __init__(self, pki, directory):
        self.pki, self.directory = pki, directory
        text = self.keep("text", BODY)
        by = "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key
        self.detached = FIELDS + must(stock("cms", "-sign", "-in", text, *by)).out
        self.opaque = must(stock("cms", "-sign", "-nodetach", "-outform", "DER", "-in", text, *by)).out
        self.sealed = must(stock("cms", "-encrypt", "-outform", "DER", "-in", text, pki.good_p256.pem)).out

    def keep(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return path

    def ask(self, verb, mail, *options):
        out = self.directory / "content"
        out.unlink(missing_ok=True)
        result = run(COMMAND, verb, "--json", "-in", self.keep("mail", mail), "-out", out, *options, conf="/dev/null",
                     env={"SMIME_POLICY_KEYRING": self.directory / "none"})
        if result.rc != 0:
            return f"not read: {result.err.strip() or f'exit {result.rc}'}"
        assert out.read_bytes() == CONTENT, out.read_bytes()
        covered = json.loads(result.out)["covered"]
        where = "the whole body" if covered is None else covered["where"]
        return f"{'verified' if verb == 'verify' else 'decrypted'}: {where}"

    def verify(self, mail):
        return self.ask("verify", mail, "-CAfile", self.pki.ca)

    def decrypt(self, mail):
        return self.ask("decrypt", mail, "-recip", self.pki.good_p256.pem, "-inkey", self.pki.good_p256.key)


def version(*argv):
    """The first number in the first line that a program says of itself."""
    words = run(*argv).text.partition("\n")[0].split()
    return next((word.strip("v,") for word in words if word.lstrip("v")[:1].isdigit()), "?")


# --- mailing lists and gateways


def with_footer(mail):
    """As Mailman: the mail becomes the first part, and its fields stay outside."""
    message = email.message_from_bytes(mail)
    inner = email.message.Message()
    for name, value in message.items():
        if name.lower().startswith("content-"):
            inner[name] = value
            del message[name]
    inner.set_payload(message.get_payload())
    message.set_payload([inner, email.mime.text.MIMEText(FOOTER, "plain")])
    message["Content-Type"] = "multipart/mixed"
    return message.as_bytes()


def attach(content, subtype, name, **how):
    message = email.message.EmailMessage()
    message["From"], message["To"] = SENDER, READER
    message.set_content("see the attachment\n")
    message.add_attachment(content, "application", subtype, filename=name, **how)
    return message


def as_smime(der, subtype="pkcs7-mime", **how):
    message = email.message.EmailMessage()
    message["From"], message["To"] = SENDER, READER
    message.set_content(der, "application", subtype, filename="smime.p7m", **how)
    return message.as_bytes()


def python_rows(mails):
    name, number = "Python email", platform.python_version()
    crlf = email.policy.SMTP
    yield name, number, "signed, with a list's footer (as Mailman writes it)", mails.verify(with_footer(mails.detached))
    yield (name, number, "signed as a whole, with a list's footer",
           mails.verify(with_footer(as_smime(mails.opaque))))
    yield (name, number, "encrypted, with a list's footer", mails.decrypt(with_footer(as_smime(mails.sealed))))
    yield (name, number, "signed, with a list's footer, lines ended by CR LF",
           mails.verify(with_footer(mails.detached).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
    for kind in ("pkcs7-mime", "x-pkcs7-mime", "octet-stream", "PKCS7-MIME"):
        yield name, number, f"application/{kind} named smime.p7m", mails.verify(as_smime(mails.opaque, kind))
        yield (name, number, f"application/{kind} named smime.p7m, encrypted",
               mails.decrypt(as_smime(mails.sealed, kind)))
        yield (name, number, f"application/{kind} named grün.p7m, attached",
               mails.verify(attach(mails.opaque, kind, "grün.p7m").as_bytes(policy=crlf)))
    yield (name, number, "attached, without a transfer encoding (binary)",
           mails.verify(with_binary(attach(mails.opaque, "pkcs7-mime", "smime.p7m").as_bytes(), mails.opaque)))
    yield (name, number, "the signed mail forwarded as an attachment (message/rfc822)",
           mails.verify(forwarded(mails.detached)))


def with_binary(mail, der):
    """The same part in 8 bit; Python writes base64 only."""
    head, _, rest = mail.partition(b"Content-Transfer-Encoding: base64\n")
    fields, _, body = rest.partition(b"\n\n")
    end = body[body.rindex(b"\n--"):]
    return head + b"Content-Transfer-Encoding: binary\n" + fields + b"\n\n" + der + end


def forwarded(mail):
    message = email.message.EmailMessage()
    message["From"], message["To"] = SENDER, READER
    message.set_content("see the attachment\n")
    message.add_attachment(email.message_from_bytes(mail, policy=email.policy.default))
    return message.as_bytes()


# --- mailers


def mutt_rows(mails):
    for program in ("mutt", "neomutt"):
        if shutil.which(program) is None:
            continue
        for form, content, read in each_attachment(mails):
            sent, script = mails.directory / "sent", mails.keep("sendmail", b"")
            script.write_text(f"#!/bin/sh\nexec cat >{sent}\n")
            script.chmod(0o755)
            rc = mails.keep("muttrc", f'set sendmail="{script}"\nset from="{SENDER}"\nset copy=no\n'
                                      f'set tmpdir="{mails.directory}"\n'.encode())
            must(run(program, "-n", "-F", rc, "-s", "test", "-a", content, "--", READER,
                     stdin=b"see the attachment\n", env={"HOME": mails.directory}))
            yield program, version(program, "-v"), form, read(sent.read_bytes())


def each_attachment(mails):
    yield "signed, attached as smime.p7m", mails.keep("smime.p7m", mails.opaque), mails.verify
    yield "encrypted, attached as smime.p7m", mails.keep("smime.p7m", mails.sealed), mails.decrypt


def snail_rows(mails):
    if shutil.which("s-nail") is None:
        return
    for form, content, read in each_attachment(mails):
        sent = mails.directory / "sent"
        sent.unlink(missing_ok=True)
        must(run("s-nail", "-Ssendwait", f"-Smta=test://{sent}", f"-Sfrom={SENDER}", "-Snosave", "-s", "test",
                 "-a", content, READER, stdin=b"see the attachment\n",
                 env={"MAILRC": "/dev/null", "LC_ALL": "C.UTF-8"}))
        yield "s-nail", version("s-nail", "-V"), form, read(sent.read_bytes())


# --- libraries

PERL = r"""
use strict; use Email::MIME;
my ($from, $to, $file) = @ARGV; local $/;
open my $in, '<:raw', $file or die; my $der = <$in>; binmode STDOUT;
print Email::MIME->create(header_str => [From => $from, To => $to], parts => [
    Email::MIME->create(attributes => { content_type => 'text/plain' }, body => "see the attachment\n"),
    Email::MIME->create(attributes => { content_type => 'application/octet-stream', encoding => 'base64',
        disposition => 'attachment', filename => 'smime.p7m', name => 'smime.p7m' }, body => $der),
])->as_string;
"""
PERL_VERSION = "use Email::MIME; print $Email::MIME::VERSION"


def perl_rows(mails):
    if run("perl", "-e", PERL_VERSION).rc != 0:
        return
    for form, content, read in each_attachment(mails):
        mail = must(run("perl", "-e", PERL, SENDER, READER, content)).out
        yield "Email::MIME", version("perl", "-e", PERL_VERSION), form, read(mail)


PHPMAILER = "/usr/share/php/libphp-phpmailer/autoload.php"
PHP_MAIL = r"""
require $argv[1];
$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->setFrom($argv[2]); $mail->addAddress($argv[3]); $mail->Subject = 'test';
$mail->Body = 'see the attachment'; $mail->addAttachment($argv[4], 'smime.p7m', 'base64');
$mail->preSend(); echo $mail->getSentMIMEMessage();
"""


def php_rows(mails):
    if not os.path.exists(PHPMAILER) or not os.access(PHP, os.X_OK):
        return
    number = must(run(PHP, "-r", f"require '{PHPMAILER}'; echo PHPMailer\\PHPMailer\\PHPMailer::VERSION;")).text
    for form, content, read in each_attachment(mails):
        mail = must(run(PHP, "-r", PHP_MAIL, PHPMAILER, SENDER, READER, content)).out
        yield "PHPMailer", number, form, read(mail)


def mails(pki, directory):
    """Every row: (program, version, form, result)."""
    made = Mails(pki, directory)
    for rows in (python_rows, mutt_rows, snail_rows, perl_rows, php_rows):
        yield from rows(made)
