# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The parts of a mail, compared with what other programs find.

Mails are made at random (from a fixed seed) of pieces that readers of multiparts treat differently.  What is
not refused has the same parts, to the byte, for the other readers.
"""

import email
import email.policy
import json
import random
import re

import pytest

from harness import BUILD, must, run

READER = BUILD / "tests" / "shim" / "tool" / "mail" / "read_parts"
COUNT = 6000

MARKS = ["a", "a", "b", "ab", "a-", "a b", "a.", "-a", "--a", "=_1:2", ""]
TYPES = ["text/plain", "Text/HTML; charset=utf-8", "application/pkcs7-mime; name=smime.p7m",
         "APPLICATION/PKCS7-MIME", "application/octet-stream; name=\"smime.p7m\"", "message/rfc822",
         "(c) application/pkcs7-mime", "application/pkcs7-mime (c)", "image/png", "text", "", "x/y z",
         "application/pkcs7-signature", "message/partial", "application / pkcs7-mime"]
LINES = ["one", "", " ", "\t", "--", "---", "-- ", "--a", "--b", "--a--", "--b--", "--ab", "--a ", "--a\t",
         "--a x", "--a-- x", "--a-", " --a", ">--a", "--A", "x\r--a", "x\r--b\r", "\r--a--", "\x0b--a", "\x0c--b",
         "\x00--a", "\x1c--a", "--a\r", "--a--\r", "--a\x00", "--a\x0b", "\x85--a", "\u2028--a", "From x", ".",
         "Content-Type: application/pkcs7-mime", "Content-Type: multipart/mixed; boundary=a", "x" * 3000,
         "--" * 600, "x" * 1021 + "--a"]
ENDS = ["\n", "\n", "\n", "\r\n", "\r\n", "\r", "\n\r", "\r\r\n"]
PARAMETERS = ["boundary={}", 'boundary="{}"', 'BOUNDARY="{}"', 'x=y; boundary="{}"', 'boundary="{}"; x="\\""',
              'boundary="{}" ; x=y', "boundary*=us-ascii''{}", 'boundary*0="{}"', 'boundary="{}"; boundary="b"',
              'boundary = "{}"', 'boundary="{}', 'x="; boundary=b"; boundary="{}"', 'boundary="{}" (c)',
              '(boundary=b) boundary="{}"', "boundary='{}'", 'boundary="\\{}"', "boundary={}\n\t; x=y"]
SUBTYPES = ["mixed", "mixed", "mixed", "signed", "alternative", "Mixed", "digest"]


class Maker(random.Random):
    """Chooses mostly plain pieces, among which odd ones are harder to notice."""
    oddity = 0.1

    def pick(self, choices):
        return self.choice(choices) if self.random() < self.oddity else choices[0]

    def lines(self, end, count):
        return "".join(self.choice(LINES) + (end if self.random() < 0.9 else self.pick(ENDS))
                       for _ in range(count))

    def leaf(self, end):
        kind = self.choice(TYPES)
        header = f"Content-Type: {kind}{end}" if kind or self.random() < 0.5 else ""
        if self.random() < self.oddity:
            header += self.choice([f"Content-Type: image/gif{end}", f"X: y{end}", f" z{end}", f"junk{end}",
                                   f"Content-Transfer-Encoding: base64{end}", f"\r{end}", f"X : y{end}"])
        return header + self.pick([end, end, ""] + ENDS) + f"body{end}" + self.lines(
            end, self.choice([0, 1, 2]) if self.random() < self.oddity * 3 else 0)

    def entity(self, end, depth=0):
        if self.random() < 0.4 * depth:
            return self.leaf(end)
        mark = self.pick([("a", "b", "c", "d")[depth % 4]] + MARKS)
        parameter = self.pick([PARAMETERS[1]] + PARAMETERS).format(mark)
        text = f"Content-Type: multipart/{self.choice(SUBTYPES)}; {parameter}{end}{end}"
        text += self.pick(["", f"preamble{end}", self.lines(end, 1), f"--b{end}"])
        for _ in range(self.choice([1, 2, 2, 3])):
            text += f"--{mark}{self.pick(['', ' ', 'x'])}{end}{self.entity(end, depth + 1)}"
            text += self.pick([end, ""])
        return text + self.pick([f"--{mark}--", f"--{mark}-- ", "", f"--{mark}"]) + self.pick(
            [end, f"{end}epilogue{end}", f"{end}--{mark}{end}{end}again{end}", ""])

    def mail(self):
        self.oddity = self.choice([0, 0.02, 0.05, 0.1, 0.3])
        end = self.choice(["\n", "\r\n"])
        return (f"From: a@b.example{end}" + self.entity(end)).encode("utf-8")


@pytest.fixture(scope="module")
def mails():
    r = Maker(20260112)
    return [r.mail() for _ in range(COUNT)]


def read(mails):
    """For each mail None, or its parts: type, bytes of the body, and whether they are inside of another."""
    lines = must(run(READER, stdin=b"".join(mail.hex().encode() + b"\n" for mail in mails),
                     timeout=300)).text.splitlines()
    assert len(lines) == len(mails)
    return [None if line == "refused" else tree(mail, line) for mail, line in zip(mails, lines)]


def tree(mail, line):
    parts = []
    for item in line.split(","):
        parent, kind, start, length = re.fullmatch(r"(\d+) (\S+) (\d+) (\d+)", item).groups()
        parts.append([kind, mail[int(start):int(start) + int(length)], []])
        if len(parts) > 1:
            parts[int(parent)][2].append(parts[-1])
    return parts[0]


def is_telling(kind):
    return kind.startswith("multipart/") or "pkcs7" in kind


def compare(own, theirs, end=bytes):
    """How the results differ, or None.  |theirs| returns type, body and parts; |end| cuts off its end."""
    kind, body, inner = own
    other_kind, other_body, other_inner = theirs()
    if kind != other_kind and (is_telling(kind) or is_telling(other_kind)):
        return "type", kind, other_kind
    if not inner:
        # A multipart inside of a multipart/signed is one piece to us.
        if other_body is None or kind.startswith("multipart/"):
            return None
        return None if end(body) == end(other_body) else ("body", body, other_body)
    if len(inner) != len(other_inner):
        return "parts", len(inner), len(other_inner)
    pairs = list(zip(inner, other_inner))
    # Signed content need not have a header.
    return next(filter(None, (compare(*both, end) for both in pairs[kind == "multipart/signed":])), None)


def of_python(message):
    def ask():
        kind = message.get_content_type()
        if message.is_multipart():
            # Python counts an attached mail as a message with one part.
            return kind, None, [of_python(part) for part in message.get_payload()]
        return kind, message._payload.encode("ascii", "surrogateescape"), []
    return ask


def check(name, mails, ours, theirs, end=bytes):
    wrong = []
    for mail, own, other in zip(mails, ours, theirs):
        found = None if own is None or other is None else compare(own, other, end)
        if found is not None:
            wrong.append((found, mail))
    assert not wrong, (name, len(wrong), wrong[:5])


@pytest.fixture(scope="module")
def ours(mails):
    found = read(mails)
    taken = sum(own is not None for own in found)
    # Both results are frequent; otherwise the test would show nothing.
    assert COUNT / 5 < taken < COUNT * 4 / 5, taken
    return found


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["compat32", "default"])
def test_beside_python(policy, mails, ours):
    how = getattr(email.policy, policy)
    check(policy, mails, ours, [of_python(email.message_from_bytes(mail, policy=how)) for mail in mails])


PERL = r"""
use strict; use JSON::PP; use Email::MIME;
local $SIG{__WARN__} = sub {}; binmode STDIN;
sub tree { my ($part) = @_;
    my ($kind) = ($part->content_type // 'text/plain') =~ m{^\s*([^\s;]+)};
    my @parts = $part->subparts;
    return [lc($kind // ''), unpack('H*', $part->body_raw), [map { tree($_) } @parts]];
}
my @all; while (my $line = <STDIN>) { chomp $line; my $t = pack('H*', $line);
    push @all, eval { tree(Email::MIME->new($t)) }; }
print JSON::PP->new->latin1->encode(\@all);
"""


def of_perl(found):
    kind, body, inner = found
    return lambda: (kind, None if inner else bytes.fromhex(body), [of_perl(part) for part in inner])


@pytest.mark.slow
def test_beside_perl(mails, ours):
    lines = b"".join(mail.hex().encode() + b"\n" for mail in mails)
    found = json.loads(must(run("perl", "-e", PERL, stdin=lines, timeout=300)).out)
    assert len(found) == len(mails)
    # If a part has no header, this reader takes its body for one, and some line ends at the end stay.
    check("Email::MIME", mails, ours, [other and not re.search(rb"\n--.*\n\r?\n", mail) and of_perl(other)
                                       or None for mail, other in zip(mails, found)],
          lambda body: body.rstrip(b"\r\n"))
