# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What other programs write is read as docs/results/interoperability.md says."""

import os

import pytest

import interoperability
import interoperability_certificates
from harness import REPO

pytestmark = pytest.mark.slow
KEPT = REPO / "docs" / "results" / "interoperability.md"


@pytest.fixture(scope="module")
def found(tmp_path_factory, pki):
    """Every row, made by running programs."""
    return interoperability.tables(
        interoperability.World(pki, tmp_path_factory.mktemp("interoperability")))


def test_page_is_the_one_we_publish(found, capsys):
    """Print it; compare it with the file that is kept, but for versions and what is not installed."""
    text = interoperability.markdown(found)
    with capsys.disabled():
        print("\n" + text)
    if os.environ.get("SP_UPDATE_INTEROPERABILITY") == "1":
        KEPT.write_text(text)
    ours, kept = (interoperability.without_versions(page) for page in (text, KEPT.read_text()))
    assert list(ours) == list(kept)
    for title, rows in ours.items():
        programs = {program for program, *_ in rows}
        assert rows == [row for row in kept[title] if row[0] in programs]


def test_whatever_was_made_is_read(found):
    """Whatever was made is read: no row excuses a failure."""
    assert found["PKCS#12 files"]
    for row in found["PKCS#12 files"]:
        assert row.result.startswith("read: "), row


def expected(form):
    """The result for a mail in this form."""
    if "message/rfc822" in form:
        return ("not read: smime-policy: the message is not signed: it is multipart/mixed, and none "
                "of its parts is S/MIME: 1 (text/plain), 2 (message/rfc822); a mail that is attached "
                "(message/rfc822) is another mail: save it in a file of its own")
    done = "decrypted" if "encrypted" in form else "verified"
    if "footer" in form:
        return f"{done}: part 1 of 2 of a multipart/mixed"
    if "attached" in form:
        return f"{done}: part 2 of 2 of a multipart/mixed"
    return f"{done}: the whole body"


def test_every_mail(found):
    """The part that is signed or encrypted is found, and nothing else is taken for it."""
    rows = found["Mails"]
    assert [row for row in rows if row.result != expected(row.form)] == []
    assert {row.program for row in rows} >= {"Python email", "mutt", "neomutt", "s-nail",
                                             "Email::MIME", "PHPMailer"}


def test_every_certificate(found):
    """Each certificate is judged by what its program left out."""
    results = {row.program: row.result for row in found["Certificates"]}
    assert results == {issuer.program: issuer.result
                       for issuer in interoperability_certificates.ISSUERS
                       if interoperability_certificates.missing(issuer) is None}
    assert len(results) >= 4
