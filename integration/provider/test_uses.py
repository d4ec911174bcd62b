# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""Every certificate, every use, every path: the rules hold, and only the rules."""

import pytest

import paths
from harness import COMMAND, OPENSSL, refused, run
from pki import STOCK, TESTED

BODY = b"the quick brown fox."

every_path = pytest.mark.parametrize("path_name", paths.PATH_NAMES)
every_cert = pytest.mark.parametrize("recipe", TESTED, ids=lambda recipe: recipe.name)


def judged(result, path, out, rules):
    """Check the refusal that the table names, on every path."""
    if rules == (STOCK,):
        assert result.rc != 0, result
    else:
        refused(result, *rules)
    if path.ours:
        assert not out.exists(), f"{path.name} left {out.stat().st_size} bytes behind\n{result}"
        assert result.out == b"", result


def outgoing(operation, path, recipe, what, rules, cert, mail, out, stock_can, read_back):
    """Sign or encrypt, and read accepted output without the policy."""
    result = getattr(path, operation)(what, mail, out)
    able = stock_can(operation, path, recipe.key)
    if rules and able:
        judged(result, path, out, rules)
    elif rules:
        assert result.rc != 0, result
    elif able:
        assert result.rc == 0, result
        assert BODY in read_back(operation, out, cert)
    else:
        before = getattr(path.bare(), operation)(what, mail, out)
        assert (result.rc == 0) == (before.rc == 0), result


@every_path
@every_cert
def test_sign(path_name, recipe, all_paths, pki, mail, tmp_path, stock_can, read_back):
    """There is a signature if and only if the signer may sign."""
    cert = pki[recipe.name]
    outgoing("sign", all_paths[path_name], recipe, cert, recipe.sign, cert, mail,
             tmp_path / "out", stock_can, read_back)


@every_path
@every_cert
def test_encrypt(path_name, recipe, all_paths, pki, mail, tmp_path, stock_can, read_back):
    """There is a ciphertext if and only if the recipient may be encrypted to."""
    cert = pki[recipe.name]
    outgoing("encrypt", all_paths[path_name], recipe, [cert], recipe.encrypt, cert, mail,
             tmp_path / "out", stock_can, read_back)


@every_path
@every_cert
def test_verify(path_name, recipe, all_paths, pki, post, tmp_path, stock_can):
    """A mail that stock signed verifies if and only if its signer satisfies the rules."""
    path, cert, out = all_paths[path_name], pki[recipe.name], tmp_path / "out"
    if post.signed(recipe.name) is None:
        pytest.skip(f"stock openssl cannot sign with {recipe.key}")
    result = path.verify(post.signed(recipe.name), cert.anchor, out)
    if recipe.verify == (STOCK,):
        judged(result, path, out, recipe.verify)
    elif recipe.verify:
        judged(result, path, out, ("signer-certificate",))
        # PHP shows the reason without details, so not the rule behind it.
        behind = recipe.verify[0]
        assert behind == "signer-certificate" or isinstance(path, paths.Php) \
            or f"({behind})" in result.text, result
    elif stock_can("verify", path, recipe.key):
        assert result.rc == 0, result
        assert BODY in out.read_bytes()
    else:
        assert result.rc != 0, result


@every_path
@every_cert
def test_decrypt(path_name, recipe, all_paths, pki, post, tmp_path, stock_can):
    """Reading is never refused: incoming mail was encrypted before anything expired."""
    path, cert, out = all_paths[path_name], pki[recipe.name], tmp_path / "out"
    if post.encrypted(recipe.name) is None:
        pytest.skip(f"stock openssl cannot encrypt to {recipe.key}")
    if not stock_can("decrypt", path, recipe.key):
        pytest.skip(f"{path_name} cannot decrypt with {recipe.key}")
    result = path.decrypt(post.encrypted(recipe.name), cert, out)
    assert result.rc == 0, result
    assert BODY in out.read_bytes()


@every_cert
@pytest.mark.parametrize("purpose", ["smimesign", "smimeencrypt"])
def test_purpose(purpose, recipe, pki, conf):
    """`openssl verify -purpose` has the result of a verification or an encryption, except for dates."""
    cert = pki[recipe.name]
    chain = ["-untrusted", cert.chain] if cert.chain else []
    result = run(OPENSSL, "verify", "-purpose", purpose, "-CAfile", cert.anchor, *chain, cert.pem,
                 conf=conf)
    rules = recipe.verify if purpose == "smimesign" else recipe.encrypt
    if not rules:
        assert result.rc == 0, result
    elif recipe.verify == (STOCK,):
        assert result.rc != 0 and "unsuitable certificate purpose" not in result.text, result
    else:
        # The program prints its own error, not the queue with the rule.
        assert result.rc != 0 and "unsuitable certificate purpose" in result.text, result


@every_cert
@pytest.mark.parametrize("use", ["sign", "encrypt", "verify", "decrypt"])
def test_check(recipe, use, pki):
    """`smime-policy check` exits with 0 if the use is allowed, with 3 if not."""
    rules = getattr(recipe, use, ())
    if use == "verify" and rules and rules != (STOCK,):
        rules = ("signer-certificate",)
    result = run(COMMAND, "check", "--for", use, pki[recipe.name].pem)
    if not rules or rules == (STOCK,):
        # An expired certificate may still read; `verify` judges it with the message.
        assert result.rc == 0, result
    else:
        refused(result, *rules)
        assert result.rc == 3, result


def test_what_stock_can(stock_can, all_paths):
    """The tests above depend on these facts."""
    cms, smime = all_paths["openssl cms"], all_paths["openssl smime"]
    for key in ("rsa2048", "p256", "p384", "p521"):
        for operation in ("sign", "encrypt", "verify", "decrypt"):
            assert stock_can(operation, cms, key), (operation, key)
            assert stock_can(operation, all_paths["PHP cms"], key), (operation, key)
        assert stock_can("sign", smime, key) and stock_can("verify", smime, key)
    assert stock_can("sign", cms, "rsapss") and stock_can("verify", cms, "rsapss")
    assert stock_can("encrypt", smime, "rsa2048") and stock_can("decrypt", smime, "rsa2048")
    assert stock_can("encrypt", all_paths["PHP pkcs7"], "rsa2048")
    assert stock_can("sign", cms, "dsa")


def test_guide_example_inside_its_dates(pki, mail, conf, tmp_path):
    """The guide's own certificate passes every use while it is valid."""
    inside = paths.CommandLine("faketime", ("faketime", "2024-01-01 12:00:00", OPENSSL, "cms"),
                               "cms", conf=conf)
    signed, sealed, out = tmp_path / "signed", tmp_path / "sealed", tmp_path / "out"
    for result in (inside.sign(pki.guide, mail, signed),
                   inside.verify(signed, pki.guide.anchor, out),
                   inside.encrypt([pki.guide], mail, sealed)):
        assert result.rc == 0, result
    assert BODY in out.read_bytes()
    after = paths.CommandLine("now", (OPENSSL, "cms"), "cms", conf=conf)
    assert after.decrypt(sealed, pki.guide, out).rc == 0
    assert BODY in out.read_bytes()
    refused(after.sign(pki.guide, mail, out), "expired")


@every_path
def test_renewed_certificate_beside_the_old(path_name, all_paths, pki, mail, tmp_path, stock_can):
    """One key, two certificates: each recipient is judged by the one that is used."""
    path, out = all_paths[path_name], tmp_path / "out"
    new, old, good = pki.renewed_new, pki.renewed_old, pki.good_rsa
    assert path.encrypt([good, new], mail, out).rc == 0
    out.unlink()
    judged(path.encrypt([good, old], mail, out), path, out, ("expired",))


@pytest.mark.parametrize("path_name", [name for name in paths.PATH_NAMES if "PHP" not in name])
def test_old_certificate_sent_along(path_name, all_paths, pki, mail, tmp_path):
    """The old, expired certificate in -certfile does not stop the new one."""
    path, out = all_paths[path_name], tmp_path / "out"
    result = path.sign(pki.renewed_new, mail, out, "-certfile", pki.renewed_old.pem)
    assert result.rc == 0, result
    out.unlink()
    judged(path.sign(pki.renewed_old, mail, out, "-certfile", pki.renewed_new.pem), path, out,
           ("expired",))


@every_path
@pytest.mark.parametrize("order", ["good first", "bad first"])
def test_one_bad_recipient_refuses_the_mail(path_name, order, all_paths, pki, mail, tmp_path):
    """The refusal names the rule whatever the order of the recipients."""
    path, out = all_paths[path_name], tmp_path / "out"
    recipients = [pki.good_rsa, pki.no_san]
    if order == "bad first":
        recipients.reverse()
    judged(path.encrypt(recipients, mail, out), path, out, ("san-email",))


@every_path
def test_stranger(path_name, all_paths, pki, post, tmp_path):
    """A signer is not trusted if nobody provided its CA; providing the CA is enough."""
    path, out = all_paths[path_name], tmp_path / "out"
    rules = ("distrust-default",) if path.ours else (STOCK,)
    judged(path.verify(post.signed("foreign"), pki.ca, out), path, out, rules)
    out.unlink(missing_ok=True)
    result = path.verify(post.signed("foreign"), pki.foreign_root.pem, out)
    assert result.rc == 0 and BODY in out.read_bytes(), result


@pytest.mark.parametrize("api", ["cms", "smime"])
@pytest.mark.parametrize("how", [("-noattr",), ("-nodetach",), ("-binary", "-outform", "DER"),
                                 ("-stream",), ("-nocerts",)], ids=lambda how: how[0])
def test_spellings_of_sign(api, how, all_paths, pki, mail, tmp_path):
    """The signer is judged in every spelling of the command."""
    path, out = all_paths[f"openssl {api}"], tmp_path / "out"
    assert path.sign(pki.good_rsa, mail, out, *how).rc == 0
    refused(path.sign(pki.expired, mail, out, *how), "expired")
    assert path.sign(pki.good_p256, mail, out, *how).rc == 0
    refused(path.sign(pki.ku_ke_ec, mail, out, *how), "usage-sign")


def test_two_signers(all_paths, pki, mail, tmp_path):
    """A good signer does not excuse a bad one."""
    path, good, bad, out = all_paths["openssl cms"], pki.good_rsa, pki.expired, tmp_path / "out"
    for first, second in ((good, bad), (bad, good)):
        refused(path.sign(first, mail, out, "-signer", second.pem, "-inkey", second.key),
                "expired")
