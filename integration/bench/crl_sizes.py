#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
crl_sizes.py [--document] [N]: a CRL of N entries (1000000) beside one of 10: storing it, and asking it about a
certificate that it names and about one that it does not.  And what a gate needs where a CRL is stored, over
the same keyring without one.  Informs, never fails on a number.  --document
writes the table into docs/results/performance.md.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from crl_maker import Ca, many_entries  # noqa: E402
from harness import BUILD, COMMAND, OPENSSL, REPO, environment, must, stock, write_conf  # noqa: E402

ASKED = BUILD / "tests" / "revocation" / "bench_asked"
PAGE = REPO / "docs" / "results" / "performance.md"
VALGRIND = shutil.which("valgrind")
TURNS, TIMES = 41, 2000


def measured(*words):
    """Seconds, processor seconds and KiB at most of a command."""
    report = Path("time")
    subprocess.run(["/usr/bin/time", "-f", "%e %U %S %M", "-o", report, *words], check=True, env=environment(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole, user, system, memory = report.read_text().split()
    return float(whole), float(user) + float(system), int(memory)


def certificate(ca, name, serial):
    """The path of a certificate of |ca| with that serial number."""
    must(stock("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout",
               "key", "-CA", ca.pem, "-CAkey", ca.key, "-subj", f"/CN={name}", "-set_serial", hex(serial),
               "-out", f"{name}.pem", "-addext", f"subjectAltName=email:{name}@example.org", "-addext",
               "keyUsage=digitalSignature,keyEncipherment,keyAgreement"))
    return f"{name}.pem"


def ask(keyring, cert, answer):
    """Microseconds of a question."""
    said, spent = subprocess.run([ASKED, keyring, cert, str(TIMES)], check=True, capture_output=True,
                                 text=True, env=environment()).stdout.split()
    assert said == answer, (keyring, cert, said)
    return float(spent)


def counted(words, conf=None):
    """Millions of instructions of a program."""
    done = subprocess.run([VALGRIND, "--tool=callgrind", "--callgrind-out-file=/dev/null", *words], check=True,
                          capture_output=True, text=True, env=environment(conf))
    return int(re.search(r"Collected : (\d+)", done.stderr)[1]) / 1e6


def instructions(keyring, cert):
    """Of a hundred questions."""
    return counted((ASKED, keyring, cert, "100"))


def compare(what, unit, pairs):
    few, many = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(b / a for a, b in pairs)
    return f"| {what} | {unit} | {few:.6g} | {many:.6g} | {ratio:.2f} |"


def measure(count):
    lines, upload = [], {}
    ca = Ca(Path("."), "Issuer")
    for name, size in (("few", 10), ("many", count)):
        Path(f"{name}.crl").write_bytes(ca.crl(*many_entries(size)))
        must_run("--keyring", name, "upload", ca.pem)
        upload[name] = measured(COMMAND, "--keyring", name, "upload", f"{name}.crl")
    whole, spent, memory = upload["many"]
    size = Path("many.crl").stat().st_size
    lines += [f"{count} entries ({size / 2**20:.0f} MiB) verified and stored in {whole:.2f} s ({spent:.2f} s of "
              f"processor time, {count / max(spent, 0.01):.0f} a second), {memory} KiB at most", "",
              f"| | unit | 10 entries | {count} entries | ratio |", "|---|---|---|---|---|",
              compare("upload", "KiB at most", [(upload["few"][2], memory)])]
    named, unnamed = 0x40 << 120 | 7, 0x41 << 120 | 7
    for what, serial, answer in (("revoked", named, "revoked"), ("not revoked", unnamed, "none")):
        cert = certificate(ca, answer, serial)
        pairs = [(ask("few", cert, answer), ask("many", cert, answer)) for _ in range(TURNS)]
        lines.append(compare(f"asked, {what}", "µs", pairs))
        if VALGRIND:
            lines.append(compare(f"asked, {what}, 100 times", "M instructions",
                                 [(instructions("few", cert), instructions("many", cert))]))
    return lines + (gates() if VALGRIND else [])


def gates():
    """What `openssl cms` needs from start to end, with the keyring that has the long CRL."""
    must_run("--keyring", "none", "upload", "Issuer.pem")
    confs = [write_conf(Path(f"{name}.cnf").absolute(), {"keyring": Path(name).absolute()})
             for name in ("none", "many")]
    Path("mail").write_bytes(b"x" * 10240)
    lines = ["", "| `openssl cms`, 10 KB, P-256 | unit | without a CRL | with it | ratio |", "|---|---|---|---|---|"]
    signer = ("-signer", "none.pem", "-inkey", "key")
    must(stock("cms", "-sign", "-in", "mail", *signer, "-out", "signed"))
    for what, words in (("sign", ("-sign", "-in", "mail", *signer, "-certfile", "Issuer.pem")),
                        ("encrypt", ("-encrypt", "-aes256", "-in", "mail", "none.pem")),
                        ("verify", ("-verify", "-in", "signed", "-CAfile", "Issuer.pem"))):
        pair = [counted((OPENSSL, "cms", "-out", "out", *words), conf) for conf in confs]
        lines.append(compare(what, "M instructions", [pair]).replace(f"{pair[1] / pair[0]:.2f} |",
                                                                     f"{pair[1] / pair[0]:.3f} |"))
    return lines


def must_run(*words):
    subprocess.run([COMMAND, *words], check=True, env=environment(), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def document(lines, count):
    section = "\n".join(["## CRLs", "", "Made by", "", f"    integration/bench/crl_sizes.py --document {count}", "",
                         *lines, "", ""])
    page = PAGE.read_text()
    page = re.sub(r"## CRLs\n.*?(?=^## |\Z)", "", page, flags=re.S | re.M)
    PAGE.write_text(page.replace("## Over stock", section + "## Over stock", 1))


def main():
    words = [word for word in sys.argv[1:] if word != "--document"]
    count = int(words[0]) if words else 1000000
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as place:
        os.chdir(place)
        lines = measure(count)
        os.chdir("/")
    print("\n".join(lines))
    if "--document" in sys.argv:
        document(lines, count)


if __name__ == "__main__":
    main()
