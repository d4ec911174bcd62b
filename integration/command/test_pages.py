# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Every command in the blocks of README and docs/use is run: here, or by the test that is named here."""

import re
import shutil

import pytest

from harness import REPO, run
from test_guide import PAGES as STEP_BY_STEP
from test_manual import EXAMPLES, desk, surroundings  # noqa: F401  (a fixture)

PAGES = [REPO / "README.md", *sorted((REPO / "docs" / "use").glob("*.md")), REPO / "docs/use/guides/fleet.md"]
BEGINS = re.compile(r"(\$ )?(smime-policy|openssl|cc|cmake|apt|createdb|pg_\w+|PATH=\S+|integration/\S+) ")

# What a page calls by names of its own.
HERE = [("/srv/helpdesk/certificates", "contacts"), ("/srv/keyring", "$PWD/other"), ("/backup", "$PWD/backup"),
        ("/etc/smime-policy/openssl.cnf", "$PWD/openssl.cnf"), ("PROGRAM ARGUMENT…", "openssl version"),
        ("494f1f98b03af5cc", "$issuer"), ("3f2a91c07be4d5f8", "$fingerprint"), ("file:old", "file:secret"),
        ("file:new", "file:secret"), ("me.pem", "alice.pem"), ("me.key", "alice.key")]

# What is not in the folder, and what a prompt would ask for; by how the command begins.
ASKED = " --passin file:secret --passout file:secret"
FIRST = {
    "smime-policy upload alice.p12": "rm -r keyring",
    "smime-policy upload alice.pem": "rm -r keyring",
    "smime-policy upload bob.pem commercial-ca.p7b": "openssl crl2pkcs7 -nocrl -certfile ca.pem -out commercial-ca.p7b",
    "smime-policy upload commercial-ca.pem": "rm -r keyring",
    "smime-policy remove --crls": "smime-policy upload commercial-ca.crl; "
                                  "issuer=$(smime-policy list --crls --json | grep -oE '[0-9a-f]{40,}' | head -n 1)",
    "smime-policy remove --waiting": "rm -r keyring; smime-policy new alice@example.com --request csr" + ASKED,
    "smime-policy keyring passphrase": "rm -r keyring; smime-policy upload alice.p12 --passin file:secret",
    "smime-policy --keyring /srv/keyring": "smime-policy export --all --keys --output everything.pem",
    "smime-policy check --for encrypt dave.pem": "openssl req -x509 -key alice.key -subj /CN=web -out dave.pem "
                                                 "-addext subjectAltName=DNS:www.example.com",
    "smime-policy collect mail.eml": "rm -r keyring; smime-policy upload ca.pem; cp signed.eml mail.eml",
    "smime-policy verify --collect": "rm -r keyring; smime-policy upload ca.pem; cp signed.eml mail.eml",
    "smime-policy maintain --backup": "mkdir backup",
    "smime-policy keyring backup": "mkdir backup",
    "smime-policy new --renew": "rm -r keyring; smime-policy new alice@example.com" + ASKED,
    "smime-policy smime -sign": "cp mail.eml mail",
    "smime-policy decrypt": "smime-policy encrypt --headers --to-self -in signed.eml -out sealed.eml",
    "openssl cms -sign": "make_alice_below_another_ca",
    "openssl cms -decrypt": "smime-policy upload --no-passphrase bob.key; "
                            "openssl cms -encrypt -in mail.eml -out sealed.eml bob.pem",
}
BELOW = """make_alice_below_another_ca() {
    openssl req -x509 -newkey rsa:2048 -noenc -keyout middle.key -out middle.pem -days 365 -subj /CN=middle \\
        -extensions v3_ca -addext keyUsage=critical,keyCertSign -CA ca.pem -CAkey ca.key
    openssl req -x509 -key alice.key -out alice.pem -days 365 -subj /CN=alice -extensions usr_cert -CA middle.pem \\
        -CAkey middle.key -addext subjectAltName=email:alice@example.com -addext keyUsage=critical,digitalSignature
    rm -r keyring
    smime-policy upload --no-passphrase ca.pem middle.pem alice.pem alice.key
}"""
CODES = {"smime-policy check --for encrypt dave.pem": 3}

# What runs it, if its surroundings are not those of this file.
ELSEWHERE = {
    "integration/package.sh -q bookworm": "integration/bench/first_refusal.sh",
    "apt install ./build/packages/bookworm/*.deb": "integration/packaging/installation.sh",
    "integration/ci/install-packages.sh integration/ci/packages.txt": "integration/quickstart.sh",
    "cmake --preset release -DBUILD_TESTING=OFF && cmake --build --preset release": "integration/quickstart.sh",
    "cmake --install build/release": "integration/quickstart.sh",
    "cmake --build build/release --target uninstall": "integration/command/test_config.py::test_uninstall",
    "integration/quickstart.sh --prefix ~/smime-policy":
        "integration/packaging/test_quickstart.py::test_everything_is_below_the_prefix",
    "cc program.c $(pkg-config --cflags --libs smimepolicy)":
        "integration/packaging/test_consumers.py::test_pkg_config",
    "smime-policy collect bob@example.org": "integration/keyring/test_directory.py::test_collect_fetches_a_contact",
    "smime-policy upload --keep-going saved": "integration/keyring/test_keyring_maintain.py::test_a_damaged_keyring",
    "smime-policy config --lint policy.cnf": "integration/command/test_config.py::test_lint_of_settings_finds",
    "PATH=/usr/libexec/smime-policy:$PATH": "integration/command/test_drop_in.py::test_mail_is_under_policy",
}


def printed(page):
    """The commands in the blocks of a page, but for those that another test takes from it."""
    text = page.read_text()
    if page in STEP_BY_STEP:
        return []
    text = re.sub(r"^<!-- test: .*? -->\n```.*?^```$", "", text, flags=re.M | re.S)
    lines = "".join(re.findall(r"^```\w*\n.*?^```$|(?:^ {4,}\S.*\n)+", text, re.M | re.S)).splitlines()
    found, more = [], False
    for line in map(str.strip, lines):
        if more:
            found[-1] += "\n" + line
        elif BEGINS.match(line + " "):
            found.append(line.removeprefix("$ "))
        more = bool(found) and (line.endswith(("\\", "|"))) and (more or found[-1].endswith(line))
    return [re.sub(r" {2,}#.*| # .*", "", command) for command in found]


PRINTED = list(dict.fromkeys(command for page in PAGES for command in printed(page)))
IN_HELP = {example for _, example in EXAMPLES}  # test_manual.py runs them
RUN = [pytest.param(command, marks=pytest.mark.slow if command.startswith("smime-policy new ") else ())
       for command in PRINTED if command not in ELSEWHERE and command not in IN_HELP]


def for_the_beginning(table, command, default):
    return next((value for begin, value in table.items() if command.startswith(begin)), default)


def test_what_runs_elsewhere_is_there():
    assert set(ELSEWHERE) <= set(PRINTED)
    for place in ELSEWHERE.values():
        file, _, test = place.partition("::")
        assert (REPO / file).exists() and f"def {test}" in (REPO / file).read_text() or not test, place


@pytest.mark.parametrize("command", RUN)
def test_the_command_works(command, desk, tmp_path):  # noqa: F811
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder)
    for theirs, here in HERE:
        line = (line if theirs != HERE[0][0] else command).replace(theirs, here)
    if re.match(r"smime-policy (new|upload alice|keyring passphrase alice|import --from gpgsm)", line):
        line += ASKED if "--pass" not in line else ""
    first = for_the_beginning(FIRST, command, ":")
    script = f"""
        {BELOW}
        fingerprint=$(openssl x509 -in alice.pem -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
        {{ {first}; }} >&2
        {"export OPENSSL_CONF=$PWD/openssl.cnf" if command.startswith("openssl") else ""}
        {line}
    """
    result = run("bash", "-e", "-o", "pipefail", "-c", script, cwd=folder, env=surroundings(folder))
    assert result.rc == CODES.get(command, 0), result
