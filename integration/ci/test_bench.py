# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark works; its numbers are not tested."""

import re

import pytest

from harness import BUILD, REPO, run

ROWS = ("`openssl cms -sign`, 10 KB", "`smime-policy decrypt`, 10 KB", "CMS_sign, RSA-2048",
        "CMS_encrypt, P-256, 5 recipients", "PKCS7_verify, P-256", "TLS 1.3 handshake, P-256",
        "AES-256-GCM, 1 MiB", "CMS_verify, 5 certificates in the message",
        "80 certificates parsed and freed by 8 threads",
        "CMS_encrypt beside 20 live certificates", "`smime-policy verify`, 1 MB",
        "`smime-policy check` of 20 certificates, each")


def bench(*options):
    return run(REPO / "integration" / "bench" / "all.sh", *options, env={"SP_BUILD": BUILD})


def test_benchmark():
    result = bench("--small")
    assert result.rc == 0, result
    text = result.out.decode()
    for row in ROWS:
        assert re.search(rf"^\| {re.escape(row)} \| [^|]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \|", text,
                         re.M), (row, text)


@pytest.mark.parametrize("word, rows", [("SHA-256", 1), ("verify`, 1 MB", 3)])
def test_some_rows_with_stock_on_both_sides(word, rows):
    result = bench("--small", "--null", "--turns", "1", "--only", word)
    assert result.rc == 0, result
    shown = [line for line in result.out.decode().splitlines() if line.startswith("| ")][1:]
    assert len(shown) == rows and all(word in line for line in shown), result


@pytest.mark.parametrize("part", [("--small",), ("--only", "SHA-256"), ("--null",)])
def test_part_of_it_is_not_documented(part):
    page = REPO / "docs" / "results" / "performance.md"
    before = page.read_bytes()
    result = bench("--document", *part)
    assert result.rc == 2 and "--document takes all of it" in result.err, result
    assert page.read_bytes() == before


@pytest.mark.slow
def test_collecting():
    result = run(REPO / "integration" / "bench" / "collect.sh", "1000", BUILD)
    assert result.rc == 0, result
    shown = [line for line in result.out.decode().splitlines() if re.match(r"\| \d+ \|", line)]
    assert [line.split()[1] for line in shown] == ["100", "1000"], result
