# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates that other programs issue are read and judged."""

import pytest

import interoperability_certificates as certificates


@pytest.mark.parametrize("issuer", [pytest.param(issuer, id=issuer.package)
                                    for issuer in certificates.ISSUERS])
def test_what_it_issues(issuer, tmp_path):
    """As the program makes it, with the result that the page shows."""
    why = certificates.missing(issuer)
    if why is not None:
        pytest.skip(why)
    assert certificates.row(issuer, tmp_path)[-1] == issuer.result
