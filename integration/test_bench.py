# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark works; its numbers are nobody's business here."""

import re

from harness import BUILD, REPO, run

ROWS = ("`openssl cms -sign`, 10 KB", "`smime-policy decrypt`, 10 KB", "CMS_sign, RSA-2048",
        "CMS_encrypt, P-256, 5 recipients", "PKCS7_verify, P-256", "TLS 1.3 handshake, P-256",
        "AES-256-GCM, 1 MiB", "CMS_verify, 5 certificates in the message",
        "80 certificates parsed and freed by 8 threads",
        "CMS_encrypt beside 20 live certificates", "`smime-policy verify`, 1 MB",
        "`smime-policy check` of 20 certificates, each")


def test_benchmark():
    result = run(REPO / "integration" / "bench" / "all.sh", "--small", env={"SP_BUILD": BUILD},
                 timeout=300)
    assert result.rc == 0, result
    text = result.out.decode()
    for row in ROWS:
        assert re.search(rf"^\| {re.escape(row)} \| [^|]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \|", text,
                         re.M), (row, text)
