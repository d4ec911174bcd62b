# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The stock names: what callers of `openssl cms` and `openssl smime` rely on."""

import contextlib
import functools
import os
import re
import signal
import subprocess

import pytest

import programs
from harness import (COMMAND, OPENSSL, PATIENCE, REPORTS, environment, must, refused, run, stock,
                     stock_does)

DONE, USAGE, INPUT, REFUSED, CRYPTO, SYSTEM = range(6)
BODY = b"the quick brown fox."
APIS = pytest.mark.parametrize("api", ["cms", "smime"])


def command(*args, **kwargs):
    """Our command."""
    return run(COMMAND, *args, **kwargs)


@pytest.fixture(scope="module")
def link(tmp_path_factory):
    """Our command under the name openssl."""
    path = tmp_path_factory.mktemp("link") / "openssl"
    path.symlink_to(COMMAND)
    return path


# --- the name


@pytest.mark.parametrize("words", [["version"], ["list", "-commands"], ["verify", "-help"], [],
                                   ["help"], ["dgst", "-sha256"], ["-help"], ["nonsense"],
                                   ["x509", "-in", "/nonexistent"], ["cmsx"]])
def test_everything_else_is_of_stock(words, link):
    """RT asks for `list -commands` and `verify -help`; our command must not show."""
    ours = run(link, *words, stdin=b"text\n", conf="/dev/null")
    theirs = stock(*words, stdin=b"text\n")
    def plain(result):
        return result.rc, result.out, re.sub(r"^[0-9A-F]{12,}:", "", result.err, flags=re.M)
    assert plain(ours) == plain(theirs)


def test_takes_the_place_of_the_process(link, tmp_path):
    """Same process, descriptors and environment: signals and waits are stock's."""
    seen = tmp_path / "real"
    seen.write_text('#!/bin/sh\necho $$ "$OPENSSL_CONF" "$LD_X" "$@"\nkill -TERM $$\n')
    seen.chmod(0o755)
    with subprocess.Popen([link, "dgst", "-x"], stdout=subprocess.PIPE, env=environment(
            SMIME_POLICY_OPENSSL=seen, OPENSSL_CONF="/c", LD_X="y")) as process:
        out, _ = process.communicate(timeout=PATIENCE)
    assert out.decode().split() == [str(process.pid), "/c", "y", "dgst", "-x"]
    assert process.returncode == -15


@APIS
def test_mail_is_under_policy(api, link, pki, mail):
    result = run(link, api, "-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key,
                 stdin=mail.read_bytes())
    assert result.rc == REFUSED and result.out == b"" and "[expired]" in result.err
    result = run(link, api, "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                 stdin=mail.read_bytes())
    assert result.rc == DONE and result.err == "" and BODY in result.out


def test_never_itself(link):
    for words in (["version"], ["cms", "-help"]):
        result = run(link, *words, env={"SMIME_POLICY_OPENSSL": link})
        assert result.rc == SYSTEM and "is this command itself" in result.err


# --- contracts of the callers


@APIS
def test_a_refusal_leaves_stdout_empty(api, pki, mail, post):
    refusals = [
        ["-sign", "-signer", pki.no_san.pem, "-inkey", pki.no_san.key, "-in", mail],
        ["-encrypt", "-aes256", "-in", mail, pki.expired.pem],
        ["-encrypt", "-aes256", "-in", mail, pki.good_rsa.pem, pki.no_ku.pem],
        ["-verify", "-in", post.signed("good_rsa")],
        ["-verify", "-in", post.signed("good_rsa"), "-CAfile", pki.foreign_root.pem],
        ["-verify", "-in", post.signed("no_san"), "-CAfile", pki.ca],
    ]
    for words in refusals:
        result = command(api, *words)
        assert result.rc != 0 and result.out == b"" and "refused: " in result.err, result


@APIS
def test_success_adds_nothing_to_stderr(api, pki, mail, post, tmp_path):
    cases = [
        (["-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail], ""),
        (["-encrypt", "-aes256", "-in", mail, pki.good_rsa.pem], ""),
        (["-decrypt", "-in", post.encrypted("good_rsa"), "-recip", pki.good_rsa.pem, "-inkey",
          pki.good_rsa.key], ""),
        (["-decrypt", "-in", post.encrypted("expired"), "-recip", pki.expired.pem, "-inkey",
          pki.expired.key], ""),
        (["-verify", "-in", post.signed("good_rsa"), "-CAfile", pki.ca],
         {"cms": "CMS Verification successful\n", "smime": "Verification successful\n"}[api]),
    ]
    for words, err in cases:
        result = command(api, *words)
        assert (result.rc, result.err) == (DONE, err), result
        assert result.out
    signer = tmp_path / "signer.pem"
    must(command(api, "-verify", "-in", post.signed("good_rsa"), "-CAfile", pki.ca, "-signer",
                 signer, "-out", "/dev/null"))
    assert b"BEGIN CERTIFICATE" in signer.read_bytes()


@pytest.mark.parametrize("pipes", [signal.SIG_DFL, signal.SIG_IGN])
def test_nobody_wants_the_content(pipes, pki, post):
    """mutt closes the pipe at once, and reads the answer from stderr and the exit code."""
    def outcome(program, *words):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([program, "smime", "-verify", *words], stdout=writing, check=False,
                              stderr=subprocess.PIPE, env=environment("/dev/null"), timeout=PATIENCE,
                              preexec_fn=lambda: signal.signal(signal.SIGPIPE, pipes))
        os.close(writing)
        return done.returncode, done.stderr

    words = ["-in", post.signed("good_rsa"), "-CAfile", pki.ca]
    assert outcome(COMMAND, *words) == outcome(OPENSSL, *words) == (0, b"Verification successful\n")
    code, said = outcome(COMMAND, "-in", post.signed("no_san"), "-CAfile", pki.ca)
    assert code == CRYPTO and b"[signer-certificate]" in said and b"successful" not in said


@pytest.mark.parametrize("fault", ["module missing", "module broken"])
@APIS
def test_without_the_module_nothing_is_a_success(api, fault, pki, mail, post, tmp_path):
    """`smime` exits with 0 if it cannot load the module; a caller would take that for a verification."""
    ours = programs.Bin(tmp_path, fault=fault).path / "smime-policy"
    out = tmp_path / "out"
    out.write_bytes(b"before")
    for words in (["-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail],
                  ["-encrypt", "-aes256", "-in", mail, pki.good_rsa.pem],
                  ["-decrypt", "-in", post.encrypted("good_rsa"), "-recip", pki.good_rsa.pem,
                   "-inkey", pki.good_rsa.key],
                  ["-verify", "-in", post.signed("good_rsa"), "-CAfile", pki.ca],
                  ["-verify", "-noverify", "-in", post.signed("good_rsa")]):
        for more in ([], ["-out", out]):
            result = run(ours, api, words[0], *more, *words[1:])
            assert result.rc == USAGE and result.out == b"" and "successful" not in result.err, result
            assert "unable to load provider smimepolicy" in result.err
            assert out.read_bytes() == b"before"


def test_codes_that_emacs_maps(pki, mail, post, tmp_path):
    """smime.el knows 0 to 4 and gives up on any other."""
    broken = tmp_path / "broken"
    broken.write_bytes(post.signed("good_rsa").read_bytes().replace(b"quick", b"slow"))
    cases = [
        (["-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail], 0),
        (["-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key, "-in", mail], 3),
        (["-verify", "-in", "/nonexistent", "-CAfile", pki.ca], 2),
        (["-sign", "-signer", "/nonexistent", "-in", mail], 3),
        (["-verify", "-in", broken, "-CAfile", pki.ca], 4),
        (["-decrypt", "-in", post.encrypted("good_rsa"), "-recip", pki.good_p256.pem, "-inkey",
          pki.good_p256.key], 4),
    ]
    for words, code in cases:
        result = command("smime", *words)
        assert result.rc == code, result
        if "[" not in result.err:
            assert stock("smime", *words).rc == code


@APIS
def test_stdin_is_left_to_stock(api, pki, mail, post, tmp_path):
    key = tmp_path / "locked.key"
    must(stock("pkey", "-in", pki.good_rsa.key, "-aes256", "-passout", "pass:secret", "-out", key))
    for source in ("stdin", "fd:0"):
        result = command(api, "-sign", "-signer", pki.good_rsa.pem, "-inkey", key, "-passin",
                         source, "-in", mail, stdin=b"secret\n")
        assert result.rc == DONE and BODY in result.out, result
        result = command(api, "-decrypt", "-recip", pki.good_rsa.pem, "-inkey", key, "-passin",
                         source, "-in", post.encrypted("good_rsa"), stdin=b"secret\n")
        assert result.rc == DONE and BODY in result.out, result
    result = command(api, "-verify", "-CAfile", pki.ca, stdin=post.signed("good_rsa").read_bytes())
    assert result.rc == DONE and BODY in result.out
    result = command(api, "-decrypt", "-inkey", pki.good_rsa.key,
                     stdin=post.encrypted("good_rsa").read_bytes())
    assert result.rc == DONE and BODY in result.out


# --- extraction


@APIS
def test_extraction_is_no_verification(api, pki, post, tmp_path):
    """mutt, RT and Emacs show a stranger's mail in this way; what they are told."""
    signer = tmp_path / "signer.pem"
    words = [api, "-verify", "-noverify", "-in", post.signed("no_san"), "-signer", signer]
    theirs = stock(*words)
    ours = command(*words)
    assert ours.rc == theirs.rc == 0 and ours.out == theirs.out
    assert BODY in ours.out and "successful" in theirs.err
    assert re.fullmatch(r"Unverified: .*\n", ours.err), ours
    assert must(stock("x509", "-in", signer, "-noout", "-subject")).out
    # A wrong signature is still a failure.
    broken = tmp_path / "broken"
    broken.write_bytes(post.signed("no_san").read_bytes().replace(b"quick", b"slow"))
    ours = command(api, "-verify", "-noverify", "-in", broken)
    assert ours.rc == CRYPTO and ours.out == b"" and "Unverified" not in ours.err, ours
    if api == "smime":
        words = ["smime", "-pk7out", "-in", post.signed("no_san")]
        assert must(command(*words)).out == must(stock(*words)).out


@APIS
def test_the_signer_goes_into_the_file_that_is_open(api, pki, post, tmp_path):
    """mutt makes the file for the signer's certificate, and reads it through its open descriptor."""
    path = tmp_path / "signer.pem"
    with path.open("w+b") as mine:
        path.chmod(0o600)
        refused(command(api, "-verify", "-in", post.signed("no_san"), "-CAfile", pki.ca, "-signer", path,
                        "-out", "/dev/null"), "signer-certificate")
        assert mine.read() == b""
        must(command(api, "-verify", "-noverify", "-in", post.signed("no_san"), "-signer", path,
                     "-out", "/dev/null"))
        mine.seek(0)
        assert b"BEGIN CERTIFICATE" in mine.read() and path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["signer.pem"]


@APIS
def test_extraction_can_be_refused(api, post, tmp_path):
    policy = tmp_path / "policy.cnf"
    policy.write_text("unverified_signers = refuse\n")
    result = command("--policy", policy, api, "-verify", "-noverify", "-in", post.signed("good_rsa"))
    assert result.rc != 0 and result.out == b"" and "smimepolicy" in result.err, result
    assert "Unverified" not in result.err


def test_the_verb_does_not_extract(post):
    result = command("verify", "-noverify", "-in", post.signed("good_rsa"))
    assert result.rc == REFUSED and "-noverify would switch a check off" in result.err


def test_lines_of_stock_that_only_look_alike(post, tmp_path):
    """Every other line is passed on unchanged, in whatever pieces it comes."""
    fake = tmp_path / "openssl"
    fake.write_text("#!/bin/sh\n(printf 'Verif'; printf 'ication successfully\\nVeri\\n"
                    "CMS Verification suc'; printf 'cessful\\nx Verification successful\\n"
                    "Verification successful') >&2\n")
    fake.chmod(0o755)
    result = command("cms", "-verify", "-noverify", "-in", post.signed("good_rsa"),
                     env={"SMIME_POLICY_OPENSSL": fake})
    assert re.fullmatch("Verification successfully\nVeri\nUnverified: .*\n"
                        "x Verification successful\nVerification successful", result.err), result


# --- what would switch the policy off


SWITCHES = ["-nosigs", "-no_check_time", "-purpose=any", "-verify_name=ssl_server",
            "-provider=default", "-provider-path=/", "-propquery=provider=default", "-engine=x",
            "-config=/dev/null", "-keyform=ENGINE", "-inkey=org.openssl.engine:x:y"]


@pytest.mark.parametrize("option", SWITCHES + ["-no_attr_verify", "-no_content_verify", "-nochain",
                                               "-no_signer_cert_verify", "--nosigs",
                                               "--purpose=any", "-provparam=x=y"])
@pytest.mark.parametrize("words", [["verify"], ["cms", "-verify"], ["smime", "-verify"]])
def test_refused_by_name(words, option, pki, post, tmp_path):
    api = words[0].replace("verify", "cms")
    name = option.split("=")[0].lstrip("-")
    if f" -{name} " not in stock(api, "-help").text:
        pytest.skip(f"openssl {api} has no -{name}")
    out = tmp_path / "out"
    result = command(*words, option, "-in", post.signed("good_rsa"), "-CAfile", pki.ca, "-out", out)
    assert result.rc == REFUSED and result.out == b"" and not out.exists(), result
    assert re.fullmatch(rf"refused: \S+: -{name} would [^;]+; .+\n", result.err), result


# Options that make a verification stricter, choose among provided anchors, or only print.
ALLOWED = """policy verify_depth auth_level attime verify_hostname verify_email verify_ip issuer_checks
crl_check crl_check_all policy_check explicit_policy inhibit_any inhibit_map x509_strict extended_crl
use_deltas policy_print check_ss_sig trusted_first suiteB_128_only suiteB_128 suiteB_192 partial_chain
no_alt_chains""".split()


@APIS
def test_options_on_verification_are_an_allow_list(api, post, pki):
    """Every other option of the installed openssl is refused by name, in both modes."""
    section = stock(api, "-help").text.split("Validation options:\n")[1]
    offered = re.findall(r"^ -(\w+)( \w+)? ", section.split("\n\n")[0], re.MULTILINE)
    assert len(offered) >= 30
    for name, value in offered:
        words = [f"-{name}", *(["1"] if value.strip() else [])]
        for how in ([api, "-verify"], ["verify"]):
            result = command(*how, *words, "-in", post.signed("good_rsa"), "-CAfile", pki.ca)
            is_refused = f"refused: verify: -{name} would" in result.err
            assert is_refused == (name not in ALLOWED), (name, result)
            assert not is_refused or (result.rc == REFUSED and result.out == b"")


@pytest.mark.parametrize("words", [["-pwri_password", "x"],
                                   ["-secretkey", "00" * 16, "-secretkeyid", "00"]])
@pytest.mark.parametrize("how", [["encrypt"], ["cms", "-encrypt"]])
def test_no_recipient_without_a_certificate(how, words, pki, mail):
    for more in ([], [pki.good_rsa.pem]):
        result = command(*how, "-in", mail, *words, *more)
        assert result.rc == REFUSED and result.out == b"" and "[certificate-required]" in result.err


def test_no_shared_key(mail):
    words = ["-in", mail, "-secretkey", "00" * 16]
    for how in (["cms", "-EncryptedData_encrypt"], ["encrypt", "-EncryptedData_encrypt"]):
        result = command(*how, *words)
        assert result.rc == REFUSED and "[certificate-required]" in result.err, result


# --- spellings


SPELLINGS = [
    ["-outform", "DER", "-nodetach"], ["--outform", "PEM"], ["-outform=DER"], ["-outform", "DEM"],
    ["-md", "SHA256"], ["--md=sha512"], ["-binary", "-binary"], ["-outform", "x"], ["-md", "x"],
    ["-outf", "DER"], ["-bin"], ["-OUTFORM", "DER"], ["-outform"], ["-nonsense"], ["-"],
]


@pytest.mark.parametrize("words", SPELLINGS)
@APIS
def test_spelled_as_stock_takes_it(api, words, pki, mail):
    """Abbreviations, long forms, capitals: refused or accepted as by stock."""
    base = [api, "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in", mail,
            "-noattr"]
    theirs, ours = stock(*base, *words), command(*base, *words)
    assert (theirs.out == b"") == (ours.out == b""), (theirs, ours)
    # We refuse an unknown option ourselves; `smime` exits with 0 for one.
    assert theirs.rc == ours.rc or "smime-policy: " in ours.err and ours.rc == USAGE


def test_the_last_operation_counts(pki, mail):
    words = ["cms", "-encrypt", "-aes256", "-sign", "-signer", pki.good_rsa.pem, "-inkey",
             pki.good_rsa.key, "-in", mail]
    assert b"multipart/signed" in must(command(*words)).out
    words = ["cms", "-sign", "-encrypt", "-aes256", "-in", mail, pki.expired.pem]
    assert command(*words).rc == REFUSED


def test_files_by_uri(pki, mail):
    for uri in (f"file:{pki.good_rsa.pem}", f"file://{pki.good_rsa.pem}"):
        words = ["cms", "-sign", "-signer", uri, "-inkey", pki.good_rsa.key, "-in", mail]
        assert command(*words).rc == stock(*words).rc
    words = ["cms", "-sign", "-signer", f"file:{pki.expired.pem}", "-inkey", pki.expired.key,
             "-in", mail]
    assert command(*words).rc == REFUSED


# --- environment


def test_environment_of_stock(pki, mail, tmp_path):
    """Variables that load other code or trust other anchors are not passed on."""
    seen = tmp_path / "openssl"
    seen.write_text("#!/bin/sh\n" + REPORTS + "cat >/dev/null\nenv\n")
    seen.chmod(0o755)
    dropped = ["SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_MODULES", "OPENSSL_ENGINES",
               "OPENSSL_CONF_INCLUDE", "LD_AUDIT_X", "LD_BIND_NOT", "GCONV_PATH"]
    env = {name: "/x" for name in dropped} | {"SMIME_POLICY_OPENSSL": seen, "LANG": "C",
                                              "OPENSSL_CONF": "/x"}
    for words in (["cms", "-sign"], ["sign"]):
        result = command(*words, "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-in",
                         mail, env=env)
        assert result.rc == DONE, result
        text = result.out.decode()
        assert "=/x" not in text and "LANG=C" in text
        assert "OPENSSL_CONF=/proc/self/fd/" in text


def test_system_roots_trust_nobody(pki, post):
    """SSL_CERT_FILE names a system's roots; it provides no anchor."""
    env = {"SSL_CERT_FILE": pki.ca, "SSL_CERT_DIR": os.path.dirname(pki.ca)}
    theirs = run(OPENSSL, "cms", "-verify", "-in", post.signed("good_rsa"), conf="/dev/null",
                 env=env)
    assert theirs.rc == 0
    for words in (["verify"], ["cms", "-verify"], ["smime", "-verify"]):
        result = command(*words, "-in", post.signed("good_rsa"), env=env)
        assert result.rc != 0 and result.out == b"" and "[distrust-default]" in result.err, result


# --- pipelines


def pipeline(first, second, stdin):
    """Two programs, joined as a shell joins them."""
    with subprocess.Popen([str(w) for w in first], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment("/dev/null")) as one, \
         subprocess.Popen([str(w) for w in second], stdin=one.stdout, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment("/dev/null")) as two:
        one.stdout.close()
        # A refused program does not read its input.
        with contextlib.suppress(BrokenPipeError):
            one.stdin.write(stdin)
        with contextlib.suppress(BrokenPipeError):
            one.stdin.close()
        out, err = two.communicate(timeout=PATIENCE)
        said = one.stderr.read()
    return one.returncode, two.returncode, out, said.decode(), err.decode()


@APIS
def test_sign_then_encrypt(api, pki, mail):
    sign = [COMMAND, api, "-sign", "-signer", pki.good_rsa.pem, "-inkey", pki.good_rsa.key, "-text"]
    seal = [COMMAND, api, "-encrypt", "-aes256", "-to", "bob@example.com", pki.good_rsa.pem]
    one, two, out, _, _ = pipeline(sign, seal, mail.read_bytes())
    assert (one, two) == (0, 0)
    opened = must(stock("cms", "-decrypt", "-recip", pki.good_rsa.pem, "-inkey", pki.good_rsa.key,
                        stdin=out))
    assert BODY in must(stock("cms", "-verify", "-CAfile", pki.ca, stdin=opened.out)).out


@pytest.mark.parametrize("words", [["encrypt"], ["cms", "-encrypt", "-aes256"],
                                   ["smime", "-encrypt", "-aes256"]])
def test_no_mail_is_made_of_a_refusal(words, pki, mail):
    """The stage before was refused, so nothing is encrypted, even if stock would and report success."""
    sign = [COMMAND, "smime", "-sign", "-signer", pki.expired.pem, "-inkey", pki.expired.key]
    one, two, out, said, err = pipeline(sign, [OPENSSL, "smime", "-encrypt", "-aes256",
                                               pki.good_rsa.pem], mail.read_bytes())
    stock_does("makes an encrypted mail of an empty pipe", two == 0 and b"pkcs7-mime" in out)
    assert one == REFUSED and "[expired]" in said
    one, two, out, said, err = pipeline(sign, [COMMAND, *words, pki.good_rsa.pem],
                                        mail.read_bytes())
    assert one == REFUSED and two == INPUT and out == b"", (one, two, out, err)
    assert "nothing to encrypt: standard input is an empty pipe" in err


def test_empty_mail_of_choice(pki, tmp_path):
    """An empty file is a choice."""
    empty = tmp_path / "empty"
    empty.touch()
    assert command("cms", "-encrypt", "-aes256", "-in", empty, pki.good_rsa.pem).rc == DONE
    with empty.open("rb") as stdin:
        done = subprocess.run([COMMAND, "cms", "-encrypt", "-aes256", pki.good_rsa.pem], stdin=stdin,
                              env=environment(), capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == DONE and done.stdout


@APIS
def test_an_empty_file_is_filled(api, pki, post, tmp_path):
    """RT makes the file for the signer, and reads it through its open handle."""
    signer, content = tmp_path / "signer", tmp_path / "content"
    for path in (signer, content):
        path.touch(mode=0o640)
    with signer.open("rb") as held_signer, content.open("rb") as held_content:
        must(command(api, "-verify", "-noverify", "-in", post.signed("good_rsa"), "-signer", signer,
                     "-out", content))
        assert held_signer.read() == signer.read_bytes() != b""
        assert BODY in held_content.read()
    assert signer.stat().st_mode & 0o777 == content.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"signer", "content"}


@pytest.mark.parametrize("words", [["-md", "nosuch"], ["-outform", "ZZ"], ["-verify_depth", "x"]])
def test_smime_that_makes_nothing_leaves_what_is_there(words, pki, mail, tmp_path):
    """After a usage error stock's `smime` exits with success, and changes no file."""
    out, new = tmp_path / "out", tmp_path / "new"
    out.write_bytes(b"precious")
    for path in (out, new):
        run(COMMAND, "smime", "-sign", "-in", mail, "-signer", pki.good_rsa.pem, "-inkey",
            pki.good_rsa.key, *words, "-out", path)
    run(COMMAND, "smime", "-in", mail, "-out", out)
    assert out.read_bytes() == b"precious" and not new.exists()


OPERATIONS = ["sign", "encrypt", "decrypt", "verify", "resign", "pk7out"]
MISTAKES = [["-keyform", "XX"], ["-inform", "XX"], ["-outform", "ZZ"], ["-md", "nosuch"],
            ["-passin", "nosuch"], ["-passin", "env:NOT_THERE"], ["-verify_depth", "x"],
            ["-attime", "x"], ["-auth_level", "x"]]


@pytest.mark.parametrize("mistake", MISTAKES, ids=" ".join)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_smime_that_makes_nothing_after_any_mistake(operation, mistake, pki, mail, post, tmp_path):
    """Our command leaves or makes an output exactly if stock does."""
    cert = pki.good_rsa
    signer, recip = ["-signer", cert.pem, "-inkey", cert.key], ["-recip", cert.pem, "-inkey", cert.key]
    words = {"sign": ["-in", mail, *signer], "resign": ["-in", post.signed("good_rsa"), *signer],
             "encrypt": ["-in", mail, *recip[:2]], "verify": ["-in", post.signed("good_rsa"),
                                                              "-CAfile", pki.ca],
             "decrypt": ["-in", post.encrypted("good_rsa"), *recip],
             "pk7out": ["-in", post.signed("good_rsa")]}[operation]
    left = {}
    for who, program in {"stock": stock, "ours": functools.partial(run, COMMAND)}.items():
        out, new = tmp_path / f"{who}.out", tmp_path / f"{who}.new"
        out.write_bytes(b"precious")
        for path in (out, new):
            program("smime", f"-{operation}", *words, *mistake, "-out", path)
        left[who] = (out.read_bytes() == b"precious", new.exists())
    assert left["ours"][0] or not left["stock"][0], left
    assert left["stock"][1] or not left["ours"][1], left


def test_smime_that_makes_an_empty_content(pki, tmp_path):
    """An empty output is kept if nothing failed."""
    cert = pki.good_rsa
    for made, read in ((["-encrypt", "-binary"], ["-decrypt", "-recip", cert.pem, "-inkey", cert.key]),
                       (["-sign", "-nodetach", "-binary", "-signer", cert.pem, "-inkey", cert.key],
                        ["-verify", "-CAfile", pki.ca])):
        sealed, out = tmp_path / "sealed", tmp_path / "out"
        more = [cert.pem] if made[0] == "-encrypt" else []
        must(stock("smime", *made, "-in", "/dev/null", "-out", sealed, *more))
        out.write_bytes(b"precious")
        must(run(COMMAND, "smime", *read, "-in", sealed, "-out", out))
        assert out.read_bytes() == b""
