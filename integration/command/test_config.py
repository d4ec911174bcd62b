# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""`smime-policy config`, the shipped openssl.cnf and policy.cnf."""

import os
import re
import tempfile
from pathlib import Path

import pytest

from harness import (BUILD, COMMAND, MODULE, OPENSSL, PHP, REPO, must, refused, run, stock, stock_does,
                     write_conf)

DONE, INPUT, REFUSED = 0, 2, 3
SHIPPED_POLICY = REPO / "shim" / "policy.cnf"


def config(*args, **kwargs):
    """`smime-policy config`."""
    return run(COMMAND, "config", *args, **kwargs)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The printed openssl.cnf as a file."""
    path = tmp_path_factory.mktemp("conf") / "openssl.cnf"
    path.write_bytes(must(config()).out)
    return path


GOOD = f"""\
openssl_conf = init
[init]
providers = provs
alg_section = algs
[provs]
smimepolicy = pol
[pol]
module = {MODULE}
activate = 1
[algs]
default_properties = ?smime.policy=yes
"""


def with_pol(*lines):
    """GOOD with more lines in the provider's section."""
    return GOOD.replace("activate = 1\n", "activate = 1\n" + "".join(f"{x}\n" for x in lines))


def with_default(*, prefer):
    """GOOD with `default` active beside ours."""
    text = GOOD.replace("[provs]\n", "[provs]\ndefault = def\n") + "[def]\nactivate = 1\n"
    return text if prefer else text.replace("default_properties", "#")


# --- what is shipped


def test_shipped_openssl_cnf(shipped):
    """It has no fault, and enforces; the installed file is the same."""
    assert config("--lint", shipped).rc == DONE
    result = config("--self-test", shipped)
    assert result.rc == DONE and b": enforced: " in result.out
    installed = (BUILD / "shim" / "openssl.cnf").read_text()
    module = re.compile("^module = .*$", re.MULTILINE)
    assert module.sub("", installed) == module.sub("", shipped.read_text())
    assert re.search(r"^module = /\S+/smimepolicy\.so$", installed, re.MULTILINE)


def test_other_work_under_the_shipped_openssl_cnf(shipped, tmp_path):
    """`openssl req` and `openssl ca` find the system's sections, as the line in the guide needs them."""
    key, cert, request = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "csr.pem"
    must(run(OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
             cert, "-days", "30", "-subj", "/CN=Alice",
             "-addext", "subjectAltName=email:alice@example.com",
             "-addext", "keyUsage=digitalSignature,keyEncipherment", conf=shipped))
    must(run(COMMAND, "check", "--for", "sign", "--for", "encrypt", "--key", key, cert))
    must(run(OPENSSL, "req", "-new", "-key", key, "-subj", "/CN=Bob", "-out", request,
             conf=shipped))
    (tmp_path / "demoCA" / "newcerts").mkdir(parents=True)
    (tmp_path / "demoCA" / "index.txt").touch()
    (tmp_path / "demoCA" / "serial").write_text("01\n")
    must(run(OPENSSL, "ca", "-batch", "-cert", cert, "-keyfile", key, "-in", request, "-policy",
             "policy_anything", "-out", tmp_path / "bob.pem", conf=shipped, cwd=tmp_path))
    assert (tmp_path / "bob.pem").stat().st_size > 0


def test_lost_module_stops_mail(shipped, pki, mail, tmp_path):
    """If the file has our provider alone, a missing module is a failure and leaves no gap."""
    lost = tmp_path / "openssl.cnf"
    lost.write_text(shipped.read_text().replace("smimepolicy.so", "gone.so"))
    result = run(OPENSSL, "cms", "-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key,
                 "-in", mail, conf=lost)
    assert result.rc != 0 and b"PKCS7" not in result.out
    assert config("--self-test", lost).rc == REFUSED
    result = config("--lint", lost)
    assert result.rc == REFUSED and b"gone.so cannot be read" in result.out


def printed(*args):
    """The effective settings as {key: value}; None for those that are not set."""
    text = must(run(COMMAND, *args, "config", "--print")).out.decode()
    settings = dict(re.findall(r"^(\w+) = (.+)$", text, re.MULTILINE))
    unset = re.findall(r"^# (\w+) is not set$", text, re.MULTILINE)
    assert len(settings) + len(unset) == len(text.splitlines())
    return settings | {key: None for key in unset}


def test_shipped_policy_cnf(tmp_path):
    """It changes nothing by itself, and shows every key with its default."""
    text = SHIPPED_POLICY.read_text()
    defaults = printed()
    assert printed("--policy", SHIPPED_POLICY) == defaults
    shown = dict(re.findall(r"^#(\w+) =(?: (.+))?$", text, re.MULTILINE))
    assert shown.keys() == defaults.keys()
    assert {key: value for key, value in shown.items() if defaults[key] and key != "backend"} == \
        {key: value for key, value in defaults.items() if value and key != "backend"}
    # The commented settings are accepted.
    spoken = tmp_path / "policy.cnf"
    spoken.write_text("".join(f"{key} = {value}\n" for key, value in shown.items() if value))
    printed("--policy", spoken)


def test_print_default_policy():
    """This test shows any change of a default."""
    assert must(config("--print")).out.decode() == """\
mode = enforce
backend = default
unknown_keys = pass
raw_keys = judge
unverified_signers = pass
own_anchors = last
keys = all
signer_path = log
sender = log
trust = caller
# keyring is not set
revocation = soft
missing_key_usage = reject
ec_key_agreement = reject
collect = chain
signers = all
# contacts is not set
contacts_age = 1d
contacts_starttls = yes
# contacts_bind is not set
# contacts_ca is not set
# fetch_from is not set
fetch_private = no
ocsp = off
# decision_log is not set
# hub is not set
hub_realm = default
hub_anchors = no
hub_max_age = 1d
trace = no
weak_key = warn
weak_digest = warn
weak_cipher = warn
eku_any = warn
validity_too_long = warn
expires_soon = warn
"""


def test_print_effective_policy(tmp_path):
    """It prints the settings in force."""
    policy = tmp_path / "policy.cnf"
    policy.write_text("weak_key = deny\nkeyring = /srv/keyring\n")
    settings = printed("--policy", policy)
    assert settings["weak_key"] == "deny" and settings["keyring"] == "/srv/keyring"


def test_settings_reach_the_provider(pki, mail, tmp_path):
    """Every value reaches the provider, with characters escaped that openssl.cnf interprets."""
    log = tmp_path / 'log #1 "$HOME" \\x'
    policy = tmp_path / "policy.cnf"
    quoted = re.sub(r'([\\#$"])', r"\\\1", str(log))
    policy.write_text(f"decision_log = {quoted}\n")
    shown = must(run(COMMAND, "--policy", policy, "config", "--print")).out
    assert shown.decode().count("decision_log = ") == 1
    # The output is a policy file with the same settings.
    policy.write_bytes(shown)
    assert must(run(COMMAND, "--policy", policy, "config", "--print")).out == shown
    must(run(COMMAND, "--policy", policy, "sign", "-signer", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key, "-in", mail))
    assert '"sign"' in log.read_text()


def test_installation(shipped, tmp_path):
    """Installed anywhere, the command finds its module; an existing policy.cnf stays."""
    def install():
        must(run("cmake", "--install", BUILD, env={"DESTDIR": tmp_path}))
        (policy,) = tmp_path.rglob("smime-policy/policy.cnf")
        return policy

    policy = install()
    assert policy.read_text() == SHIPPED_POLICY.read_text()
    snippet = policy.with_name("openssl.cnf")
    assert re.search(r"^module = /\S+\.so$", snippet.read_text(), re.MULTILINE)
    policy.write_text("# mine\n")
    assert install().read_text() == "# mine\n"
    (command,) = tmp_path.rglob("bin/smime-policy")
    (module,) = tmp_path.rglob("smimepolicy.so")
    assert f"module = {module}\n" in must(run(command, "config")).out.decode()
    assert must(run(command, "config", "--self-test")).out.startswith(b"smime-policy: enforced")
    assert len(list(tmp_path.rglob("smime-policy.1"))) == 1
    for name in ("bash-completion/completions/smime-policy", "zsh/site-functions/_smime-policy",
                 "fish/vendor_completions.d/smime-policy.fish"):
        assert len(list(tmp_path.rglob(f"share/{name}"))) == 1, name
    assert shipped.read_text() != snippet.read_text()


def test_uninstall(tmp_path):
    """What was installed goes; what the administrator or a user made stays."""
    env = {"DESTDIR": tmp_path}

    def files():
        return {path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()}

    def uninstall():
        return must(run("cmake", "--build", BUILD, "--target", "uninstall", env=env, timeout=300))

    must(run("cmake", "--install", BUILD, env=env))
    (policy,) = tmp_path.rglob("smime-policy/policy.cnf")
    assert len(files()) > 40
    uninstall()
    assert not files() and not policy.parent.exists() and not list(tmp_path.rglob("SmimePolicy"))
    must(run("cmake", "--install", BUILD, env=env))
    policy.write_text("mode = observe\n")
    keyring = tmp_path / "home" / ".local" / "share" / "smime-policy" / "certificates.db"
    keyring.parent.mkdir(parents=True)
    keyring.write_text("")
    must(run("cmake", "--install", BUILD, env=env))
    assert f"Kept, for it was changed: {policy}" in uninstall().text
    assert files() == {policy, keyring}
    uninstall()


@pytest.mark.parametrize("name", ["smime-policy.1", "smime-policy.cnf.5"])
def test_manual_pages(name):
    """They name every option before the command and every key of the settings."""
    page = BUILD / "docs" / name if name.endswith(".1") else REPO / "docs" / "man" / name
    text = page.read_text().replace("\\-", "-")
    for key in printed() if name.endswith(".5") else re.findall(
            r"--[a-z-]+", must(run(COMMAND, "--help")).out.decode()):
        assert key in text, key


# --- the lint


def lint(path, text):
    """Lint a text."""
    path.write_text(text)
    return config("--lint", path)


def test_lint_finds_nothing_in_good_ones(tmp_path):
    """Good variants."""
    for text in (GOOD, with_default(prefer=True), with_pol("weak_key = deny", "mode = observe"),
                 GOOD.replace("smimepolicy = pol", "base = b\nsmimepolicy = pol") +
                 "[b]\nactivate = 1\n", GOOD.replace("openssl_conf", "  openssl_conf\t"),
                 GOOD.replace("alg_section = algs\n", ""),
                 f".pragma includedir:{tmp_path}\n" + with_pol(".include policy.cnf")):
        result = lint(tmp_path / "openssl.cnf", text)
        assert result.rc == DONE and b"no fault found" in result.out, result


@pytest.mark.parametrize("text, said", [
    (with_pol("colour = red"), "colour"),
    (with_pol("mode = maybe"), "maybe"),
    (with_pol("expired = warn"), "expired"),
    (with_pol("distrust_default = ignore"), "distrust_default"),
    (with_pol("backend = default"), "for the section [default]"),
    (with_pol("soft_load = 1"), "soft_load"),
    (GOOD.replace("activate = 1", ""), "does not activate"),
    (GOOD.replace("activate = 1", "activate = 0"), "does not activate"),
    (GOOD.replace(f"module = {MODULE}", "module = /nowhere.so"), "/nowhere.so cannot be read"),
    (GOOD.replace(f"module = {MODULE}", "module = smimepolicy.so"), "not an absolute path"),
    (GOOD.replace(f"module = {MODULE}", ""), "not set"),
    (GOOD.replace("smimepolicy = pol", "smimepolicy = gone"), "no section [gone]"),
    (GOOD.replace("smimepolicy = pol", "default = pol"), "`module` is ignored"),
    (GOOD.replace("smimepolicy = pol", "default = def") + "[def]\nactivate = 1\n",
     "does not name smimepolicy"),
    (GOOD.replace("providers = provs\n", ""), "has no providers"),
    (GOOD.replace("providers = provs", "providers = gone"), "no section [gone]"),
    (GOOD.replace("= init", "= gone"), "no section [gone]"),
    (GOOD.replace("openssl_conf = init", ""), "no openssl_conf"),
    (GOOD.replace("alg_section = algs", "alg_section = gone"), "no section [gone]"),
    (GOOD.replace("?smime", "smime"), "write ?smime.policy=yes"),
    (with_default(prefer=False), "provider default is active beside"),
    (GOOD.replace("[provs]\n", "[provs]\npkcs11 = p11\n") + "[p11]\nactivate = 1\n",
     "provider pkcs11"),
    (GOOD.replace("alg_section", "engines = e\nalg_section"), "engines"),
    (GOOD.replace("[init]\n", "[init]\nssl_conf = s\n"), "ssl_conf comes before providers"),
    (GOOD.replace("[provs]", "[provs"), "line 5"),
    (GOOD.replace("providers = provs", "providers.1 = more\nproviders = provs") +
     "[more]\npkcs11 = p11\n[p11]\nactivate = 1\n", "providers = provs beside more"),
    (with_pol(".include policy.cnf"), "line 10: .include policy.cnf: depends on the directory"),
    (with_pol(".include = policy.cnf  # mine"), "line 10: .include policy.cnf: depends"),
], ids=lambda value: None if "\n" in value else value)
def test_lint_finds(text, said, tmp_path):
    """Each fault alone, with the remedy."""
    result = lint(tmp_path / "openssl.cnf", text)
    assert result.rc == REFUSED, result
    assert said in result.out.decode(), result
    assert all("; " in line or ": add" in line for line in result.out.decode().splitlines())


def test_lint_finds_every_fault(tmp_path):
    """Not only the first."""
    result = lint(tmp_path / "openssl.cnf", with_pol("colour = red", "mode = maybe", "taste = x"))
    assert result.rc == REFUSED and len(result.out.splitlines()) == 3


SYSTEM = "openssl_conf = sys\n[sys]\nssl_conf = tls\n[tls]\n"


def test_lint_finds_traps_of_includes(tmp_path):
    """The place of the line decides whether it counts, and OpenSSL reports nothing."""
    system, conf = tmp_path / "system.cnf", tmp_path / "openssl.cnf"
    system.write_text(SYSTEM)
    head, rest = GOOD.split("\n", 1)
    result = lint(conf, f".include {system}\n{GOOD}")
    assert result.rc == REFUSED and b"put [default] before it" in result.out
    result = lint(conf, f"{head}\n.include {system}\n{rest}")
    assert result.rc == REFUSED and b"overridden" in result.out
    result = lint(conf, f"[other]\n{GOOD}")
    assert result.rc == REFUSED and b"inside another section" in result.out
    assert lint(conf, f".include {system}\n[default]\n{GOOD}").rc == DONE
    assert lint(conf, f".include {system}\n[ default ]\n{GOOD}").rc == DONE
    # An included file is read too.
    policy = tmp_path / "policy.cnf"
    policy.write_text("colour = red\n")
    result = lint(conf, with_pol(f".include {policy}"))
    assert result.rc == REFUSED and b"colour" in result.out


def test_lint_notes_a_lost_policy(tmp_path):
    """OpenSSL ignores it and the defaults apply: that leaves no gap, but is worth a note."""
    result = lint(tmp_path / "openssl.cnf", with_pol(".include /nonexistent/policy.cnf"))
    assert result.rc == DONE and b"no fault found" in result.out
    assert b"note: line 10: /nonexistent/policy.cnf is not there and is passed over" in result.out


def test_settings_that_are_there_and_cannot_be_read(tmp_path, pki, mail):
    """The command refuses everything, a program goes on without them: both are reported."""
    conf, policy = tmp_path / "openssl.cnf", tmp_path / "policy.cnf"
    policy.symlink_to(policy)  # the superuser can read whatever can be read
    result = lint(conf, with_pol(f".include {policy}"))
    assert result.rc == REFUSED and b"no fault found" not in result.out, result
    assert f"line 10: .include {policy}: ".encode() in result.out, result
    assert b"its settings are lost; let whoever runs the program read it" in result.out
    for program in ((), ("--", "echo", "started")):
        result = config("--self-test", conf, *program)
        assert result.rc == REFUSED and "the settings are lost" in result.text, result
        assert "started" not in result.text
    result = run(COMMAND, "--policy", policy, "sign", "-signer", pki.good_rsa.pem, "-inkey",
                 pki.good_rsa.key, "-in", mail)
    assert result.rc == REFUSED and "the policy is locked" in result.err, result


@pytest.mark.parametrize("level", [1, 2, 3])
def test_an_include_of_an_included_file(level, tmp_path):
    """It is judged as one of the file itself: libcrypto passes over it without a word."""
    conf, lost = tmp_path / "openssl.cnf", tmp_path / "lost.cnf"
    files = [tmp_path / f"policy{i}.cnf" for i in range(level)]
    for file, following in zip(files, files[1:]):
        file.write_text(f"# settings\n.include {following}\n")
    place = f"{conf}: line 3 of {files[-1]}: ".encode()
    lost.symlink_to(lost)
    files[-1].write_text(f"mode = enforce\n\n.include {lost}\n")
    result = lint(conf, with_pol(f".include {files[0]}"))
    assert result.rc == REFUSED and place + b".include " in result.out, result
    assert b"its settings are lost; let whoever runs the program read it" in result.out
    result = config("--self-test", conf)
    assert result.rc == REFUSED and "the settings are lost" in result.text, result
    result = run(COMMAND, "--policy", files[0], "config", "--print")
    assert result.rc == REFUSED and f"{files[-1]}: line 3: .include {lost}: " in result.err, result
    # One that is not there, and one that is wherever the program is.
    lost.unlink()
    result = lint(conf, with_pol(f".include {files[0]}"))
    assert result.rc == DONE, result
    assert f"{conf}: note: line 3 of {files[-1]}: {lost} is not there and is passed over".encode() in result.out, result
    files[-1].write_text("\n\n.include lost.cnf\n")
    result = lint(conf, with_pol(f".include {files[0]}"))
    assert result.rc == REFUSED and b"depends on the directory that the program is in" in result.out
    assert place in result.out, result


def test_an_included_directory_that_cannot_be_read(tmp_path):
    """And a file in one that can."""
    conf, folder = tmp_path / "openssl.cnf", tmp_path / "folder"
    folder.mkdir()
    (folder / "policy.cnf").symlink_to(folder / "policy.cnf")
    (folder / "notes").symlink_to(folder / "notes")
    result = lint(conf, with_pol(f".include {folder}"))
    assert result.rc == REFUSED and f".include {folder}/policy.cnf: ".encode() in result.out, result
    assert b"notes" not in result.out, result


def test_settings_of_another_user(tmp_path):
    """A file of mode 0600, as it is for the user of the program."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can become another")
    with tempfile.TemporaryDirectory() as room:
        os.chmod(room, 0o755)
        conf, policy = Path(room, "openssl.cnf"), Path(room, "policy.cnf")
        conf.write_text(with_pol(f".include {policy}"))
        policy.write_text("mode = enforce\n")
        policy.chmod(0o600)
        for words in (["--lint", conf], ["--self-test", conf]):
            assert config(*words).rc == DONE
            result = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", COMMAND,
                         "config", *words)
            if any(text in result.err for text in ("execute", "setpriv", "cannot run")):
                pytest.skip("another user cannot run the command here")
            assert result.rc == REFUSED and "Permission denied" in result.text, result
            assert "lost" in result.text


@pytest.mark.parametrize("mode, noted", [(0o2775, True), (0o755, False)])
def test_log_that_would_be_lost(mode, noted, tmp_path):
    """A colleague's log in a directory that the group may write is not written to."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can give files away")
    logs, conf = tmp_path / "logs", tmp_path / "openssl.cnf"
    logs.mkdir()
    logs.chmod(mode)
    log = logs / "decisions"
    log.touch()
    os.chown(log, 12345, 12345)
    policy = tmp_path / "policy.cnf"
    policy.write_text(f"decision_log = {log}\n")
    conf.write_text(with_pol(f".include {policy}"))
    for words in (["config", "--lint", conf], ["config", "--self-test", conf],
                  ["--policy", policy, "config", "--self-test"],
                  ["config", "--self-test", conf, "--", "true"]):
        result = run(COMMAND, *words)
        assert result.rc == DONE, result
        assert ("note: decision_log " in result.text and "is not logged" in result.text) == noted, \
            result
        assert log.read_bytes() == b"" or not noted
    log.unlink()
    assert "note:" not in must(config("--lint", conf)).text
    assert not log.exists()


@pytest.mark.parametrize("quote", ['"', "'", "`"])
def test_include_in_quotes(quote, tmp_path):
    """Read as libcrypto does, with other characters in the name or behind it."""
    for name, behind in (("policy.cnf", ""), ("a # b.cnf", " # comment"), ("with space.cnf", "\t")):
        policy, conf = tmp_path / name, tmp_path / "main.cnf"
        policy.write_text("mode = observe\n")
        conf.write_text(f".include {quote}{policy}{quote}{behind}\n.include = {quote}{policy}{quote}\n")
        assert b"mode = observe" in must(run(COMMAND, "--policy", conf, "config", "--print")).out
        result = lint(tmp_path / "openssl.cnf", with_pol(f".include {quote}{policy}{quote}{behind}"))
        assert result.rc == DONE and b"note" not in result.out, result
    result = lint(tmp_path / "openssl.cnf", with_pol(f".include {quote}/nonexistent/x{quote}"))
    assert b": /nonexistent/x is not there" in result.out, result


def test_dev_null(tmp_path, pki, mail):
    """/dev/null as an empty file: the defaults as a policy, and no policy for a program."""
    assert b"mode = enforce" in must(run(COMMAND, "--policy", "/dev/null", "config", "--print")).out
    must(run(COMMAND, "--policy", "/dev/null", "sign", "-signer", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key, "-in", mail))
    assert lint(tmp_path / "openssl.cnf", with_pol(".include /dev/null")).rc == DONE
    for words in (["--lint", "/dev/null"], ["--self-test", "/dev/null"]):
        result = config(*words)
        assert result.rc == REFUSED and "no fault" not in result.text, result


def test_lint_loads_the_module(tmp_path):
    """The module exists but cannot be loaded, or is something else."""
    junk, other = tmp_path / "junk.so", BUILD / "provider" / "libsmimepolicy.so"
    junk.write_text("junk\n")
    for module, said in ((junk, "cannot be loaded"), (other, "is no provider")):
        result = lint(tmp_path / "openssl.cnf", GOOD.replace(str(MODULE), str(module)))
        assert result.rc == REFUSED and f"module {module} {said}" in result.out.decode(), result


def test_lint_unreadable(tmp_path):
    """A missing file leaves programs unguarded: reported, and no success."""
    for path in (tmp_path / "missing", tmp_path):
        result = config("--lint", path)
        assert result.rc == INPUT and result.out == b""
        assert str(path) in result.err and "without the policy" in result.err


# --- the lint of a policy.cnf


def lint_policy(tmp_path, text):
    """Lint settings; the file may have any name."""
    return lint(tmp_path / "settings.cnf", text)


def test_lint_of_good_settings(tmp_path):
    """What is shipped, every setting, an empty file of that name, and an included one."""
    more = tmp_path / "more.cnf"
    more.write_text("weak_key = deny\n")
    examples = {"contacts": "ldap://x"}
    every = "".join(f"{key} = {value or examples.get(key, '/srv/x')}\n" for key, value in printed().items()
                    if key not in ("decision_log", "fetch_from", "hub"))
    for text in (every, "  mode\t= enforce # mine\n", f".include {more}\ntrace = no\n", "[default]\nmode = observe\n"):
        result = lint_policy(tmp_path, text)
        assert result.rc == DONE and b"no fault found in these settings" in result.out, result
    for text in ("", "# mode = observe\n"):
        assert lint(tmp_path / "policy.cnf", text).rc == DONE
        assert lint_policy(tmp_path, text).rc == REFUSED, "it may be an openssl.cnf, which does nothing"
    assert config("--lint", SHIPPED_POLICY).rc == DONE


@pytest.mark.parametrize("text, said", [
    ("trace = no\nmoode = observe\n", "line 2: moode = observe: there is no setting of that name; did you mean mode?"),
    ("colour = red\n", "line 1: colour = red: there is no setting of that name; remove the line"),
    ("\n# mode\nmode = enforced\n", "line 3: mode = enforced: accepted is enforce or observe; correct the value"),
    ("keyring = relative\n", "line 1: keyring = relative: accepted is an absolute path; correct the value"),
    ("mode = observe\ntrace = no\nmode = enforce\n",
     "line 3: mode is set in line 1 already, and the last line counts; remove one of them"),
    ("expired = warn\n", "line 1: expired = warn: the rule 'expired' cannot be changed; remove the line"),
    ("mode = observe\n[ more ]\ntrace = yes\n",
     "line 2: settings stand in no section; remove the line that begins one"),
    (".include {more}\n", "moode = x: there is no setting of that name (in a file that is included); "
                          "did you mean mode?"),
    ("mode = enforce\n.include more.cnf\n", "line 2: .include more.cnf: depends on the directory"),
    ("".join(f"x{i} = 1\n" for i in range(3000)), "what follows was not looked at; mend this first"),
], ids=lambda value: None if "\n" in value else value[:60])
def test_lint_of_settings_finds(text, said, tmp_path):
    """Each fault alone, with its line and the remedy; a file of nonsense is not told to its end."""
    more = tmp_path / "more.cnf"
    more.write_text("moode = x\n")
    result = lint_policy(tmp_path, text.replace("{more}", str(more)))
    lines = result.out.decode().splitlines()
    assert result.rc == REFUSED and said in lines[-1], result
    assert len(lines) == (1 if "x2999" not in text else 21), result


def test_lint_of_settings_finds_every_fault(tmp_path):
    result = lint_policy(tmp_path, "moode = x\nmode = y\n[a]\nb = c\n")
    assert result.rc == REFUSED and len(result.out.splitlines()) == 3, result


def test_lint_tells_the_kinds_apart(tmp_path):
    """With openssl_conf, or with sections and none of our settings, it is an openssl.cnf."""
    for text in (GOOD + "[default]\nmode = observe\n", "mode = observe\n" + GOOD):
        assert b"config --self-test" in lint(tmp_path / "policy.cnf", text).out
    result = lint(tmp_path / "policy.cnf", GOOD.replace("openssl_conf = init", "HOME = ."))
    assert result.rc == REFUSED and b"no openssl_conf" in result.out, result


def test_lint_of_settings_notes_a_log(tmp_path):
    (tmp_path / "log").mkdir()
    result = lint_policy(tmp_path, f"decision_log = {tmp_path}/log\n")
    assert result.rc == DONE and b": note: " in result.out, result


# --- lint and self-test against the truth

MINE, REST = GOOD.split("\n", 1)

# Each of these may leave stock openssl unguarded, with exit code 0 and no message: the content of the file,
# and the lint's message.
TRAPS = {
    "nothing": ("", "no openssl_conf"),
    "lands in the included file's section": (".include {system}\n" + GOOD,
                                             "put [default] before it"),
    "before the include": (f"{MINE}\n.include {{system}}\n{REST}", "is overridden later"),
    "inside a section": (f"[other]\n{GOOD}", "inside another section"),
    "given twice": (f"{GOOD}[default]\nopenssl_conf = other\n[other]\n", "is overridden later"),
    "provider named default": (GOOD.replace("smimepolicy = pol", "default = pol"),
                               "`module` is ignored"),
    "failing section before providers": (GOOD.replace("[init]\n", "[init]\nssl_conf = gone\n"),
                                         "ssl_conf comes before providers"),
    "failing provider before ours": (GOOD.replace("[provs]\n", "[provs]\nlegacy = gone\n"),
                                     "provider legacy: there is no section [gone]"),
    "syntax error": (GOOD + "[broken\n", "syntax error"),
    "variable that is not set": (with_pol("decision_log = $ENV::SP_NOT_SET"), "syntax error"),
    "default is not outranked": (with_default(prefer=False), "provider default is active beside"),
    "lost module beside default": (
        with_default(prefer=True).replace("smimepolicy.so", "gone.so"), "gone.so cannot be read"),
    "broken module beside default": (
        with_default(prefer=True).replace(str(MODULE), "{junk}"), "cannot be loaded"),
}


def unguarded(conf, pki, mail):
    """Does stock sign with an expired certificate, without a message?"""
    result = run(OPENSSL, "cms", "-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key,
                 "-in", mail, conf=conf)
    return result.rc == 0 and result.err == "" and result.out != b""


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name, pki, mail, tmp_path):
    """The lint names the trap; if it is real, the self-test fails."""
    system, conf, junk = (tmp_path / name for name in ("system.cnf", "openssl.cnf", "junk.so"))
    system.write_text(SYSTEM)
    junk.write_text("junk\n")
    text, said = TRAPS[name]
    conf.write_text(text.replace("{system}", str(system)).replace("{junk}", str(junk)))
    real = stock_does(f"goes on without the policy: {name}", unguarded(conf, pki, mail))
    result = config("--lint", conf)
    assert result.rc == REFUSED and said in result.out.decode(), result
    result = config("--self-test", conf)
    assert (result.rc == REFUSED and b"NOT enforced: an expired certificate could sign" in result.out) == real


def test_trap_missing_file(pki, mail, tmp_path):
    """The file that OPENSSL_CONF names is not there."""
    conf = tmp_path / "gone.cnf"
    stock_does("goes on without the policy: a file that is missing", unguarded(conf, pki, mail))
    for option in ("--lint", "--self-test"):
        result = config(option, conf)
        assert result.rc == INPUT and result.out == b"" and "without the policy" in result.err


def test_self_test_of_what_works(pki, mail, tmp_path):
    """The self-test agrees with stock."""
    conf = tmp_path / "openssl.cnf"
    for text in (GOOD, with_default(prefer=True)):
        conf.write_text(text)
        refused(run(OPENSSL, "cms", "-sign", "-signer", pki.expired.pem, "-inkey",
                    pki.expired.key, "-in", mail, conf=conf), "expired")
        result = config("--self-test", conf)
        assert result.rc == DONE and b": enforced: " in result.out, result


def test_self_test_of_a_locked_policy(tmp_path):
    """A bad setting refuses everything: safe, but to be repaired, and the reason is told."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text(with_pol("mode = maybe"))
    result = config("--self-test", conf)
    assert result.rc == REFUSED and b": NOT usable: openssl refuses a good certificate too: " in result.out
    assert b"mode = maybe: accepted is enforce or observe" in result.out, result


def test_self_test_of_a_copy_that_is_stale(pki, tmp_path):
    """Without a contact to the hub a program sends no mail; the self-test says what to do."""
    ring, conf = tmp_path / "ring", tmp_path / "openssl.cnf"
    must(run(COMMAND, "--keyring", ring, "upload", pki.good_rsa.pem))
    conf.write_text(with_pol("hub = service=x", f"keyring = {ring}"))
    result = config("--self-test", conf)
    assert result.rc == REFUSED, result
    assert re.search(rb": NOT usable: openssl refuses a good certificate too: .* \[keyring-stale\] "
                     rb".*; run 'smime-policy sync'", result.out), result


def test_self_test_of_ours(tmp_path):
    """The configuration that the verbs run with; under `observe` nothing is enforced."""
    assert must(config("--self-test")).out.startswith(b"smime-policy: enforced")
    policy = tmp_path / "policy.cnf"
    policy.write_text("mode = observe\n")
    result = run(COMMAND, "--policy", policy, "config", "--self-test")
    assert result.rc == REFUSED and b"NOT enforced" in result.out
    policy.write_text("".join(f"{key} = deny\n" for key in (
        "weak_key", "weak_digest", "weak_cipher", "eku_any", "validity_too_long",
        "expires_soon")))
    assert run(COMMAND, "--policy", policy, "config", "--self-test").rc == DONE


def test_self_test_unreadable(tmp_path):
    """A missing file proves nothing."""
    result = config("--self-test", tmp_path / "missing")
    assert result.rc == INPUT and "without the policy" in result.err
    assert stock("version").rc == 0


# --- the start of a program

SHOW = ("/bin/sh", "-c", 'echo "$OPENSSL_CONF|$1"; cat; echo said >&2; exit 7', "sh")


def start(*args, **kwargs):
    """`smime-policy config --self-test …` with a program behind it."""
    return config("--self-test", *args, **kwargs)


@pytest.fixture
def good(tmp_path):
    """A configuration that enforces."""
    path = tmp_path / "openssl.cnf"
    path.write_text(GOOD)
    return path


def not_started(result, code, said):
    """The program has not run; the reason is on stderr, and the exit code is right."""
    assert result.rc == code and result.out == b"" and said in result.err, result


def test_start_is_the_program(good):
    """The program has its streams, exit code and arguments, and nothing of ours."""
    result = start(good, "--", *SHOW, "$HOME; a b", stdin=b"in\n")
    assert (result.rc, result.err) == (7, "said\n"), result
    assert result.out == f"{good}|$HOME; a b\nin\n".encode()
    result = start("--", *SHOW, "x", conf=good)
    assert result.out == f"{good}|x\n".encode()
    # A named file goes before the inherited one.
    assert start(good, "--", *SHOW, "x", conf="/dev/null").out == f"{good}|x\n".encode()


def test_start_in_another_directory(good):
    """A relative name would be lost when the program changes its directory."""
    for args, conf in (([good.name], None), ([], good.name)):
        result = start(*args, "--", *SHOW, "x", conf=conf, cwd=good.parent)
        assert result.out == f"{good}|x\n".encode(), result


@pytest.mark.parametrize("text", [
    "", GOOD.replace("smimepolicy = pol", "default = pol"), GOOD + "[broken\n",
    with_default(prefer=False), with_pol("mode = observe"), with_pol("mode = maybe"),
    GOOD.replace("smimepolicy.so", "gone.so")],
    ids=["empty", "named default", "syntax error", "not preferred", "observe", "locked",
         "lost module"])
def test_no_start_unguarded(text, good):
    """Without enforcement nothing is started."""
    good.write_text(text)
    said = f"{good}: NOT {'usable' if 'maybe' in text else 'enforced'}: "
    not_started(start(good, "--", *SHOW, "x"), REFUSED, said)
    not_started(start("--", *SHOW, "x", conf=good), REFUSED, said)


def test_no_start_without_the_file(tmp_path):
    """A missing file is what no module can notice."""
    gone = tmp_path / "gone.cnf"
    not_started(start(gone, "--", *SHOW, "x"), INPUT, f"cannot read {gone}")
    not_started(start("--", *SHOW, "x", conf=gone), INPUT, f"cannot read {gone}")
    not_started(start("--", *SHOW, "x"), INPUT, "OPENSSL_CONF is not set")
    not_started(start("--", *SHOW, "x", conf=""), INPUT, "OPENSSL_CONF is not set")
    assert config("--self-test", gone).rc == INPUT


def test_start_of_what_is_not_there(good):
    """The message names the program, and what to write."""
    not_started(start(good, "--", "/nonexistent/mailer"), 5, "cannot run /nonexistent/mailer")
    for args in ([good, "--"], ["--"], [good, "sh"], [good, good, "--", "sh"]):
        not_started(start(*args), 1, "[FILE] [-- PROGRAM")


def test_self_test_in_the_environment_of_the_program(good):
    """If OPENSSL_MODULES decides what is loaded, it does so in the test, too."""
    good.write_text(GOOD.replace(f"module = {MODULE}\n", ""))
    found, lost = {"OPENSSL_MODULES": MODULE.parent}, {"OPENSSL_MODULES": "/nonexistent"}
    assert config("--self-test", good, env=found).rc == DONE
    assert start(good, "--", *SHOW, "x", env=found).rc == 7
    assert config("--self-test", good, env=lost).rc == REFUSED
    not_started(start(good, "--", *SHOW, "x", env=lost), REFUSED, "NOT enforced")


def test_start_of_a_mailer(good, pki, mail, tmp_path):
    """PHP refuses under it, and is not started at all where it would not."""
    out = tmp_path / "out"
    argv = (PHP, "-n", REPO / "integration" / "programs" / "smime.php", "pkcs7", "sign", mail, out,
            pki.expired.pem, pki.expired.key)
    refused(start(good, "--", *argv), "expired")
    good.write_text(GOOD.replace("smimepolicy.so", "gone.so"))
    not_started(start(good, "--", *argv), REFUSED, "NOT enforced")
    good.unlink()
    not_started(start(good, "--", *argv), INPUT, "without the policy")
    assert not out.exists() or out.read_bytes() == b""


# The keyring of the settings.

def test_lint_and_self_test_find_a_keyring_that_cannot_be_used(tmp_path):
    conf = write_conf(tmp_path / "openssl.cnf", {"keyring": tmp_path / "absent"})
    for option in ("--lint", "--self-test"):
        result = run(COMMAND, "config", option, conf)
        assert result.rc == 3 and f"there is no keyring in {tmp_path}/absent" in result.text, result


def test_lint_finds_trust_in_a_keyring_that_is_not_named(tmp_path):
    conf = write_conf(tmp_path / "openssl.cnf", {"trust": "keyring"})
    result = run(COMMAND, "config", "--lint", conf)
    assert result.rc == 3 and "trust = keyring without a keyring" in result.text, result
