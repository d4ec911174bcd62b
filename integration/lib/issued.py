# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates with dates of choice, as a small CA issues them."""

from harness import must, run


def issue(folder, name, since, days, issuer=None, address=None, purpose="emailProtection"):
    """
    A certificate for NAME@example.org, or for another |address| there, that is valid from the day |since| on.
    Without an |issuer| it is a CA of its own.  Returns its path; the key is beside it.
    """
    if issuer:
        extensions = [f"subjectAltName=email:{address or name}@example.org", f"extendedKeyUsage={purpose}",
                      "keyUsage=critical,digitalSignature,keyAgreement", "basicConstraints=critical,CA:FALSE"]
        by = ("-CA", issuer, "-CAkey", issuer.with_suffix(".key"))
    else:
        extensions, by = ["keyUsage=critical,keyCertSign", "basicConstraints=critical,CA:TRUE"], ()
    must(run("faketime", "-f", f"{since} 12:00:00", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name.capitalize()}", "-days", str(days), *by,
             *(word for text in extensions for word in ("-addext", text)), "-keyout", folder / f"{name}.key",
             "-out", folder / f"{name}.pem", conf="/dev/null"))
    return folder / f"{name}.pem"
