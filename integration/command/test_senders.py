# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The sender of a mail, compared with what other programs show.

Headers are made at random (from a fixed seed) of pieces that readers of headers treat differently.  If one of
the other readers shows an address that is not the signer's, the command must not let the mail pass.
"""

import email
import email.errors
import email.policy
import email.utils
import json
import os
import random
import re

import pytest

from harness import BUILD, COMMAND, must, run, stock
from terminal import CONTROL, Terminal

READER = BUILD / "tests" / "shim" / "tool" / "mail" / "read_senders"

GOOD = "good_rsa@example.com"
BAD = "victim@bank.example"

# --- headers


ADDRESSES = [
    GOOD, BAD, GOOD.upper(), '"good_rsa"@example.com', "good_rsa", "good_rsa (c) @ (c) example.com",
    "good_rsa@ example.com", "good_rsa @example.com", f'"{BAD}"@example.com',
    "=?utf-8?q?victim=40bank.example?=@example.com", "good_rsa@example.com.", "good_rsa@(c)example.com",
    f"{GOOD}.bank.example", "good_rsa%bank.example@example.com", f"{BAD}@example.com",
    f"@bank.example:{GOOD}", "victim!good_rsa@example.com", "good_rsa@[example.com]"]
NAMES = ["Good", "Dr. Good", '"Good"', f'"{BAD}"', f"=?utf-8?q?{BAD.replace('@', '=40')}?=",
         f"=?utf-8?q?=22{BAD.replace('@', '=40')}=22=2C?=", f"=?utf-8?q?{BAD.replace('@', '=40')}=3E=2C?=",
         f"({BAD})", f"(({BAD}) x)", f'"x\\" <{BAD}>, "', f'"x \\\\"', f'"<{BAD}>, "', f'("{BAD})',
         f"(\\) <{BAD}>)", "Göod", "a b", '"a"b', "a:", "x@y", "a\\b", "'", f"'{BAD}'", "[x]", "a;",
         f'"{BAD}\r"', "\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\x00", "a, b", "=?utf-8?b?Iiw=?=",
         "=?x?", "(", ")", '"', '""', '"" ""', "(a)(b)", "()", f"=?utf-8?q?a?= =?utf-8?q?{BAD}?=",
         f"(=?utf-8?q?=29{BAD}?=)", f'"=?utf-8?q?=22_=3C{BAD}=3E=2C?="', "a.b", ".", "a..b", "*",
         "=?utf-8?b?!PHZpY3RpbUBiYW5rLmV4YW1wbGU+LCA=?=", "=?utf-8?b?PHZpY3RpbUBi YW5rLmV4YW1wbGU+LCA=?=",
         "=?utf-8?b?PHZpY3RpbUBiYW5rLmV4YW1wbGU+LCA?=", '"=?utf-8?b?!PHZpY3RpbUBiYW5rLmV4YW1wbGU+LCA=?="',
         "=?x?=?utf-8?q?=3Cvictim=40bank.example=3E=2C?=", "=?utf_7?q?+ADw-victim+AEA-bank.example+AD4-+ACw-?=",
         "=?unicode_escape?q?=5Cx3cvictim=5Cx40bank.example=5Cx3e,?="]
AFTER = ["", " ", f" ({BAD})", ",", f", {BAD}", f" {BAD}", f" <{BAD}>", ";", f"; {BAD}", " x",
         f",<{BAD}>", ", <>", "\t", f'("{BAD}', " (x", " ()", f'" {BAD}', f"\r{BAD}", f"\x0b{BAD}", f"\n ,{BAD}",
         f"\r\n\t(x)", "\n  ", "\x00", f"\x00 {BAD}", ">", f"> <{BAD}", f",,{BAD}"]
COLON = [": ", ":", ":\t", ":\n ", ":\r\n ", " :", "\t: ", "\x00:", "\x01: ", "\u00a0: ", "\n : ", ""]
FIELDS = ["From"] * 8 + ["from", "FROM", "Sender", "Sender", "Reply-To", "To", "Resent-From", "Return-Path",
          "X-Note", "Fr\nom", "From\r", "\rFrom", " From", "\ufeffFrom", "From:x", ">From", "From ", "Subject",
          "Received", "Comments", "X-From", "Content-From", "Apparently-From", "F\x00rom", "", "=?utf-8?q?From?="]
LINES = ["", " ", "\t", "\r", "junk", "no colon here", f"From {BAD} Mon Jan  5 10:00:00 2026",
         f">From {BAD} Mon Jan  5 10:00:00 2026", "X: y", "X: a\rb", "MIME-Version: 1.0", f" {BAD}", f"\t,{BAD}",
         f"X: {'x' * 995}\nFrom: {BAD}", f"X:{' ' * 996}From: {BAD}", f"X: y\x0bFrom: {BAD}", f"X: y\x0cFrom: {BAD}",
         f"X: y\u2028From: {BAD}", f"X: y\x85From: {BAD}", f"X: y\x1cFrom: {BAD}", "--", ":", ": x", "X :y"]
ENDS = ["\n", "\r\n", "\r\n", "\r", "\n\r", "\r\r\n", "\n\n", "\n \n", "\x0b", "\x0c", "\x00", "\u2028"]


class Chooser(random.Random):
    """Chooses mostly the first of a list, which is plain: among plain pieces odd ones are harder to notice."""
    oddity = 0.5

    def pick(self, choices):
        return self.choice(choices) if self.random() < self.oddity else choices[0]


ANGLES = [("<", ">"), ("< ", " >"), ("<(c)", ">"), ("<", ""), ("", ">"), ("<<", ">>"), ("", ""), ("<", "> x")]
GROUPS = ["{}", "{}", "{}", "a:{};", "a: b:{};;", "a:;, {}", "{}, a:;", "a: {}", "{};", ":{};", "a:b:{}"]


def make_mailbox(r):
    address, name = r.pick(ADDRESSES), r.choice(NAMES) if r.random() < 0.6 else ""
    if name:
        opening, closing = r.pick(ANGLES)
        address = name + r.pick([" ", "", "\n ", "\t"]) + opening + address + closing
    return address + r.pick(AFTER)


def make_field(r, name=None):
    boxes = [make_mailbox(r) for _ in range(r.pick([1, 2, 2, 3]))]
    body = r.pick([", ", ",", ",\n ", ", ,", ";"]).join(boxes)
    return (name or r.choice(FIELDS)) + r.pick(COLON) + r.pick(GROUPS).format(body)


def make_header(r):
    r.oddity = r.choice([0, 0.05, 0.1, 0.2, 0.5])
    lines = [make_field(r, "From")] if r.random() < 0.9 else []
    for _ in range(r.choice([0, 1, 1, 2])):
        lines.append(make_field(r) if r.random() < 0.6 else r.choice(LINES))
    r.shuffle(lines)
    return "".join(line + r.pick(ENDS) for line in lines)


# --- other readers: of a mail, the addresses of From and those of Sender


def of_python(policy, mail):
    """Python's parser fails on some headers: then it shows no sender."""
    message = email.message_from_bytes(mail, policy=policy)
    found = []
    for field in ("From", "Sender"):
        try:
            values = message.get_all(field, [])
            if policy is email.policy.compat32:
                boxes = [box for _, box in email.utils.getaddresses([str(v) for v in values])]
            else:
                boxes = [box.addr_spec for value in values for group in value.groups
                         for box in group.addresses]
        except (AttributeError, IndexError, TypeError, ValueError, email.errors.MessageError):
            boxes = []
        found.append(boxes)
    return found


PERL = r"""
use strict; use JSON::PP; use Mail::Internet; use Mail::Address; use Email::MIME;
local $SIG{__WARN__} = sub {}; local $/; binmode STDIN;
sub internet { my ($text, $field) = @_;
    my $head = Mail::Internet->new([$text =~ /([^\n]*\n|[^\n]+\z)/g])->head;
    return map { "" . $_->address } map { Mail::Address->parse($_) } $head->get($field);
}
sub mime { my ($text, $field) = @_;
    return map { "" . $_->address } map { $_->addresses } Email::MIME->new($text)->header_as_obj($field);
}
sub both { my ($how, $text) = @_;
    return [map { my $f = $_; [eval { $how->($text, $f) }] } 'From', 'Sender'];
}
print JSON::PP->new->latin1->encode([map { my $t = pack('H*', $_);
    [both(\&internet, $t), both(\&mime, $t)] } split /\n/, <STDIN>]);
"""


def of_perl(mails):
    """Two readers of Perl: Mail::Internet and Email::MIME."""
    lines = b"\n".join(mail.hex().encode() for mail in mails)
    return json.loads(must(run("perl", "-e", PERL, stdin=lines, timeout=300)).out)


def fill(maildir, mails):
    for name in ("new", "tmp", "cur"):
        (maildir / name).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (maildir / "cur" / f"{number:06}.x:2,").write_bytes(mail)


def listed(text, count):
    """The output next to each subject, which holds the message's number."""
    found = [[] for _ in range(count)]
    for address, number in re.findall(r"([^#\n]*)#\s*number (\d+)", text):
        found[int(number)].append(address.strip())
    return found


def of_mutt(maildir, count):
    with Terminal.start(["mutt", "-n", "-R", "-F", "/dev/null", "-e", "set sort=mailbox-order "
                         "index_format='#%a#%s#' help=no folder=/", "-f", maildir],
                        {**os.environ, "HOME": str(maildir), "TERM": "vt100"},
                        rows=count + 5, columns=200) as screen:
        screen.wait(r"\(all\)")
        return listed(CONTROL.sub(b"\n", screen.shown).decode(errors="replace"), count)


def of_snail(maildir, count):
    shown = run("s-nail", "-n", "-R", "-H", "-S", "screen=10000", "-S", "headline=%60f#%s",
                "-f", f"maildir://{maildir}", env={"HOME": str(maildir)}, timeout=300)
    # An unpaired quote of a name stays before the address.
    return [[address for line in each for address in re.findall(r'[^\s<>",]+@[^\s<>",]+', line) or
             [line]] for each in listed(shown.text, count)]


# --- ours


def senders(mails):
    """For each header what the command reads: an address, "entity" or "refused"."""
    lines = b"".join(mail.hex().encode() + b"\n" for mail in map(header_of, mails))
    return must(run(READER, stdin=lines, timeout=300)).text.splitlines()


def header_of(mail):
    """The header as shim_input_header() reads it, with its empty line."""
    end = re.search(rb"\A\r?\n|\n\r?\n", mail)
    return mail[:end.end()] if end else mail


def passes(ours):
    return ours == "entity" or ours.lower() == GOOD


def is_good(address):
    """Needless quotes and other letter case do not change an address."""
    return re.sub(r'^"([\w.]+)"@', r"\1@", address.strip().lower()) == GOOD


def is_another(found):
    """Is an address shown that is not the signer's, and not decided by Sender?"""
    froms, others = ([address for address in each if "@" in address] for each in found)
    if all(map(is_good, froms)):
        return False
    return not (len(froms) > 1 and any(map(is_good, froms)) and len(others) == 1 and
                is_good(others[0]))


BODY = f"\nFrom: {BAD}\n\nSender: {BAD}\n\nhello\n".encode()


def make_mails(count, seed, first=lambda number: b""):
    r = Chooser(seed)
    return [first(number) + (header + r.pick(REST)).encode("utf-8", "surrogateescape") + BODY
            for number, header in enumerate(make_header(r) for _ in range(count))]


REST = ["\n", "\r\n", "MIME-Version: 1.0\n\n", "\r\n\n", "Subject: x\r\n\r\n", "X: y\n\r\n", ""]


def check(reader, mails, ours, theirs):
    """No mail passes where |reader| shows another sender; and |reader| has shown enough to prove that."""
    wrong = [(mail[:400], own, found) for mail, own, found in zip(mails, ours, theirs)
             if passes(own) and is_another(found)]
    assert not wrong, (reader, len(wrong), len(wrong), wrong[:8])
    shown = [own for own, found in zip(ours, theirs) if is_another(found)]
    assert len(shown) > len(mails) / 20, (reader, len(shown))
    assert "refused" in shown


@pytest.fixture(scope="module")
def mails():
    return make_mails(6000, seed=20260105)


@pytest.fixture(scope="module")
def ours(mails):
    found = senders(mails)
    assert len(found) == len(mails)
    # Both results are frequent; otherwise the test would show nothing.
    assert sum(map(passes, found)) > len(mails) / 20 and found.count("refused") > len(mails) / 5
    return found


@pytest.mark.parametrize("policy", ["compat32", "default"])
def test_beside_python(policy, mails, ours):
    check(policy, mails, ours, [of_python(getattr(email.policy, policy), mail) for mail in mails])


def test_beside_perl(mails, ours):
    both = of_perl(mails)
    check("Mail::Internet", mails, ours, [one for one, _ in both])
    check("Email::MIME", mails, ours, [other for _, other in both])


@pytest.mark.parametrize("reader", [of_mutt, of_snail])
def test_beside_programs(reader, tmp_path):
    """The programs recognise messages by a field of ours."""
    some = make_mails(800, 5, lambda number: f"Subject: number {number}\n".encode())
    fill(tmp_path / "mail", some)
    shown = reader(tmp_path / "mail", len(some))
    assert sum(map(bool, shown)) > len(some) / 2
    own, theirs = senders(some), [[found, []] for found in shown]
    # Neither shows Sender, or more than the first address of From: Python does.
    settled = [number for number, mail in enumerate(some) if b"ender:" in mail.split(BODY)[0]]
    for number in settled:
        authors, sender = of_python(email.policy.compat32, some[number])
        theirs[number] = [theirs[number][0] + authors, sender]
    check(reader.__name__, some, own, theirs)
    # A Sender that lets another From pass would be noticed.
    for number in settled:
        own[number] = GOOD
    with pytest.raises(AssertionError, match="wrong|assert not"):
        check(reader.__name__, some, own, theirs)


def test_the_command_agrees(mails, ours, pki, tmp_path):
    """The verb and a stock name do what was compared with the others."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("sender = refuse\n")
    text = tmp_path / "text"
    text.write_bytes(b"hello\n")
    entity = must(stock("cms", "-sign", "-in", text, "-signer", pki.good_rsa.pem, "-inkey",
                        pki.good_rsa.key)).out
    fields, _, body = entity.partition(b"\n\n")
    chosen = random.Random(2).sample(range(len(mails)), 120)
    for number in chosen:
        # Behind the fields that stock needs, so that it finds a message in any case.
        mail = fields + b"\n" + header_of(mails[number]) + body
        message = tmp_path / "message"
        message.write_bytes(mail)
        [own] = senders([mail])
        for words in (["verify"], ["--policy", policy, "smime", "-verify"]):
            result = run(COMMAND, *words, "-CAfile", pki.ca, "-in", message)
            if not passes(own) or (own == "entity" and words != ["verify"]):
                assert result.rc != 0 and result.out == b"", (mail[:900], own, result)
            elif header_of(mail) == fields + b"\n" + header_of(mails[number]):
                assert (result.rc == 0) == ("hello" in result.out.decode()), (mail[:900], result)
