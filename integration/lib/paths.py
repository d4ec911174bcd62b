# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The paths on which a mail meets the policy, behind one interface.

sign(cert, mail, out), encrypt(certs, mail, out), verify(mail, trusted, out) and decrypt(mail, cert, out) each
return the Result of one program.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import COMMAND, MODULE, OPENSSL, PHP, REPO, run

SMIME_PHP = REPO / "integration" / "programs" / "smime.php"


@dataclass
class CommandLine:
    """`openssl cms`, `openssl smime` and whatever takes their options."""

    name: str
    argv: tuple
    api: str  # "cms" or "smime": the format of the messages
    options: tuple = ()
    conf: Path | None = None
    env: dict = field(default_factory=dict)
    verb: str = "-"  # the spelling of the operation: "-sign" or "sign"
    ours: bool = False  # it is our command: a refusal leaves nothing behind

    def call(self, operation, *args, **kwargs):
        """Run it once; extra arguments follow the path's own options."""
        return run(*self.argv, self.verb + operation, *self.options, *args, conf=self.conf,
                   env=self.env, **kwargs)

    def sign(self, cert, mail, out, *more):
        if cert.chain:
            more += ("-certfile", cert.chain)
        if cert.recipe.key == "rsapss" and self.api == "cms":
            # Without this option stock 3.x writes a signature that nobody can verify.
            more += ("-keyopt", "rsa_padding_mode:pss")
        return self.call("sign", "-signer", cert.pem, "-inkey", cert.key, "-in", mail,
                         "-out", out, *more)

    def encrypt(self, certs, mail, out, *more):
        return self.call("encrypt", "-aes256", "-in", mail, "-out", out, *more,
                         *[cert.pem for cert in certs])

    def verify(self, mail, trusted, out, *more):
        return self.call("verify", "-in", mail, "-CAfile", trusted, "-out", out, *more)

    def decrypt(self, mail, cert, out, *more):
        return self.call("decrypt", "-in", mail, "-recip", cert.pem, "-inkey", cert.key,
                         "-out", out, *more)

    def bare(self):
        """The same program without the policy."""
        return without_policy(self.api)


@dataclass
class Php:
    """PHP's functions, in the PHP process, with nothing but OPENSSL_CONF."""

    name: str
    api: str
    conf: Path | None = None
    ours: bool = False

    def call(self, operation, *args):
        api = "cms" if self.api == "cms" else "pkcs7"
        return run(PHP, "-n", SMIME_PHP, api, operation, *args, conf=self.conf)

    def sign(self, cert, mail, out):
        return self.call("sign", mail, out, cert.pem, cert.key,
                         *([cert.chain] if cert.chain else []))

    def encrypt(self, certs, mail, out):
        return self.call("encrypt", mail, out, *[cert.pem for cert in certs])

    def verify(self, mail, trusted, out):
        return self.call("verify", mail, out, trusted)

    def decrypt(self, mail, cert, out):
        return self.call("decrypt", mail, out, cert.pem, cert.key)

    def bare(self):
        """The same program without the policy."""
        return replace(self, conf="/dev/null")


def without_policy(api="cms"):
    """Stock openssl, to prepare messages and to cross-check results."""
    return CommandLine(f"stock {api}", (OPENSSL, api), api, conf="/dev/null")


def provider_paths(conf, inactive="/dev/null"):
    """
    Unmodified programs that load the provider: by |conf|, or by an option.

    inactive: the configuration beside the option, for settings.
    """
    return [
        CommandLine("openssl cms -provider", (OPENSSL, "cms"), "cms", conf=inactive,
                    options=("-provider-path", MODULE.parent, "-provider", "smimepolicy")),
        CommandLine("openssl cms", (OPENSSL, "cms"), "cms", conf=conf),
        CommandLine("openssl smime", (OPENSSL, "smime"), "smime", conf=conf),
        Php("PHP pkcs7", "smime", conf=conf),
        Php("PHP cms", "cms", conf=conf),
    ]


def command_paths():
    """Our command: the verbs, and the stock command lines under policy."""
    return [
        CommandLine("smime-policy", (COMMAND,), "cms", verb="", ours=True),
        CommandLine("smime-policy cms", (COMMAND, "cms"), "cms", ours=True),
        CommandLine("smime-policy smime", (COMMAND, "smime"), "smime", ours=True),
    ]


PATH_NAMES = [path.name for path in provider_paths(None) + command_paths()]
