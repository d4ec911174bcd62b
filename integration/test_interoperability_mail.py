# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What is read of the mails that other programs write; their table is in interoperability_mail.py."""

import pytest

from interoperability_mail import mails


@pytest.fixture(scope="module")
def rows(pki, tmp_path_factory):
    return list(mails(pki, tmp_path_factory.mktemp("mails")))


def expected(form):
    if "message/rfc822" in form:
        return ("not read: smime-policy: the message is not signed: it is multipart/mixed, and none of its parts is "
                "S/MIME: 1 (text/plain), 2 (message/rfc822); a mail that is attached (message/rfc822) is another "
                "mail: save it in a file of its own")
    done = "decrypted" if "encrypted" in form else "verified"
    if "footer" in form:
        return f"{done}: part 1 of 2 of a multipart/mixed"
    return f"{done}: " + ("part 2 of 2 of a multipart/mixed" if "attached" in form else "the whole body")


def test_every_row(rows):
    assert [row for row in rows if row[3] != expected(row[2])] == []
    assert all(version[0].isdigit() for _, version, _, _ in rows), rows


def test_programs(rows):
    """Those of packages-test.txt are there."""
    assert {row[0] for row in rows} >= {"Python email", "mutt", "neomutt", "s-nail", "Email::MIME", "PHPMailer"}
