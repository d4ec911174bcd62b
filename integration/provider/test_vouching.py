# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Random trees of certificates on every path, against a second decision of who may vouch.

Nothing verifies that must not, and what must does.  A tree that fails is printed with its number:

    SP_VOUCHING_FIRST=17 SP_VOUCHING_TREES=1 pytest integration/provider/test_vouching.py

SP_VOUCHING_TREES=20000 is a long run; SP_VOUCHING_WAYS says how many ways each tree is tried in.
"""

import json
import os
import random
import re
import shlex
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import pytest

import forest
import paths
import vouching
from harness import BUILD, COMMAND, OPENSSL, REPO, must, run, stock, write_conf
from in_process import find
from keyrings import make_keyring
from test_keyring_upload import Ring
from vouching import CA, CONTACT, MAY, MUST, NEVER

FIRST = int(os.environ.get("SP_VOUCHING_FIRST", "0"))
TREES = int(os.environ.get("SP_VOUCHING_TREES", "160"))
WAYS = int(os.environ.get("SP_VOUCHING_WAYS", "4"))
GROUP = 20
STRICT = {"trust": "keyring", "sender": "refuse", "unverified_signers": "refuse"}

in_groups = pytest.mark.parametrize("group", range(FIRST, FIRST + TREES, GROUP))


class Plot:
    """A tree with its files, its keyring, and its mails."""

    def __init__(self, directory, seed, mail):
        self.directory = directory / str(seed)
        self.tree = forest.plant(forest.grow(str(seed)), self.directory)
        self.mail = mail
        self.keyring = make_keyring(self.directory / "keyring", *[
            f"{role}:{cert.pem}" + (f":{cert.key_file}" if role == vouching.IDENTITY else "")
            for cert, role in self.tree.roles.items()])
        self.named = self.bundle("named", self.tree.named)
        self.signers = [[self.tree.signer]]
        if parent := self.tree.parent(self.tree.signer):
            self.signers.append([self.tree.signer, parent])
        self.message = self.sent(0)

    def dice(self, what):
        """The same random choices, whichever tests run."""
        return random.Random(f"{what} {self.tree.seed}")

    def bundle(self, name, certs):
        return forest.bundle(self.directory / f"{name}.pem", certs)

    def sent(self, number):
        """A mail of one signer, or one that the signer's issuer has signed, too."""
        out = self.directory / f"{number}.eml"
        return out if out.exists() else forest.send(self.tree, self.mail, self.signers[number], out)

    def trusted(self):
        """The named certificates, each marked as trusted for mail."""
        path = self.directory / "trusted.pem"
        if not path.exists():
            path.write_bytes(b"".join(must(stock(
                "x509", "-in", cert.pem, "-addtrust", "emailProtection", "-trustout")).out
                for cert in sorted(self.tree.named, key=lambda cert: cert.number)))
        return path

    def conf(self, **settings):
        name = "-".join(settings.values()) or "none"
        return write_conf(self.directory / f"{name}.cnf", {**settings, "keyring": self.keyring})

    def policy(self, **settings):
        path = self.directory / ("-".join(settings) + ".policy")
        path.write_text("".join(f"{key} = {value}\n" for key, value in
                                {**settings, "keyring": self.keyring}.items()))
        return path

    def expect(self, view, number=0):
        decisions = [vouching.decide(self.tree, signer, view) for signer in self.signers[number]]
        if NEVER in decisions:
            return NEVER
        return MUST if set(decisions) == {MUST} else MAY

    def stock_accepts(self, view, number):
        """Does libcrypto find a good path to the anchors of the rules?"""
        return all(self._stock_finds(view, signer) for signer in self.signers[number])

    def _stock_finds(self, view, signer):
        if view.own_first and self.tree.roles.get(signer) in vouching.OWN:
            return self._stock_verifies(signer, {signer}, ())
        return self._stock_verifies(signer, {signer} & view.own | view.vouching,
                                    view.store | self.tree.sent, view.partial or view.stops)

    def _stock_verifies(self, signer, anchors, along, partial=True):
        words = ["-partial_chain"] if partial else []
        for option, certs in (("-trusted", anchors), ("-untrusted", along)):
            words += [option, self.bundle(option, certs)] if certs else []
        return bool(anchors) and stock("verify", "-purpose", "smimesign", *words,
                                       signer.pem).rc == 0

    def _only_we_refuse(self, view, number):
        return all(vouching.is_signer(signer) and self._stock_verifies(
            signer, view.store, self.tree.sent, view.partial) for signer in self.signers[number])

    def judge(self, view, result, passed, argv, number=0):
        """None, or what is wrong with an answer."""
        expected = self.expect(view, number)
        fault = None
        if passed and expected == NEVER:
            fault = "VERIFIED, and must not"
        elif not passed and expected == MUST and self.stock_accepts(view, number):
            fault = "REFUSED, and must not be"
        elif not passed and expected == NEVER and _is_silent(result) and (
                self._only_we_refuse(view, number)):
            fault = "refused without the reason"
        return fault and f"{fault} [{view.name}]\n{self.tree}\n  {argv}\n  {result}"


def _is_silent(result):
    """We refused it without a reason; libcrypto's own refusal has one."""
    ours = "unsuitable certificate purpose|certificate rejected|application verification failure"
    return re.search(ours, str(result)) and "distrust-default" not in str(result)


# The ways.

def _verify(plot, argv, *more, conf=None, env=None, number=0):
    """Returns (passed, result, command line); a refusal has to leave nothing behind."""
    out = plot.directory / "out"
    out.unlink(missing_ok=True)
    argv = (*argv, "-in", plot.sent(number), "-out", out, *more)
    result = run(*argv, conf=conf, env=env)
    if result.rc != 0:
        assert not out.exists() or (argv[0] == OPENSSL and out.read_bytes() == b""), (argv, result)
    line = " ".join(map(shlex.quote, map(str, argv)))
    return result.rc == 0, result, f"OPENSSL_CONF={conf} {line}" if conf else line


def _ours(plot, *words):
    return (COMMAND, "--keyring", plot.keyring, *words)


def _strictly(plot, *words):
    return (COMMAND, "--policy", plot.policy(**STRICT), *words)


def _verb(plot):
    return vouching.keyring_view(plot.tree, verb=True), _verify(plot, _ours(plot, "verify"))


def _verb_named(plot):
    return (vouching.both_view(plot.tree, verb=True),
            _verify(plot, _ours(plot, "verify"), "-CAfile", plot.named))


def _verb_named_store(plot):
    """With -CAstore, beside which the keyring is used."""
    return (vouching.both_view(plot.tree, verb=True),
            _verify(plot, _ours(plot, "verify"), "-CAstore", plot.named))


def _trusted(api, trust):
    """With TRUSTED CERTIFICATEs: libcrypto ends a chain at each, and asks for no purpose."""
    def way(plot):
        view = (vouching.uploaded_view(plot.tree, True) if trust == "keyring" else
                vouching.caller_view(plot.tree, True, True, stops=True))
        return view, _verify(plot, (OPENSSL, api, "-verify"), "-partial_chain", "-CAfile",
                             plot.trusted(), conf=plot.conf(trust=trust))
    return way


def _verb_strict(plot):
    return (vouching.keyring_view(plot.tree, verb=True, stops=True),
            _verify(plot, _strictly(plot, "verify")))


def _verb_strict_named(plot):
    return (vouching.keyring_view(plot.tree, verb=True),
            _verify(plot, _strictly(plot, "verify"), "-CAfile", plot.named))


def _verb_two(plot):
    number = len(plot.signers) - 1
    return (vouching.keyring_view(plot.tree, verb=True),
            _verify(plot, _ours(plot, "verify", "--no-sender"), number=number), number)


def _dropped_in(api):
    def way(plot):
        return vouching.keyring_view(plot.tree), _verify(plot, _ours(plot, api, "-verify"))
    return way


def _dropped_in_named(api):
    def way(plot):
        return (vouching.both_view(plot.tree),
                _verify(plot, _ours(plot, api, "-verify"), "-CAfile", plot.named))
    return way


def _dropped_in_strict(api):
    def way(plot):
        return (vouching.keyring_view(plot.tree, stops=True),
                _verify(plot, _strictly(plot, api, "-verify")))
    return way


def _dropped_in_two(plot):
    number = len(plot.signers) - 1
    return (vouching.keyring_view(plot.tree),
            _verify(plot, _ours(plot, "cms", "-verify"), number=number), number)


def _stock_keyring(trust):
    def way(plot):
        return (vouching.keyring_view(plot.tree, stops=trust == "keyring"),
                _verify(plot, (OPENSSL, "cms", "-verify"), "-CAstore", "smimepolicy:trust",
                        "-partial_chain", conf=plot.conf(trust=trust)))
    return way


def _stock_named(api, trust, partial):
    def way(plot):
        view = (vouching.uploaded_view(plot.tree, partial) if trust == "keyring" else
                vouching.caller_view(plot.tree, partial, True))
        return view, _verify(plot, (OPENSSL, api, "-verify"), "-CAfile", plot.named,
                             *(["-partial_chain"] if partial else []), conf=plot.conf(trust=trust))
    return way


def _php(api):
    def way(plot):
        path = paths.Php("PHP", api, conf=plot.conf(trust="caller"))
        result = path.verify(plot.message, plot.named, plot.directory / "php")
        return (vouching.caller_view(plot.tree, False, True),
                (result.rc == 0, result, f"smime.php {api} verify"))
    return way


WAYS_BY_NAME = {
    "verb": _verb, "verb -CAfile": _verb_named, "verb, strict": _verb_strict,
    "verb -CAstore": _verb_named_store, "verb, strict, -CAfile": _verb_strict_named,
    "verb, two signers": _verb_two, "cms, two signers": _dropped_in_two,
    **{f"{api}": _dropped_in(api) for api in ("cms", "smime")},
    **{f"{api} -CAfile": _dropped_in_named(api) for api in ("cms", "smime")},
    **{f"{api}, strict": _dropped_in_strict(api) for api in ("cms", "smime")},
    **{f"stock, CAstore, {trust}": _stock_keyring(trust) for trust in ("caller", "keyring")},
    **{f"stock {api} -CAfile, {trust}, {partial}": _stock_named(api, trust, partial)
       for api in ("cms", "smime") for trust in ("caller", "keyring") for partial in (False, True)},
    **{f"stock {api}, trusted, {trust}": _trusted(api, trust)
       for api in ("cms", "smime") for trust in ("caller", "keyring")},
    "PHP pkcs7": _php("smime"), "PHP cms": _php("cms"),
}


@pytest.fixture(scope="module")
def plots(tmp_path_factory, mail):
    """plots(group): its trees, planted once."""
    directory = tmp_path_factory.mktemp("forest")

    @cache
    def plant(group):
        seeds = range(group, min(group + GROUP, FIRST + TREES))
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda seed: Plot(directory, seed, mail), seeds))

    return plant


@pytest.fixture(scope="module")
def seen():
    """How often each result came: if all were refused the trees would show nothing."""
    return Counter()


def _report(faults):
    assert not faults, f"{len(faults)} disagreements\n" + "\n\n".join(faults)


@in_groups
def test_every_path(group, plots, seen):
    """The keyring's verb for each tree, and some of the other ways."""
    def ask(plot):
        faults = []
        names = plot.dice("ways").sample(sorted(WAYS_BY_NAME), min(WAYS, len(WAYS_BY_NAME)))
        for name in {"verb", *names}:
            view, (passed, result, argv), *number = WAYS_BY_NAME[name](plot)
            seen[plot.expect(view, *number)] += 1
            fault = plot.judge(view, result, passed, argv, *number)
            faults += [f"{name}: {fault}"] if fault else []
        return faults

    with ThreadPoolExecutor(2) as pool:
        _report(sum(pool.map(ask, plots(group)), []))


@in_groups
def test_another_purpose_is_no_way_round(group, plots):
    """
    With `trust = keyring` a contact vouches for no others, even if no signer is judged.  Then only
    `unverified_signers` decides what the signer may do.
    """
    def ask(plot):
        view = vouching.uploaded_view(plot.tree, True)
        if not vouching.is_signer(plot.tree.signer) or plot.expect(view) != NEVER:
            return []
        faults = []
        for purpose in ("any", "smimeencrypt"):
            passed, result, argv = _verify(
                plot, (OPENSSL, "cms", "-verify"), "-CAfile", plot.named, "-partial_chain",
                "-purpose", purpose, conf=plot.conf(trust="keyring"))
            faults += [f"VERIFIED, and must not\n{plot.tree}\n  {argv}"] if passed else []
        return faults

    with ThreadPoolExecutor(2) as pool:
        _report(sum(pool.map(ask, plots(group)), []))


def _trusts(plot):
    """The output of `trust` for the signer's address: (anything, its own certificate, the answer)."""
    result = run(*_ours(plot, "trust", "--json", plot.tree.signer.address))
    answer = json.loads(result.out)
    own = [row for row in answer["certificates"]
           if row["fingerprint"] == plot.tree.signer.fingerprint]
    assert answer["trusted"] == (result.rc == 0), result
    return answer["trusted"], own[0] if own else None, result


def _disagreement(plot):
    """None, or how `trust` and `verify` differ on the signer, whatever certificates are beside it."""
    if not vouching.is_signer(plot.tree.signer):
        return None
    trusted, own, said = _trusts(plot)
    fault = None
    for words in ((), ("-CAfile", plot.named)):
        passed, result, argv = _verify(plot, _ours(plot, "verify"), *words)
        if own and plot.tree.roles.get(plot.tree.signer) in vouching.OWN and own["anchor"] != passed:
            fault = f"its own certificate is an anchor: {own['anchor']}, verified: {passed}"
        elif passed and not trusted and not words:
            fault = "verified, and trust says that nothing vouches"
        if fault:
            return f"{fault}\n{plot.tree}\n  {argv}\n  {result}\n  {said}"
    return None


@in_groups
def test_trust_and_verify_agree(group, plots):
    """What `trust` calls an anchor verifies, beside every issuer; what verifies is trusted."""
    with ThreadPoolExecutor(2) as pool:
        _report([fault for fault in pool.map(_disagreement, plots(group)) if fault])


# In one process.

@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    """The program with the callback, and the one without any of our code."""
    directory = tmp_path_factory.mktemp("driver")
    library = BUILD / "provider"
    build = (find("cc"), "-Wall", "-Wextra", "-Werror", REPO / "integration" / "lib" / "vouching.c")
    must(run(*build, "-DCALLBACK", "-I", REPO / "include", "-o", directory / "callback", "-L",
             library, f"-Wl,-rpath,{library}", "-lsmimepolicy", "-lcrypto"))
    must(run(*build, "-o", directory / "program", "-lcrypto"))
    return directory


def _ask(driver, questions, conf):
    """The answers to (plot, view, words) from one process, as faults."""
    if not questions:
        return []
    lines = ["\t".join(map(str, words)) for _, _, words in questions]
    done = must(run(driver, conf=conf, stdin="".join(line + "\n" for line in lines).encode(),
                    timeout=300))
    answers = done.out.decode(errors="replace").splitlines()
    assert len(answers) == len(lines), done
    faults = [plot.judge(view, answer, answer[0] == "1", f"OPENSSL_CONF={conf} {driver}: {line}")
              for (plot, view, _), answer, line in zip(questions, answers, lines)]
    return [fault for fault in faults if fault]


def _questions(plot, view_of, settings="-"):
    return [(plot, view_of(partial == "partial"),
             (api, partial, plot.named, plot.message, settings))
            for api in ("cms", "pkcs7") for partial in ("whole", "partial")]


@in_groups
def test_the_callback(group, plots, drivers):
    """Without a keyring, beside one, and with `trust = keyring`."""
    questions = []
    for plot in plots(group):
        tree = plot.tree
        questions += _questions(plot, lambda partial: vouching.caller_view(tree, partial, False))
        questions += _questions(plot, lambda partial: vouching.caller_view(tree, partial, True),
                                plot.policy(trust="caller"))
        questions += _questions(plot, lambda partial: vouching.uploaded_view(tree, partial),
                                plot.policy(**STRICT))
    _report(_ask(drivers / "callback", questions, "/dev/null"))


@in_groups
def test_a_program(group, plots, drivers, conf):
    """Under the provider: many mails in one process."""
    _report(_ask(drivers / "program", [
        question for plot in plots(group) for question in
        _questions(plot, lambda partial: vouching.caller_view(plot.tree, partial, False))], conf))

    def with_keyring(plot):
        tree, program = plot.tree, drivers / "program"
        return [fault for trust, view_of in (
            ("caller", lambda partial: vouching.caller_view(tree, partial, True)),
            ("keyring", lambda partial: vouching.uploaded_view(tree, partial)))
            for fault in _ask(program, _questions(plot, view_of), plot.conf(trust=trust))]

    with ThreadPoolExecutor(2) as pool:
        _report(sum(pool.map(with_keyring, plots(group)), []))


# Uploading.

def _stored(result):
    """{first digits of the fingerprint: role} of a report."""
    return {digits: role for role, digits in
            re.findall(r"stored as (\w+): .*SHA-256 ([0-9a-f]{16})", result.text)}


def _lines_on(cert, result):
    about = (str(cert.pem), cert.fingerprint[:16])
    return [line for line in result.text.splitlines() if any(word in line for word in about)]


def _wrong_role(cert, roles, result, is_plain):
    """None, or what is wrong with the role of |cert|; with --as there is no note."""
    role = _stored(result).get(cert.fingerprint[:16])
    said = " ".join(_lines_on(cert, result))
    if role is None:
        if not {vouching.REFUSED, vouching.AMBIGUOUS} & set(roles):
            return f"refused, not {roles}"
        if roles == (vouching.AMBIGUOUS,) and not ("--as ca" in said and "--as contact" in said):
            return "refused as ambiguous without both --as"
        return None
    if role not in roles:
        return f"stored as {role}, not {roles}"
    other = {CA: "--as contact", CONTACT: "--as ca"}.get(role)
    if is_plain and other and vouching.is_decision(cert) and other not in said:
        return f"stored as {role} without a word on {other}"
    return None


@dataclass
class Upload:
    """One upload of |certs| into a keyring of its own, beside what it has |kept|."""

    plot: Plot
    name: str
    certs: list
    options: tuple = ("--keep-going",)
    kept: dict = field(default_factory=dict)
    expected: dict = None  # by default what a plain upload gives

    def faults(self):
        ring = Ring(self.plot.directory / self.name)
        ring.path.parent.mkdir()
        if self.kept:
            make_keyring(ring.path, *[f"{role}:{cert.pem}" for cert, role in self.kept.items()])
        words = (*self.options, *[cert.pem for cert in self.certs])
        result = ring.upload(*words)
        expected = self.expected or vouching.roles_of_upload(self.certs, self.kept)
        found = [(cert, _wrong_role(cert, expected[cert], result, self.expected is None))
                 for cert in self.certs]
        return [f"{cert!r}\n  {fault}\n{self.plot.tree}\n  upload {' '.join(map(str, words))}, "
                f"kept: {self.kept}\n  {result}" for cert, fault in found if fault]

    def wrong_list(self):
        """`list` shows the right roles, and that only a ca vouches."""
        rows = Ring(self.plot.directory / self.name)("list", "--json").out.splitlines()
        listed = {row["fingerprint"]: row for row in map(json.loads, rows)}
        roles = vouching.roles_of_upload(self.certs, self.kept)
        return [f"list says {row}, not {roles[cert]}\n{self.plot.tree}"
                for cert in self.certs if (row := listed.get(cert.fingerprint)) and (
                    row["role"] not in roles[cert]
                    or row["vouches"] and not (row["role"] == CA and vouching.is_ca(cert)))]


def _as(plot, cert, role):
    """With --as: a ca needs CA:TRUE, a contact the rules for clients."""
    may = vouching.is_ca(cert) if role == CA else vouching.is_client(cert)
    roles = (role,) if may else (vouching.REFUSED,)
    if not vouching.is_readable(cert):
        roles += (vouching.REFUSED,)
    return Upload(plot, "as", [cert], ("--as", role), expected={cert: roles})


def _with_key(plot, cert):
    roles = vouching.role_of(cert, [], set(), set(), has_key=True)
    return Upload(plot, "key", [cert], ("--no-passphrase", cert.key_file), expected={cert: roles})


@in_groups
def test_uploading(group, plots):
    """All together; and one alone, beside the CAs, with --as or with its key."""
    def ask(plot):
        dice, certs = plot.dice("upload"), list(plot.tree.certs)
        dice.shuffle(certs)
        one, *rest = certs
        together = Upload(plot, "all", certs)
        single = dice.choice((
            Upload(plot, "one", [one]),
            Upload(plot, "beside", [one], kept={cert: CA for cert in rest if vouching.is_ca(cert)}),
            Upload(plot, "people", [one], kept={cert: CONTACT for cert in rest}),
            _as(plot, one, CA), _as(plot, one, CONTACT), _with_key(plot, one)))
        return together.faults() + together.wrong_list() + single.faults()

    with ThreadPoolExecutor(2) as pool:
        _report(sum(pool.map(ask, plots(group)), []))


@pytest.mark.skipif(TREES < 100, reason="too few trees")
def test_all_answers_were_seen(seen, plots):
    """If all trees were refused or accepted, they would show nothing."""
    if seen:
        assert min(seen[answer] for answer in (NEVER, MAY, MUST)) > sum(seen.values()) / 20, seen
