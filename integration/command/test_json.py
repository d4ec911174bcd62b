# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""What is printed as JSON: it fits the published schema, and the page names every member of it."""

import json
import re

import pytest

from crl_maker import DAY, NOW, Ca, entry
from harness import COMMAND, REPO, must, run, stock

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")

PAGE = REPO / "docs" / "use" / "json.md"
SCHEMA = json.loads((REPO / "docs" / "use" / "json.schema.json").read_text())
DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)


def validator(name, strict):
    """Of one definition; a strict one takes no member that the schema does not name."""
    definitions = json.loads(json.dumps(SCHEMA["$defs"]))
    if strict:
        for schema in schemas_in(definitions):
            schema["additionalProperties"] = False
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def schemas_in(value):
    """Every schema of an object inside |value|."""
    if isinstance(value, dict):
        if "properties" in value:
            yield value
        for inner in value.values():
            yield from schemas_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas_in(inner)


@pytest.fixture(scope="module")
def mail(tmp_path_factory, pki):
    """A folder with a keyring, and mail that was signed and encrypted."""
    folder = tmp_path_factory.mktemp("json")
    (folder / "pass").write_text("secret\n")
    (folder / "text").write_text("From: good_rsa@example.com\nTo: you@example.com\n\nhello\n")
    must(stock("pkcs12", "-export", "-legacy", "-in", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
               "-passout", f"file:{folder}/pass", "-out", folder / "noted.p12"))
    (folder / "log").write_text(
        f'{{"time": "{NOW:%Y-%m-%d}T00:00:00Z", "verdict": "refused", "program": "openssl"}}\n')
    (folder / "logged.cnf").write_text(f"decision_log = {folder}/log\n")
    (folder / "both.pem").write_text(pki.good_rsa.pem.read_text() + pki.good_rsa.key.read_text())
    (folder / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (folder / "hub.cnf").write_text("hub = postgresql:///x?host=/nonexistent\n")
    (folder / "good.cnf").write_text("mode = enforce\n")
    (folder / "bad.cnf").write_text("mode = sometimes\ncolour = red\n")
    command = (COMMAND, "--keyring", folder / "keyring")
    must(run(*command, "upload", "--passout", f"file:{folder}/pass", pki.good_rsa.pem,
             pki.good_rsa.key, pki.root.pem, pki.expired.pem))
    issuer = Ca(folder, "Issuer")
    (folder / "ca.crl").write_bytes(issuer.crl(entry(7), this=NOW - 9 * DAY, until=NOW - DAY))
    (folder / "bad.crl").write_bytes(issuer.crl(entry(7), spoil=True))
    must(run(*command, "upload", issuer.pem, folder / "ca.crl"))
    must(run(*command, "sign", "-in", folder / "text", "-signer", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key, "-out", folder / "signed"))
    must(stock("cms", "-sign", "-in", folder / "text", "-signer", pki.good_chain.pem, "-inkey",
               pki.good_chain.key, "-certfile", pki.intermediate, "-from", "good_chain@example.com",
               "-out", folder / "sent"))
    must(run(*command, "encrypt", "-in", folder / "text", "-out", folder / "sealed",
             pki.good_rsa.pem))
    return folder


# name: (definition, exit code, words); {} is the folder, and a name of the pki in <> its certificate
CASES = {
    "check": ("check", DONE, "check --json <good_rsa>"),
    "check, refused": ("check", REFUSED, "check --json --for encrypt <expired> <good_rsa>"),
    "check, a key": ("check", DONE, "check --json --key <good_rsa>.key <good_rsa>"),
    "check, a key in the files": ("check", DONE, "check --json {}/both.pem"),
    "check, noted": ("check", DONE, "check --json {}/noted.p12 --passin pass:secret"),
    "check, unreadable": ("check", INPUT, "check --json {}/broken.pem <good_rsa>"),
    "sign": ("verb", DONE, "sign --json -in {}/text -signer <good_rsa> -inkey <good_rsa>.key "
                           "-out {}/out"),
    "sign, planned": ("verb", DONE, "sign --json --explain -in {}/text --from {address} "
                                    "-passin file:{}/pass"),
    "sign, refused": ("verb", REFUSED, "sign --json -in {}/text -signer <expired> "
                                       "-inkey <expired>.key -out {}/out"),
    "encrypt": ("verb", DONE, "encrypt --json -in {}/text --to {address} -out {}/out"),
    "encrypt, nobody": ("verb", REFUSED, "encrypt --json -in {}/text --to nobody@example.org "
                                         "-out {}/out"),
    "verify": ("verb", DONE, "verify --json -in {}/signed -CAfile <root> -out {}/out --no-sender"),
    "verify, refused": ("verb", REFUSED, "verify --json -in {}/signed -out {}/out "
                                         "--sender eve@example.com"),
    "decrypt": ("verb", DONE, "decrypt --json -in {}/sealed -recip <good_rsa> "
                              "-inkey <good_rsa>.key -out {}/out"),
    "upload": ("upload", DONE, "upload --json <good_rsa> <root>"),
    "upload, refused": ("upload", REFUSED, "upload --json <no_san>"),
    "upload, a CRL": ("upload", DONE, "upload --json {}/ca.crl"),
    "upload, a CRL refused": ("upload", REFUSED, "upload --json {}/bad.crl"),
    "list, CRLs": ("crl", DONE, "list --crls --json"),
    "remove, CRLs": ("remove", INPUT, "remove --crls --json 12345678"),
    "collect": ("collect", DONE, "collect --json {}/sent"),
    "collect, refused": ("collect", INPUT, "collect --json {}/text {}/signed"),
    "upload, unreadable": ("upload", INPUT, "upload --json {}/broken.pem"),
    "upload, dry run": ("upload", DONE, "upload --json --dry-run <good_p256> <good_p256>.key"),
    "import": ("upload", DONE, "import --json --from <good_rsa>"),
    "import, refused": ("upload", REFUSED, "import --json --from <no_san>"),
    "import, left out": ("upload", DONE, "import --json --dry-run --from <foreign_root>"),
    "export": ("export", DONE, "export --json --all --keys --output {}/exported"),
    "export, failed": ("export", SYSTEM, "export --json --all --output {}/nosuch/exported"),
    "config print": ("config_print", DONE, "config --print --json"),
    "config lint": ("config_lint", DONE, "config --lint {}/good.cnf --json"),
    "config lint, faults": ("config_lint", REFUSED, "config --json --lint {}/bad.cnf"),
    "config lint, unreadable": ("config_lint", INPUT, "config --json --lint {}"),
    "new": ("new", DONE, "new --json a@example.com --key ec:P-256 --passout file:{}/pass"),
    "new, a request": ("new", DONE, "new --json b@example.com --key ec:P-256 --request {}/csr "
                       "--passout file:{}/pass"),
    "new, refused": ("new", INPUT, "new --json --issuer Nobody b@example.com"),
    "list": ("list", DONE, "list --json"),
    "show": ("list", DONE, "show --json --pem {address}"),
    "maintain": ("maintain", REFUSED, "maintain --json"),
    "maintain, no backup": ("maintain", SYSTEM, "maintain --json --all --backup {}/none"),
    "report": ("report", DONE, "report --json"),
    "report, with a log": ("report", DONE, "--policy {}/logged.cnf report --json"),
    "doctor": ("doctor", DONE, "doctor --json"),
    "doctor, a fault": ("doctor", REFUSED, "--policy {}/text doctor --json"),
    "remove, dry run": ("remove", DONE, "remove --json --dry-run --with-key {address} "
                                        "expired@example.com"),
    "remove, refused": ("remove", USAGE, "remove --json {address}"),
    "remove, nobody": ("remove", INPUT, "remove --json nobody@example.org"),
    "keyring check": ("keyring_check", DONE, "keyring check --json"),
    "keyring backup": ("keyring_backup", DONE, "keyring backup --json {}/backup"),
    "keyring backup, refused": ("keyring_backup", SYSTEM, "keyring backup --json {}"),
    "keyring path": ("keyring_path", DONE, "keyring path --json"),
    "keyring passphrase": ("keyring_passphrase", DONE, "keyring passphrase --json {address} "
                           "--passin file:{}/pass --passout file:{}/pass"),
    "keyring passphrase, wrong": ("keyring_passphrase", INPUT, "keyring passphrase --json {address} "
                                  "--passin pass:wrong --passout file:{}/pass"),
    "sync, no hub": ("sync", SYSTEM, "--policy {}/hub.cnf sync --json"),
    "trust": ("trust", DONE, "trust --json {address}"),
    "trust, a stranger": ("trust", DONE, "trust --json nobody@example.org"),
}


def words_of(text, folder, pki):
    """The words of a command line."""
    address = "good_rsa@example.com"

    def certificate(match):
        cert = pki[match[1]]
        return str(cert.key if match[2] else cert.pem)

    text = text.replace("{}", str(folder)).replace("{address}", address)
    return re.sub(r"<(\w+)>(\.key)?", certificate, text).split()


@pytest.mark.parametrize("name", CASES)
def test_it_fits_the_schema(name, mail, pki):
    """Nothing is missing, nothing has another type, and nothing is there that the schema does not name."""
    definition, code, text = CASES[name]
    result = run(COMMAND, "--keyring", mail / "keyring", *words_of(text, mail, pki))
    assert result.rc == code, result
    lines = result.out.splitlines()
    assert lines, result
    for line in lines:
        validator(definition, strict=True).validate(json.loads(line))


def test_the_schema_notices():
    """A member that is missing, or of another type, does not pass."""
    verdict = {"policy": "1", "use": "sign", "allowed": True, "certificate": None, "findings": []}
    judge = validator("verdict", strict=False)
    judge.validate(verdict)
    for member in verdict:
        with pytest.raises(jsonschema.ValidationError):
            judge.validate({key: value for key, value in verdict.items() if key != member})
        with pytest.raises(jsonschema.ValidationError):
            judge.validate({**verdict, member: 7})
    judge.validate({**verdict, "more": "a release may add members"})


def test_the_page_names_every_member():
    """What the schema has, docs/use/json.md explains."""
    page = PAGE.read_text()
    members = {name for schema in schemas_in(SCHEMA) for name in schema["properties"]}
    assert members, "the schema is empty"
    assert not sorted(name for name in members if f"`{name}`" not in page)
