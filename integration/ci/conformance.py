#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
conformance.py [--document]: OpenSSL's own tests of CMS, PKCS#7, verification, requests and time
stamps, run unmodified against the installed openssl, with the policy and without.

The recipes come from the Debian source package of the installed OpenSSL and are run in a build
directory that is none: a wrapper for apps/openssl, a configdata.pm that says little, links to the
providers.  They are run twice, with the configuration in the default library context and, as they
ask for by themselves, in another one.

- `mode = observe`: every result is stock's.
- enforced: every other result comes with a refusal that names its rule.

Exits 1 where that is not so.  --document writes docs/results/conformance.md.  Where the source cannot
be had: a line that begins with "skipped", exit 0.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import MODULE, OPENSSL, REPO, write_conf

RECIPES = ("80-test_cms", "25-test_pkcs7", "25-test_verify", "25-test_req", "80-test_tsa")
CONTEXTS = {"default": "the default library context", "libctx": "a library context of its own"}
MODES = ("stock", "observe", "enforce")
PAGE = REPO / "docs" / "results" / "conformance.md"

WRAPPER = """#!/bin/sh
# In a library context of its own, -config of cms and smime says what is loaded there.
[ "$SP_CONTEXT" = libctx ] || unset OPENSSL_TEST_LIBCTX
if [ -n "$SP_CONF" ]; then
    case $SP_CONTEXT:$1 in
    default:*) export OPENSSL_CONF="$SP_CONF" ;;
    libctx:cms|libctx:smime) what=$1; shift; set -- "$what" -config "$SP_CONF" "$@" ;;
    esac
fi
exec {openssl} "$@"
"""
CONFIGDATA = """package configdata;
our %disabled = (fips => 1, map {{ $_ => 1 }} qw({disabled}));
our %config = ();
our %target = (exe_extension => "");
our %available_protocols = (tls => [], dtls => []);
1;
"""


class Unavailable(Exception):
    """The source package cannot be had; the text says why."""


def run(*argv, **how):
    """Run a command; returns its output, or raises Unavailable."""
    done = subprocess.run([str(arg) for arg in argv], text=True, capture_output=True, check=False,
                          **how)
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


def fetch(work):
    """The source of the installed OpenSSL, unpacked; apt's own configuration is left alone."""
    lists, sources = work / "lists", work / "sources.list"
    (lists / "partial").mkdir(parents=True)
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                  "Created-By: Packages", "Origin: Debian")
    wanted = {line for line in targets.splitlines() if line.endswith(" main")}
    sources.write_text("".join(f"deb-src {line}\n" for line in sorted(wanted)))
    options = ["-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={lists}", "-o", "APT::Sandbox::User=root"]
    run("apt-get", *options, "update", "-q")
    # The mirror's version that is nearest to the installed one; only upstream's own files are used.
    installed = run("dpkg-query", "-W", "-f", "${source:Upstream-Version}", "openssl")
    offered = re.findall(r"^Version: (.*)$", run("apt-cache", *options, "showsrc", "openssl"),
                         re.MULTILINE)
    newest_first = sorted(set(offered), reverse=True)
    for version in sorted(newest_first, key=lambda version: not version.startswith(f"{installed}-")):
        subprocess.run(["apt-get", *options, "source", "-q", "--download-only",
                        f"openssl={version}"], cwd=work, capture_output=True, check=False)
        archives = list(work.glob("openssl_*.orig.tar.?z*"))
        archives = [path for path in archives if path.suffix != ".asc"]
        if archives:
            break
    else:
        raise Unavailable(f"the mirror has none of {', '.join(offered)}")
    archive = archives[0]
    tree = work / "source"
    tree.mkdir()
    run("tar", "-xf", archive, "-C", tree, "--strip-components=1")
    return tree, archive.name.split("_")[1].split(".orig")[0]


def disabled_features():
    """The features that the installed program lacks."""
    listed = run(OPENSSL, "list", "-disabled").split()[2:]
    return " ".join(word.lower() for word in listed)


def build_directory(work):
    """Make what the recipes need of a build directory."""
    build = work / "build"
    (build / "apps").mkdir(parents=True)
    (build / "test").mkdir()
    (build / "providers").mkdir()
    (build / "engines").mkdir()
    wrapper = build / "apps" / "openssl"
    wrapper.write_text(WRAPPER.replace("{openssl}", OPENSSL))
    wrapper.chmod(0o755)
    (build / "configdata.pm").write_text(CONFIGDATA.format(disabled=disabled_features()))
    modules = run(OPENSSL, "version", "-m").split('"')[1]
    for module in (MODULE, Path(modules) / "legacy.so"):
        if module.exists():
            (build / "providers" / module.name).symlink_to(module)
    return build


def results(source, build, recipe, context, mode):
    """{name of a test: (passed, the rules that refused something on its way)}."""
    kept = build / f"results-{context}-{mode}"
    kept.mkdir(exist_ok=True)
    env = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(build), "SRCTOP": str(source),
           "BLDTOP": str(build), "EXE_SHELL": "env", "RESULT_D": str(kept), "SP_CONTEXT": context,
           "OPENSSL_CONF": f"{source}/apps/openssl.cnf", "OPENSSL_MODULES": f"{build}/providers",
           "OPENSSL_ENGINES": f"{build}/engines", "OPENSSL_CONF_INCLUDE": f"{build}/test"}
    if mode != "stock":
        env["SP_CONF"] = str(build / f"{mode}.cnf")
    done = subprocess.run(["perl", f"-I{build}", f"-I{source}/util/perl",
                           f"test/recipes/{recipe}.t"], cwd=source, env=env, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3600)
    found, rules, inside, subtest = {}, set(), [], ""
    for line in done.stdout.decode(errors="replace").splitlines():
        rules.update(re.findall(r"smimepolicy::[^:]*\[([a-z-]+)\]", line))
        started = re.match(r" *# Subtest: (.*)", line)
        result = re.match(r"( *)(not )?ok (\d+)(?: - (.*))?", line)
        if started:
            subtest, inside = started[1], []
        elif result and result[1]:
            # Later steps of a test read what an earlier one would have written, had it not been refused.
            known = rules or set().union(*inside)
            found[f"{subtest}: {result[3]} {result[4]}"] = (not result[2], frozenset(known))
            inside.append(rules)
            rules = set()
        elif result:
            found[f"{result[3]} {result[4]}"] = (not result[2],
                                                 frozenset(rules.union(*inside)))
            rules, inside = set(), []
    return found


def compare(source, build):
    """(faults, rows of the document, {rule: tests})."""
    faults, rows, by_rule = [], [], Counter()
    for recipe in RECIPES:
        for context, words in CONTEXTS.items():
            seen = {mode: results(source, build, recipe, context, mode) for mode in MODES}
            stock = seen["stock"]
            passed = sum(ok for ok, _ in stock.values())
            if not stock or passed == 0:
                faults.append(f"{recipe} in {words}: nothing ran")
            if {name: ok for name, (ok, _) in seen["observe"].items()} != \
                    {name: ok for name, (ok, _) in stock.items()}:
                faults.append(f"{recipe} in {words}: observing changes a result")
            refused = 0
            for name, (ok, _) in stock.items():
                now, rules = seen["enforce"].get(name, (None, frozenset()))
                if now == ok:
                    continue
                refused += 1
                if not rules:
                    faults.append(f"{recipe} in {words}: {name}: differs, and no rule says why")
                by_rule.update(rules)
            rows.append(f"| `{recipe}.t` | {words} | {passed} | {len(stock) - passed} | "
                        f"{passed} | {refused} |")
            print(f"{recipe} in {words}: {passed} of {len(stock)} pass with stock; {refused} refused")
    return faults, rows, by_rule


HEAD = """\
# OpenSSL's own tests under the policy

For auditors: the recipes of the source package of OpenSSL {version}, unmodified, against the
installed program ({program}). Made by

    /usr/bin/python3 integration/ci/conformance.py --document

With `mode = observe` every result is the same as without the policy. With `mode = enforce` a result
differs only where a rule refused something, because the certificates of these tests were not made
for mail. The script fails on any other difference.

| recipe | where the provider is loaded | pass without the policy | fail without it | pass when observed | refused when enforced |
|---|---|---|---|---|---|
"""


def main():
    work = Path(tempfile.mkdtemp(prefix="conformance."))
    try:
        source, version = fetch(work)
        build = build_directory(work)
        for mode in MODES[1:]:
            write_conf(build / f"{mode}.cnf", {"mode": mode},
                       extra=f".include {source}/apps/openssl.cnf\n[default]")
        # The included file ends inside a section, so ours comes after it.
        for mode in MODES[1:]:
            path = build / f"{mode}.cnf"
            lines = path.read_text().splitlines()
            first = [line for line in lines if line.startswith((".include", "[default]"))]
            path.write_text("\n".join(first + [line for line in lines if line not in first]) + "\n")
        faults, rows, by_rule = compare(source, build)
    except Unavailable as why:
        print(f"skipped: the source of OpenSSL cannot be had: {why}")
        return 0
    finally:
        shutil.rmtree(work)
    for fault in faults:
        print(fault, file=sys.stderr)
    if "--document" in sys.argv[1:] and not faults:
        rules = [f"| `{rule}` | {count} |" for rule, count in sorted(by_rule.items())]
        PAGE.write_text(HEAD.format(version=version, program=run(OPENSSL, "version").split(" (")[0])
                        + "\n".join(rows) + "\n\nTests that each rule had a part in:\n\n"
                        "| rule | tests |\n|---|---|\n" + "\n".join(rules) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
