# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Without /proc, /dev, a place for temporary files or descriptors: it works, or it fails closed."""

import os

import pytest

from faults import DONE, INPUT, REFUSED, SYSTEM
from harness import COMMAND, MODULE, OPENSSL, REPORTS, must, refused, run, stock, write_conf

NAMES = [("sign",), ("cms", "-sign"), ("smime", "-sign")]
MASK = 'mount -t tmpfs none "$1" && shift && exec "$@"'


def masked(path, *argv, **kwargs):
    """Run it with an empty directory in place of |path|, in its own mount namespace."""
    return run("/usr/bin/unshare", "-m", "/bin/sh", "-c", MASK, "sh", path, *argv, **kwargs)


@pytest.fixture(scope="module", autouse=True)
def needs_namespaces():
    """Skip with a reason instead of failing."""
    result = masked("/proc", "/bin/true")
    if result.rc != 0:
        pytest.skip(f"no mount namespace can be made here: {result.err.strip()}")


def signing(cert, mail, out):
    return ["-signer", cert.pem, "-inkey", cert.key, "-in", mail, "-out", out]


def fails_closed(result, out, *texts):
    """Check that it failed with one line of ours that gives the reason, and without output."""
    assert result.rc != DONE and result.out == b"" and not out.exists(), result
    said = [line for line in result.err.splitlines() if not line.startswith("warning: ")]
    assert len(said) == 1 and all(text in said[0] for text in texts), result


@pytest.fixture
def policy(tmp_path):
    """Settings that are lost with the configuration."""
    path = tmp_path / "policy.cnf"
    path.write_text("trust = keyring\nunverified_signers = refuse\n")
    return path


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_no_proc(name, pki, mail, post, policy, tmp_path):
    """Without its configuration openssl would go on."""
    out = tmp_path / "out"
    for cert in (pki.good_rsa, pki.expired):
        result = masked("/proc", COMMAND, "--policy", policy, *name, *signing(cert, mail, out))
        if cert is pki.expired:
            assert result.rc == REFUSED and not out.exists()
        else:
            fails_closed(result, out, "/proc/self/fd/", "mount /proc")
    words = [("-verify" if word == "-sign" else "verify" if word == "sign" else word)
             for word in name]
    for more in ([], ["-noverify"] if len(words) > 1 else []):
        result = masked("/proc", COMMAND, "--policy", policy, *words, "-in",
                        post.signed("good_rsa"), "-CAfile", pki.ca, "-out", out, *more)
        fails_closed(result, out, "mount /proc")


def test_no_proc_for_the_rest(pki, tmp_path):
    """Commands without openssl need no /proc; the self-test reports that it does."""
    for words in (["check", pki.good_rsa.pem], ["config"], ["config", "--print"]):
        assert masked("/proc", COMMAND, *words).rc == DONE, words
    fails_closed(masked("/proc", COMMAND, "config", "--self-test"), tmp_path / "out", "mount /proc")


def test_no_proc_and_its_own_name(pki, mail, tmp_path):
    """Under the name openssl other commands are stock's, and our command never runs itself."""
    link = tmp_path / "openssl"
    link.symlink_to(COMMAND)
    assert b"OpenSSL" in must(masked("/proc", link, "version")).out
    env = {"SMIME_POLICY_OPENSSL": link}
    for words in (["version"], ["cms", *signing(pki.good_rsa, mail, tmp_path / "out")]):
        fails_closed(masked("/proc", link, *words, env=env), tmp_path / "out",
                     "is this command itself")


def lost(tmp_path, how):
    """An openssl whose configuration does not arrive."""
    path = tmp_path / "lost"
    path.write_text(f'#!/bin/sh\n{how} exec {OPENSSL} "$@"\n')
    path.chmod(0o755)
    return {"SMIME_POLICY_OPENSSL": path}


LOST = ["OPENSSL_CONF=/nonexistent", "OPENSSL_CONF=/dev/null", "unset OPENSSL_CONF;"]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_settings_that_do_not_arrive(name, how, pki, mail, tmp_path):
    """The module knows which settings to expect and locks: a good certificate is refused, too."""
    out = tmp_path / "out"
    result = run(COMMAND, *name, *signing(pki.good_rsa, mail, out), env=lost(tmp_path, how))
    assert result.rc != DONE and result.out == b"" and not out.exists(), result
    assert "S/MIME policy is locked" in result.err and "did not arrive" in result.err, result


@pytest.mark.parametrize("how", LOST)
def test_settings_of_a_verification_that_do_not_arrive(how, pki, post, policy, tmp_path):
    """trust = keyring and unverified_signers = refuse were lost, with exit code 0."""
    out, ring = tmp_path / "out", tmp_path / "ring"
    # What the verb knows by itself is not refused before stock runs.
    must(run(COMMAND, "--keyring", ring, "upload", pki.ca))
    for name in (["verify", "--keyring", ring], ["cms", "-verify"], ["smime", "-verify"], ["cms", "-verify", "-noverify"]):
        result = run(COMMAND, "--policy", policy, *name, "-in", post.signed("good_rsa"), "-CAfile",
                     pki.ca, "-out", out, env=lost(tmp_path, how))
        assert result.rc != DONE and result.out == b"" and not out.exists(), result
        assert "S/MIME policy is locked" in result.err, result


def test_other_settings_than_promised(pki, mail, tmp_path):
    """The same for a configuration of the same module with other settings."""
    other = write_conf(tmp_path / "other.cnf", {"mode": "observe"})
    out = tmp_path / "out"
    for cert in (pki.good_rsa, pki.expired):
        result = run(COMMAND, "cms", "-sign", *signing(cert, mail, out),
                     env=lost(tmp_path, f"OPENSSL_CONF={other}"))
        assert result.rc != DONE and result.out == b"" and not out.exists(), result


def test_a_promise_can_only_lock(pki, mail, conf, tmp_path):
    """If somebody else sets the variable, no value of it unlocks anything."""
    text = must(run(COMMAND, "config", "--print")).out.decode()
    kept = "".join(f"{line.replace(' = ', '=')}\n" if line[0] != "#" else f"{line.split()[1]}\n"
                   for line in text.splitlines())
    bad = write_conf(tmp_path / "bad.cnf", {"mode": "enforced"})
    for value in (kept, "", "mode=observe", "x" * 5000):
        env = {"SMIME_POLICY_EXPECT": value}
        good = run(OPENSSL, "cms", "-sign", *signing(pki.good_rsa, mail, tmp_path / "good"),
                   conf=conf, env=env)
        assert (good.rc == DONE) == (value == kept), (value, good)
        assert value == kept or "SMIME_POLICY_EXPECT is set by mistake" in good.err
        assert run(OPENSSL, "cms", "-sign", *signing(pki.expired, mail, tmp_path / "expired"),
                   conf=conf, env=env).rc != DONE
        assert run(OPENSSL, "cms", "-sign", *signing(pki.good_rsa, mail, tmp_path / "locked"),
                   conf=bad, env=env).rc != DONE


def test_the_promise_is_not_left_behind(pki, mail, conf, tmp_path):
    """The command sets the variable for stock alone: not for itself, nor for a program it becomes."""
    show = ["/bin/sh", "-c", "env"]
    result = must(run(COMMAND, "config", "--self-test", conf, "--", *show))
    assert b"SMIME_POLICY_EXPECT" not in result.out
    link = tmp_path / "openssl"
    link.symlink_to(COMMAND)
    seen = tmp_path / "seen"
    seen.write_text("#!/bin/sh\nenv\n")
    seen.chmod(0o755)
    result = must(run(link, "version", env={"SMIME_POLICY_OPENSSL": seen}))
    assert b"SMIME_POLICY_EXPECT" not in result.out
    # If the variable is set already, no program is started, as it would refuse everything.
    result = run(COMMAND, "config", "--self-test", conf, "--", *show,
                 env={"SMIME_POLICY_EXPECT": "x"})
    assert result.rc == REFUSED and result.out == b"" and "NOT usable" in result.err
    assert "whether SMIME_POLICY_EXPECT is set by mistake" in result.err


def test_another_library_context(pki, mail, conf, tmp_path):
    """With OPENSSL_TEST_LIBCTX stock works in a context without configuration."""
    env = {"OPENSSL_TEST_LIBCTX": "1"}
    for words in (["-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key],
                  ["-encrypt", pki.expired.pem]):
        for api in ("cms", "smime"):
            result = run(OPENSSL, api, words[0], "-in", mail, "-out", tmp_path / "out", *words[1:],
                         conf=conf, env=env)
            assert "OPENSSL_TEST_LIBCTX is set" in result.err, result
            # Stock may leave the beginning of a message.
            assert stock(api, "-verify", "-noverify", "-in", tmp_path / "out").rc != DONE
            assert stock(api, "-decrypt", "-in", tmp_path / "out", "-inkey",
                         pki.expired.key).rc != DONE
    # The command does not pass the variable on, so nothing has to be refused.
    result = run(COMMAND, "cms", "-sign", *signing(pki.good_rsa, mail, tmp_path / "good"), env=env)
    assert result.rc == DONE and (tmp_path / "good").exists(), result
    result = run(COMMAND, "cms", "-sign", "-signer", "/dev/stdin", "-inkey", pki.expired.key, "-in",
                 mail, stdin=pki.expired.pem.read_bytes(), env=env)
    assert refused(result, "expired").out == b""


def test_passphrase_in_any_variable(pki, mail, tmp_path):
    """The passphrase goes to stock under another name, as the caller's name may have a meaning."""
    locked = tmp_path / "locked.key"
    must(stock("pkey", "-in", pki.good_rsa.key, "-aes128", "-passout", "pass:1", "-out", locked))
    seen = tmp_path / "openssl"
    seen.write_text(f'#!/bin/sh\nenv >{tmp_path}/env\nexec {OPENSSL} "$@"\n')
    seen.chmod(0o755)
    for variable in ("WORDS", "OPENSSL_TEST_LIBCTX", "OPENSSL_MODULES", "LD_PRELOAD_X"):
        for name in NAMES:
            words = ["-signer", pki.good_rsa.pem, "-inkey", locked, "-in", mail]
            result = run(COMMAND, *name, *words, "-passin", f"env:{variable}",
                         env={variable: "1", "SMIME_POLICY_OPENSSL": seen})
            assert result.rc == DONE and result.out, result
            text = (tmp_path / "env").read_text()
            assert f"{variable}=" not in text and "SMIME_POLICY_PASSIN=1\n" in text
        assert run(COMMAND, "sign", *words, "-passin", f"env:{variable}").rc == INPUT


ALLOWED = {"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES"}
OURS = {"OPENSSL_CONF", "SMIME_POLICY_EXPECT"}


def test_environment_is_an_allow_list(pki, mail, tmp_path):
    """Every variable that libcrypto and the loader know, and unknown ones."""
    seen = tmp_path / "openssl"
    # Variables that the shell itself sets are not counted.
    seen.write_text("#!/bin/sh\n" + REPORTS + "cat >/dev/null\ncat /proc/$$/environ\n")
    seen.chmod(0o755)
    known = ["OPENSSL_TEST_LIBCTX", "OPENSSL_MODULES", "OPENSSL_ENGINES", "OPENSSL_CONF_INCLUDE",
             "OPENSSL_TRACE", "OPENSSL_ia32cap", "OPENSSL_MALLOC_FAILURES", "OPENSSL_FIPS",
             "OPENSSL_SOMETHING_NEW", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "RANDFILE",
             "CTLOG_FILE", "LD_BIND_NOW", "LD_DEBUG_X", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH",
             "NLSPATH", "MALLOC_CHECK_", "HTTP_PROXY", "SMIME_POLICY_KEYRING_X",
             "SMIME_POLICY_PASSIN", "SMIME_POLICY_EXPECT", "PATHS", "HOMEX", "OTHER"]
    env = dict.fromkeys(known, "") | dict.fromkeys(ALLOWED, "C") | {
        "PATH": os.defpath, "HOME": "/nonexistent", "TMPDIR": "/tmp", "SMIME_POLICY_OPENSSL": seen}
    for name in NAMES:
        out = must(run(COMMAND, *name, *signing(pki.good_rsa, mail, "-"), env=env)).out
        names = {entry.split(b"=")[0].decode() for entry in out.split(b"\0") if entry}
        assert names == ALLOWED | OURS, names


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_no_dev(name, pki, mail, tmp_path):
    """/dev/fd, /dev/shm and /dev/null are not needed, unless a stream is closed."""
    out = tmp_path / "out"
    assert masked("/dev", COMMAND, *name, *signing(pki.good_rsa, mail, out)).rc == DONE
    out.unlink()
    fails_closed(masked("/dev", "/bin/sh", "-c", 'exec "$@" <&-', "sh", COMMAND, *name,
                        *signing(pki.good_rsa, mail, out)), out, "cannot open /dev/null")
    fails_closed(masked("/dev", COMMAND, "config", "--self-test"), out, "cannot open /dev/null")


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_no_place_for_temporary_files(name, pki, mail, post, tmp_path):
    """Output is stored until the decision; without a place for it nothing is done."""
    env, none = {"TMPDIR": tmp_path / "none"}, tmp_path / "out"
    words = ["-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail]
    fails_closed(run(COMMAND, *name, *words, env=env), none, f"in {tmp_path}/none", "set TMPDIR")
    assert run(COMMAND, *name, *words, "-out", none, env=env).rc == DONE
    none.unlink()
    fails_closed(run(COMMAND, "verify", "-in", post.signed("good_rsa"), "-CAfile", pki.ca, env=env),
                 none, f"in {tmp_path}/none")


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_full_place_for_temporary_files(name, pki, post, tmp_path):
    """A disk of one page."""
    full = 'mount -t tmpfs -o size=4k none "$1" && shift && exec "$@"'
    large = tmp_path / "large"
    large.write_bytes(b"Subject: x\r\n\r\n" + b"y" * 70 * 1000)
    result = run("/usr/bin/unshare", "-m", "/bin/sh", "-c", full, "sh", "/mnt", COMMAND, *name,
                 "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", large,
                 env={"TMPDIR": "/mnt"})
    assert result.rc == SYSTEM and result.out == b"" and "No space left" in result.err, result


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_few_descriptors(name, pki, mail, tmp_path):
    """With any number of descriptors an expired certificate never signs; a good one signs, or the reason is
    printed."""
    limit = 'ulimit -n "$1" && shift && exec "$@"'
    done = 0
    for count in range(3, 24):
        out = tmp_path / f"out{count}"
        start = ["/bin/sh", "-c", limit, "sh", count, COMMAND, *name]
        result = run(*start, *signing(pki.good_rsa, mail, out))
        done += result.rc == DONE
        assert (result.rc == DONE) == out.exists(), (count, result)
        assert result.rc == DONE or result.err, (count, result)
        # The certificate comes through a pipe, so that the module has to refuse it.
        for how in (["-signer", pki.expired.pem], ["-signer", "/dev/stdin"]):
            result = run(*start, *how, "-inkey", pki.expired.key, "-in", mail, "-out", out.name,
                         stdin=pki.expired.pem.read_bytes(), cwd=tmp_path / "..")
            assert result.rc != DONE and not (tmp_path.parent / out.name).exists(), (count, result)
    assert done > 0


def test_module_without_proc(pki, mail, conf, tmp_path):
    """With the configuration alone the rules do not need /proc."""
    for path in ("/proc", "/dev"):
        out = tmp_path / "out"
        must(masked(path, OPENSSL, "cms", "-sign", *signing(pki.good_rsa, mail, out), conf=conf))
        refused(masked(path, OPENSSL, "cms", "-sign", *signing(pki.expired, mail, out), conf=conf),
                "expired")
    assert MODULE.exists()
