/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Judge one certificate, one private key, or refuse without either.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/case.h"

smimepolicy_verdict *sp_evaluate(const smimepolicy_settings *settings, const X509 *cert,
                                 const EVP_PKEY *key, smimepolicy_use use, time_t at)
{
    struct sp_facts *facts;
    smimepolicy_verdict *verdict;

    if (cert == NULL || smimepolicy_use_name(use) == NULL)
        return NULL;
    facts = sp_facts_new(cert);
    if (facts == NULL)
        return NULL;
    verdict = sp_judge(facts, use, at, SP_WITH_VALIDITY, settings);
    sp_facts_free(facts);
    if (verdict == NULL || key == NULL)
        return verdict;
    ERR_set_mark();
    sp_judge_key(verdict, key, cert, NULL);
    verdict = sp_verdict_finish(verdict);
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *smimepolicy_evaluate_key(const smimepolicy_settings *settings,
                                              const EVP_PKEY *key, const X509 *cert,
                                              const STACK_OF(X509) *certs)
{
    struct sp_facts *facts = NULL;
    smimepolicy_verdict *verdict = NULL;

    (void)settings; /* no setting changes the rules on private keys */
    if (key == NULL)
        return NULL;
    ERR_set_mark();
    if (cert != NULL)
        facts = sp_facts_new(cert);
    if (cert == NULL || facts != NULL)
        verdict = sp_verdict_new(facts, SMIMEPOLICY_UPLOAD);
    sp_facts_free(facts);
    if (verdict != NULL) {
        sp_judge_key(verdict, key, cert, certs);
        verdict = sp_verdict_finish(verdict);
    }
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *sp_refuse(enum sp_single rule, const struct sp_facts *facts,
                               smimepolicy_use use, const char *fault, const char *found,
                               const char *required, const char *remedy)
{
    static const enum sp_rule rules[] = { [SP_CERTIFICATE_REQUIRED] = SP_RULE_CERTIFICATE_REQUIRED,
                                          [SP_DISTRUST_DEFAULT] = SP_RULE_DISTRUST_DEFAULT,
                                          [SP_PRIVATE_KEY_MATCH] = SP_RULE_PRIVATE_KEY_MATCH };
    smimepolicy_verdict *verdict;

    ERR_set_mark();
    verdict = sp_verdict_new(facts, use);
    if (verdict != NULL) {
        sp_verdict_add(verdict, rules[rule], SMIMEPOLICY_DENY,
                       (struct sp_finding_text){ sp_format("%s", fault), sp_format("%s", found),
                                                 sp_format("%s", required),
                                                 sp_format("%s", remedy) });
        verdict = sp_verdict_finish(verdict);
    }
    ERR_pop_to_mark();
    return verdict;
}

smimepolicy_verdict *sp_refuse_lone_key(void)
{
    return sp_refuse(SP_PRIVATE_KEY_MATCH, NULL, SMIMEPOLICY_UPLOAD,
                     "private key belongs to no certificate",
                     "a key of none of the certificates that are given or stored",
                     "the private key of a certificate", "upload its certificate with it");
}

smimepolicy_verdict *sp_refuse_untrusted(const char *address)
{
    char *fault = sp_format("nothing in the keyring vouches for %s", address);
    smimepolicy_verdict *verdict =
        fault == NULL ? NULL
                      : sp_refuse(SP_DISTRUST_DEFAULT, NULL, SMIMEPOLICY_VERIFY, fault,
                                  "no certificate of the address that verifies, and no CA",
                                  "the sender's certificate, or its issuing CA",
                                  "upload the sender's certificate, or its issuing CA");

    OPENSSL_free(fault);
    return verdict;
}

smimepolicy_verdict *sp_refuse_unknown_key(smimepolicy_use use, bool too_early)
{
    return sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, use,
                     too_early ? "the key's certificate was parsed before OpenSSL was initialised"
                               : "the key belongs to no certificate that this program has parsed",
                     "a key without a certificate", "a key whose certificate was parsed",
                     too_early ? "call OPENSSL_init_crypto() before reading the first certificate"
                               : "provide the certificate that belongs to the key");
}

smimepolicy_verdict *sp_refuse_incomplete(smimepolicy_use use)
{
    return sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, use, "the key's certificate is not complete",
                     "a certificate that is still being parsed or built", "a complete certificate",
                     "finish the certificate, or parse it in the thread that uses it");
}

smimepolicy_verdict *sp_refuse_not_stored(smimepolicy_use use, const char *address)
{
    const bool signs = use == SMIMEPOLICY_SIGN;
    char *fault = sp_format("%s: the keyring has no certificate %sof this address", address,
                            signs ? "with a private key " : "");
    smimepolicy_verdict *verdict = fault == NULL
                                       ? NULL
                                       : sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, use, fault,
                                                   "no certificate", "a certificate in the keyring",
                                                   signs ? "upload it: smime-policy upload CERT KEY"
                                                         : "upload it: smime-policy upload CERT");

    OPENSSL_free(fault);
    return verdict;
}

smimepolicy_verdict *sp_refuse_unverified(const struct sp_facts *signer, bool names_raw_keys)
{
    return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                     "the signer's certificate was not verified", "verification switched off",
                     "a signer that is verified as one of S/MIME",
                     names_raw_keys
                         ? "verify with the issuing CA provided and without options that skip it, "
                           "or set raw_keys = pass if this is no mail"
                         : "verify with the issuing CA provided and without options that skip it");
}

smimepolicy_verdict *sp_refuse_unprovided(const struct sp_facts *signer, enum sp_unprovided how,
                                          const char *found)
{
    static const char *const remedies[] = {
        [SP_BY_LIBCRYPTO] = "provide the sender's certificate, or its issuing CA",
        [SP_BY_NO_KEYRING] = "set keyring to its path",
        [SP_BY_BROKEN_KEYRING] = "mend the keyring",
    };

    return sp_refuse(SP_DISTRUST_DEFAULT, signer, SMIMEPOLICY_VERIFY,
                     "nobody provided this signer or its CA",
                     how == SP_BY_NO_KEYRING ? "trust = keyring, no keyring" : found,
                     "the signer's certificate or its issuing CA, provided by you", remedies[how]);
}

/* What a request for signatures or encryption must have. */
static smimepolicy_verdict *require_certificate(smimepolicy_use use, const char *fault,
                                                const char *found, const char *remedy)
{
    return sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, use, fault, found,
                     use == SMIMEPOLICY_SIGN ? "the signer's certificate"
                                             : "a certificate for every recipient",
                     remedy);
}

smimepolicy_verdict *sp_refuse_request(enum sp_request_fault fault, const char *found)
{
    static const struct {
        smimepolicy_use use;
        const char *fault, *found, *remedy; /* |found| NULL: that of the caller */
    } rows[] = {
        [SP_NO_SIGNER] = { SMIMEPOLICY_SIGN, "no signer certificate was given", "no -signer",
                           "name the signer's certificate with -signer, or the sender "
                           "with --from" },
        [SP_NO_RECIPIENT] = { SMIMEPOLICY_ENCRYPT, "no recipient certificate was given",
                              "no certificate",
                              "name the recipients with --to (two dashes: -to writes a header "
                              "field), or their certificates" },
        [SP_NOBODY_IN_MAIL] = { SMIMEPOLICY_ENCRYPT, "no recipient certificate was given",
                                "no certificate",
                                "the mail names nobody in To, Cc or Bcc; name the recipients "
                                "with --to, or their certificates" },
        [SP_SHARED_SECRET] = { SMIMEPOLICY_ENCRYPT,
                               "a password or shared key was given to encrypt with", NULL,
                               "name the recipients' certificates instead" },
        [SP_SHARED_KEY] = { SMIMEPOLICY_ENCRYPT, "a shared key would encrypt the message",
                            "-EncryptedData_encrypt", "name the recipients' certificates instead" },
    };

    return require_certificate(rows[fault].use, rows[fault].fault,
                               rows[fault].found != NULL ? rows[fault].found : found,
                               rows[fault].remedy);
}

smimepolicy_verdict *sp_refuse_certfile(const char *name, bool once)
{
    char *shown = sp_escape(name, strlen(name));
    char *fault = shown == NULL
                      ? NULL
                      : sp_format("-certfile %s cannot be judged beforehand: %s", shown,
                                  once ? "it can be read only once" : "it needs a passphrase");
    smimepolicy_verdict *verdict =
        fault == NULL
            ? NULL
            : require_certificate(SMIMEPOLICY_SIGN, fault, once ? "a pipe" : "a locked file",
                                  once ? "give a regular file"
                                       : "give the certificates in a file without one");

    OPENSSL_free(fault);
    OPENSSL_free(shown);
    return verdict;
}
