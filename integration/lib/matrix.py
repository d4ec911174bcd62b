# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
The enforcement matrix: where each rule holds, found out by running it.

A row is a generator of cases, each an expectation and the result of a program
that was really run.  A cell is "yes" if every case went as expected: what must
be refused and what must pass.
"""

from dataclasses import dataclass

import paths
from crl_maker import crl, entry as entry_of, serial_of
from harness import COMMAND, PHP, must, run, why_no_php, write_conf
from keyrings import make_keyring

PASSES = ()

CHECK, COMMAND_LINE, PROVIDER = "check", "verbs and drop-in", "provider"
EVERYWHERE = (CHECK, COMMAND_LINE, PROVIDER)


class CannotAsk(Exception):
    """The path has no such operation; the text gives the reason."""


@dataclass(frozen=True)
class Row:
    """A rule in one of its situations."""

    name: str
    cases: object
    settings: tuple
    promised: tuple  # the kinds of path, or names, on which the rule holds
    hole: str | None  # why it cannot hold on others

    def promises(self, path):
        """Do the documents say that the rule holds on this path?"""
        return kind_of(path) in self.promised or path.name in self.promised


ROWS = []


def row(name, *, promised=EVERYWHERE, hole=None, **settings):
    """Register a generator of (rules that may refuse, or PASSES; Result)."""
    def register(cases):
        ROWS.append(Row(name, cases, tuple(settings.items()), promised, hole))
        return cases
    return register


@dataclass
class Check:
    """`smime-policy check`, asked about the use that the other paths make."""

    argv: tuple
    name: str = "check"
    ours: bool = True

    def ask(self, use, *args):
        return run(*self.argv, "check", "--for", use, *args)

    def sign(self, cert, _mail, _out):
        return self.ask("sign", "--key", cert.key, cert.pem)

    def encrypt(self, certs, _mail, _out):
        return self.ask("encrypt", *[cert.pem for cert in certs])


def kind_of(path):
    """The column of the table of rules to which a path belongs."""
    if isinstance(path, Check):
        return CHECK
    return COMMAND_LINE if path.ours else PROVIDER


def paths_under(directory, settings):
    """Every path with |settings| in force, each in the way that is its own."""
    policy = directory / "policy.cnf"
    policy.write_text("".join(f"{key} = {value}\n" for key, value in settings))
    ours = (COMMAND, "--policy", policy)
    yield Check(ours)
    for path in paths.command_paths():
        path.argv = ours + path.argv[1:]
        yield path
    for path in paths.provider_paths(
            write_conf(directory / "openssl.cnf", dict(settings)),
            write_conf(directory / "inactive.cnf", dict(settings), activate=False)):
        if not isinstance(path, paths.Php) or why_no_php() is None:
            yield path


@dataclass
class World:
    """The objects that the cases work with."""

    pki: object
    post: object
    mail: object
    directory: object
    stock_can: object

    @property
    def out(self):
        return self.directory / "out"

    def able(self, operation, path, name):
        key = self.pki[name].recipe.key
        if not isinstance(path, Check) and not self.stock_can(operation, path, key):
            raise CannotAsk(f"the program cannot {operation} with {key}")

    def sign(self, path, name, **files):
        self.able("sign", path, name)
        return path.sign(self.pki[name].beside(**files), self.mail, self.out)

    def encrypt(self, path, name):
        self.able("encrypt", path, name)
        return path.encrypt([self.pki[name]], self.mail, self.out)

    def verify(self, path, name, message=None):
        cert = self.pki[name]
        if isinstance(path, Check):
            return path.ask("verify", cert.pem)
        return path.verify(message or self.post.signed(name), cert.anchor, self.out)

    def decrypt(self, path, name):
        cert = self.pki[name]
        if isinstance(path, Check):
            return path.ask("decrypt", cert.pem)
        return path.decrypt(self.post.encrypted(name), cert, self.out)


def message_only(path):
    """Skip `check`, which is not given a message."""
    if isinstance(path, Check):
        raise CannotAsk("asked of a message, not of a certificate")


def command_line_only(path, api):
    """Skip programs without this option."""
    message_only(path)
    if not isinstance(path, paths.CommandLine) or path.api != api:
        raise CannotAsk("the program has no such option")


def cell(entry, world, path):
    """Run the cases of one cell until one fails."""
    try:
        for rules, result in entry.cases(world, path):
            world.out.unlink(missing_ok=True)
            wrong = judge(rules, result)
            if wrong and entry.hole and not entry.promises(path):
                return f"no: {entry.hole}"
            if wrong:
                return f"no: {wrong}"
    except CannotAsk as why:
        return f"(no: {why})"
    return "yes"


def judge(rules, result):
    """How the result differs from the expectation, or None."""
    if rules == PASSES:
        return "refused what the rule allows" if result.rc != 0 else None
    if result.rc == 0:
        return "accepted what the rule refuses"
    if not any(f"[{rule}]" in result.text for rule in rules):
        return "refused without the rule's id"
    return None


# The rows, in the order of the rules


@row("`san-email`")
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    yield ("san-email",), w.sign(path, "no_san")
    yield ("san-email",), w.sign(path, "san_dns_trick")
    yield PASSES, w.encrypt(path, "good_rsa")
    yield ("san-email",), w.encrypt(path, "no_san")


@row("`key-usage`")
def _(w, path):
    yield PASSES, w.sign(path, "ku_ds")
    yield ("key-usage",), w.sign(path, "no_ku")
    yield ("key-usage",), w.sign(path, "ku_nr")
    yield PASSES, w.encrypt(path, "ku_ke")
    yield ("key-usage",), w.encrypt(path, "no_ku")


@row("`key-algorithm`")
def _(w, path):
    yield PASSES, w.sign(path, "good_p256")
    yield ("key-algorithm",), w.sign(path, "dsa")


@row("`extended-key-usage`")
def _(w, path):
    yield PASSES, w.sign(path, "no_eku")
    yield ("extended-key-usage",), w.sign(path, "eku_server")
    yield ("extended-key-usage",), w.sign(path, "eku_any")
    yield PASSES, w.encrypt(path, "eku_both")
    yield ("extended-key-usage",), w.encrypt(path, "eku_server")


@row("`private-key-algorithm`", promised=(CHECK, COMMAND_LINE))
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    result = w.sign(path, "good_rsa", key=w.pki.dsa.key)
    if kind_of(path) == PROVIDER and result.rc != 0:
        raise CannotAsk("stock refuses a key of another type before any gate")
    yield ("private-key-algorithm",), result


@row("`private-key-match`", promised=(CHECK, COMMAND_LINE))
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    result = w.sign(path, "good_rsa", key=w.pki.no_eku.key)
    if kind_of(path) == PROVIDER and result.rc != 0:
        raise CannotAsk("stock refuses a key that does not match before any gate")
    yield ("private-key-match",), result


@row("`ca-exempt`: as issuer only")
def _(w, path):
    if isinstance(path, Check):
        yield PASSES, path.ask("upload", w.pki.ca_only.pem)
        yield ("san-email",), path.ask("upload", w.pki.no_san.pem)
    else:
        yield PASSES, w.verify(path, "good_chain")
    yield ("san-email", "key-usage"), w.sign(path, "ca_only")
    yield ("san-email", "key-usage"), w.encrypt(path, "ca_only")


@row("`expired`: signer and recipients")
def _(w, path):
    yield PASSES, w.sign(path, "renewed_new")
    yield ("expired",), w.sign(path, "renewed_old")
    yield PASSES, w.encrypt(path, "renewed_new")
    yield ("expired",), w.encrypt(path, "renewed_old")


@row("`expired`: other certificates on the signer's path", promised=(COMMAND_LINE,),
     hole="`signer_path = log` writes them to the decision log")
def _(w, path):
    message_only(path)
    yield PASSES, w.sign(path, "good_chain")
    yield ("expired",), w.sign(path, "old_chain")


@row("`expired`: other certificates on the signer's path, with `signer_path = refuse`",
     signer_path="refuse")
def _(w, path):
    message_only(path)
    yield PASSES, w.sign(path, "good_chain")
    yield ("expired",), w.sign(path, "old_chain")


@row("`not-yet-valid`")
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    yield ("not-yet-valid",), w.sign(path, "future")
    yield PASSES, w.encrypt(path, "good_rsa")
    yield ("not-yet-valid",), w.encrypt(path, "future")


@row("`usage-sign`")
def _(w, path):
    yield PASSES, w.sign(path, "ku_ds")
    yield ("usage-sign",), w.sign(path, "ku_ke")
    yield PASSES, w.sign(path, "ku_ds_ec")
    yield ("usage-sign",), w.sign(path, "ku_ke_ec")


@row("`usage-encrypt`: RSA")
def _(w, path):
    yield PASSES, w.encrypt(path, "ku_ke")
    yield ("usage-encrypt",), w.encrypt(path, "ku_ds")


@row("`usage-encrypt`: EC")
def _(w, path):
    yield PASSES, w.encrypt(path, "ku_ds_ka_ec")
    yield PASSES, w.encrypt(path, "ku_ke_ec")
    yield ("usage-encrypt",), w.encrypt(path, "ku_ds_ec")


@row("`certificate-required`: recipients with a password or a shared key",
     promised=(COMMAND_LINE,), hole="symmetric recipients carry no certificate")
def _(w, path):
    command_line_only(path, "cms")
    yield PASSES, w.encrypt(path, "good_rsa")
    for secret in (("-pwri_password", "secret"),
                   ("-secretkey", "00" * 16, "-secretkeyid", "01")):
        yield ("certificate-required",), path.encrypt([w.pki.good_rsa], w.mail, w.out, *secret)


@row("`distrust-default`", promised=(COMMAND_LINE,),
     hole="with `trust = caller` the program's own store decides")
def _(w, path):
    message_only(path)
    yield PASSES, w.verify(path, "good_rsa")
    everybody = {"SSL_CERT_FILE": w.pki.foreign_root.pem}
    message = w.post.signed("foreign")
    if isinstance(path, paths.Php):
        code = f"exit(openssl_{'cms' if path.api == 'cms' else 'pkcs7'}_verify($argv[1], 0)" \
               " === true ? 0 : 1);"
        result = run(PHP, "-n", "-r", code, message, conf=path.conf, env=everybody)
    else:
        result = run(*path.argv, path.verb + "verify", *path.options, "-in", message,
                     "-out", w.out, conf=path.conf, env=everybody)
    yield ("distrust-default",), result


@row("`distrust-default` with `trust = keyring`, where no keyring trusts nobody",
     trust="keyring")
def _(w, path):
    message_only(path)
    yield PASSES, w.sign(path, "good_rsa")
    yield ("distrust-default",), w.verify(path, "good_rsa")


@row("`distrust-default` with `trust = keyring`, where what was uploaded is trusted",
     trust="keyring", keyring="{keyring}")
def _(w, path):
    message_only(path)
    yield PASSES, w.verify(path, "good_rsa")
    yield PASSES, w.verify(path, "good_chain")
    yield PASSES, w.verify(path, "self_leaf")
    yield ("distrust-default",), w.verify(path, "foreign")
    yield ("distrust-default",), w.verify(path, "self_ca")


@row("`signer-certificate`")
def _(w, path):
    for name in ("good_rsa", "good_p256", "no_ku", "ku_nr"):
        yield PASSES, w.verify(path, name)
    for name in ("no_san", "eku_server", "eku_any", "ku_ke", "ku_ka_ec", "dsa", "ca_only"):
        yield ("signer-certificate",), w.verify(path, name)


@row("`signer-validity` by signing time", promised=("smime-policy",),
     hole="stock's own failure stands")
def _(w, path):
    message_only(path)
    yield PASSES, w.verify(path, "guide", w.post.signed_then("guide", "2024-01-01 12:00:00"))
    yield ("signer-validity",), w.verify(path, "guide")


@row("`sender-match`, with `sender = refuse`", promised=(COMMAND_LINE,),
     hole="headers are not visible", sender="refuse")
def _(w, path):
    message_only(path)
    yield PASSES, w.verify(path, "good_rsa", w.post.sent("good_rsa", "good_rsa@example.com"))
    yield PASSES, w.verify(path, "good_rsa", w.post.sent("good_rsa", "GOOD_RSA@Example.COM"))
    yield ("sender-match",), w.verify(path, "good_rsa",
                                      w.post.sent("good_rsa", "mallory@example.com"))


@row("`decrypt-expired`")
def _(w, path):
    yield PASSES, w.decrypt(path, "expired")
    yield ("expired",), w.encrypt(path, "expired")


@row("`revoked`", keyring="{crls}")
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    yield ("revoked",), w.sign(path, "no_eku")
    yield PASSES, w.encrypt(path, "good_rsa")
    yield ("revoked",), w.encrypt(path, "no_eku")
    yield ("revoked",), w.verify(path, "no_eku")


@row("`revocation-unknown` with `revocation = hard`", keyring="{crls}", revocation="hard")
def _(w, path):
    yield PASSES, w.sign(path, "good_rsa")
    yield ("revocation-unknown",), w.sign(path, "foreign")
    yield PASSES, w.encrypt(path, "good_rsa")
    yield ("revocation-unknown",), w.encrypt(path, "foreign")
    yield ("revocation-unknown",), w.verify(path, "good_chain")


def _beyond(setting, rule, name):
    """A rule beyond the guide's, set to deny."""
    @row(f"`{rule}` raised to deny", **{setting: "deny"})
    def _(w, path):
        yield PASSES, w.sign(path, "modern")
        yield (rule,), w.sign(path, name)
        yield PASSES, w.encrypt(path, "modern")
        yield (rule,), w.encrypt(path, name)


for _arguments in (("weak_key", "weak-key", "weak_key"), ("weak_digest", "weak-digest", "sha1"),
                   ("eku_any", "eku-any", "any_too"),
                   ("validity_too_long", "validity-too-long", "long_lived"),
                   ("expires_soon", "expires-soon", "ending")):
    _beyond(*_arguments)


NO_ATTRIBUTES = "without attributes it is a raw signature like any other"


def _digest(name, *options, **how):
    """What a message is signed with, raised to deny."""
    @row(name, weak_digest="deny", **how)
    def _(w, path):
        message_only(path)
        if not isinstance(path, paths.CommandLine):
            raise CannotAsk("asked through `openssl`, which is enough to tell")
        cert = w.pki.good_rsa
        yield PASSES, path.sign(cert, w.mail, w.out, "-md", "sha256", *options)
        yield ("weak-digest",), path.sign(cert, w.mail, w.out, "-md", "sha1", *options)


_digest("`weak-digest` raised to deny: a message that is signed")
_digest("`weak-digest` raised to deny: a message that is signed with `-noattr`", "-noattr",
        promised=(COMMAND_LINE,), hole=NO_ATTRIBUTES)


@row("`weak-digest` raised to deny: a message that is verified", weak_digest="deny")
def _(w, path):
    message_only(path)
    for options in ((), ("-noattr",)):
        yield PASSES, w.verify(path, "good_rsa", w.post.signed_with("good_rsa", *options))
        yield ("weak-digest",), w.verify(path, "good_rsa",
                                         w.post.signed_with("good_rsa", "-md", "sha1", *options))


@row("`weak-cipher` raised to deny", promised=(COMMAND_LINE,),
     hole="the content cipher is not visible", weak_cipher="deny")
def _(w, path):
    message_only(path)
    if not isinstance(path, paths.CommandLine):
        raise CannotAsk("asked through `openssl`, which is enough to tell")
    yield PASSES, w.encrypt(path, "good_rsa")
    yield ("weak-cipher",), path.call("encrypt", "-des3", "-in", w.mail, "-out", w.out,
                                      w.pki.good_rsa.pem)


HEAD = """\
# Enforcement matrix

For auditors: where each rule is enforced, found out by running what it allows and what it refuses
through every path. Generated by `SP_UPDATE_MATRIX=1 /usr/bin/python3 -m pytest -q integration/provider/test_matrix.py`;
the tests fail when it changes.

- yes: what the rule refuses was refused with the rule's id, what it allows went through.
- no: the reason. In parentheses: the path has no such operation, or stock refuses by itself.

"""


def table(world):
    """{row name: {path name: (promised, cell)}}, by running everything."""
    cells = {}
    keyring = make_keyring(world.directory / "keyring", f"ca:{world.pki.ca}",
                           f"contact:{world.pki.self_leaf.pem}")
    crls = make_keyring(world.directory / "crls", f"ca:{world.pki.ca}")
    (world.directory / "crl").write_bytes(crl(world.pki.root, [entry_of(serial_of(world.pki.no_eku.pem))]))
    must(run(COMMAND, "--keyring", crls, "upload", world.directory / "crl"))
    for index, entry in enumerate(ROWS):
        directory = world.directory / str(index)
        directory.mkdir()
        settings = [(key, value.format(keyring=keyring, crls=crls)) for key, value in entry.settings]
        cells[entry.name] = {path.name: (entry.promises(path), cell(entry, world, path))
                             for path in paths_under(directory, settings)}
    return cells


def markdown(cells):
    """The file docs/results/enforcement-matrix.md."""
    names = list(next(iter(cells.values())))
    lines = ["| rule | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, row_cells in cells.items():
        lines.append(f"| {name} | " + " | ".join(row_cells[path][1] for path in names) + " |")
    return HEAD + "\n".join(lines) + "\n"
