# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The command under its stock names, in the table of what happens when the policy cannot work.

mutt, neomutt, Emacs, libetpan and RT reach OpenSSL through it; what each of
them makes of a refusal is in its own tests.
"""

import tempfile
from pathlib import Path

import fail_closed
from harness import run
from programs import Bin

# The corresponding fault for the command, which has no configuration file.
OWN = {"module missing": "module missing", "`module` names something else": "module broken"}
# The command names the provider itself, and does not pass OPENSSL_CONF to stock.
IMMUNE = ("module missing, `default` active beside it", "no configuration file")


@fail_closed.program("mutt, neomutt, Emacs, libetpan, RT: `smime-policy smime`", immune=IMMUNE)
def _(world, fault):
    settings = "".join(f"{key} = {value}\n" for key, value in fault.settings.items())
    ours = Bin(Path(tempfile.mkdtemp(dir=world.directory)), OWN.get(fault.name), settings)
    out = world.directory / "out"
    # If the command itself works, a good certificate may pass.
    names = ["expired"] if fault.name in IMMUNE else fault.certificates
    for name in names:
        cert = world.pki[name]
        for what in (["-sign", "-signer", cert.pem, "-inkey", cert.key, "-in", world.mail],
                     ["-encrypt", "-aes256", "-in", world.mail]):
            last = [cert.pem] if what[0] == "-encrypt" else []
            run(ours.path / "openssl", "smime", *what, "-out", out, *last,
                env={**ours.env, "OPENSSL_CONF": fault.conf})
            yield world.protected(out)
