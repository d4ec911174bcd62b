/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SMIMEPOLICY_H
#define SMIMEPOLICY_H

/**
 * @file
 * The verdict of the S/MIME certificate rules, for C programs.
 *
 * One certificate, optionally its private key, one use and one moment go in; a
 * list of all findings comes out.  Nothing here reads the environment.  Files are
 * read by smimepolicy_settings_load(), and by what judges, if the settings name a
 * keyring.  Only smimepolicy_verify_cb() reads the clock: for the CRLs of the
 * keyring, and for its last contact with a hub.
 *
 * Ownership follows OpenSSL: what a `_new` or `evaluate` function returns is
 * the caller's to free, what a `get0` function returns is borrowed and lives
 * as long as its parent.  Free functions accept NULL.
 *
 * "The guide" is the source of the rules: see smime-policy-rules(7).
 *
 * Later versions may have more uses and severities, with higher numbers.  Whether
 * a use may go ahead is what smimepolicy_verdict_allowed() says.
 *
 * Threads: a settings object may be shared between threads once no more
 * changes are made to it; a verdict is read-only after it was returned.
 */

#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header; smimepolicy_version() is that of the library. */
#define SMIMEPOLICY_VERSION "1.0.0"
/** The same as a number for #if: two hexadecimal digits each, so that 1.2.3 is 0x010203. */
#define SMIMEPOLICY_VERSION_NUMBER 0x010000

/** The version of the library that the program runs with, such as "1.0.0"; a static string. */
const char *smimepolicy_version(void);

/** What the certificate is about to be used for. */
typedef enum smimepolicy_use {
    SMIMEPOLICY_UPLOAD = 0,  /**< stored for later use; validity is not judged */
    SMIMEPOLICY_SIGN = 1,    /**< signs outgoing mail */
    SMIMEPOLICY_ENCRYPT = 2, /**< outgoing mail is encrypted to it */
    SMIMEPOLICY_VERIFY = 3,  /**< signed incoming mail */
    SMIMEPOLICY_DECRYPT = 4  /**< decrypts incoming mail */
} smimepolicy_use;

/** How much a finding weighs.  Only SMIMEPOLICY_DENY refuses the use. */
typedef enum smimepolicy_severity {
    SMIMEPOLICY_IGNORE = 0,
    SMIMEPOLICY_NOTE = 1,
    SMIMEPOLICY_WARN = 2,
    SMIMEPOLICY_DENY = 3
} smimepolicy_severity;

typedef struct smimepolicy_settings smimepolicy_settings;
typedef struct smimepolicy_verdict smimepolicy_verdict;
typedef struct smimepolicy_finding smimepolicy_finding;

/** "upload", "sign", "encrypt", "verify" or "decrypt"; NULL if |use| is none of them. */
const char *smimepolicy_use_name(smimepolicy_use use);

/* Settings */

/** New settings with every default; NULL if out of memory.  Free with smimepolicy_settings_free().
 */
smimepolicy_settings *smimepolicy_settings_new(void);
void smimepolicy_settings_free(smimepolicy_settings *settings);

/**
 * Set one key, spelled as in policy.cnf.
 *
 * @param why  if not NULL, set on failure to a message that names key, value
 *             and what is accepted; free it with smimepolicy_free().  Set to
 *             NULL on success and when out of memory.
 * @return 1 on success, 0 if the key is unknown, the value is not accepted or
 *         memory ran out; the settings are then unchanged.
 */
int smimepolicy_settings_set(smimepolicy_settings *settings, const char *key, const char *value,
                             char **why);

/**
 * Set every `key = value` of the file |path| (OpenSSL configuration syntax,
 * no section headers).
 *
 * @param why  as for smimepolicy_settings_set(); also names the file
 * @return 1 on success, 0 on the first fault; the settings are then unchanged
 */
int smimepolicy_settings_load(smimepolicy_settings *settings, const char *path, char **why);

/* Verdicts */

/**
 * Judge |cert| for |use|.
 *
 * Every rule is asked; the verdict lists all findings, not only the first.  Of the
 * setting `keyring` the stored CRLs are read, as the setting `revocation` says.  With
 * the setting `hub` a keyring that is too old refuses to sign and encrypt, and with
 * `trust = keyring` to verify.
 *
 * @param settings  NULL for the defaults
 * @param cert      required; not modified, nothing is cached into it
 * @param key       the private key that goes with it, or NULL if none is at hand
 *                  (then the rules on private keys are not asked)
 * @param at        the moment that counts as now, seconds since the epoch, UTC
 * @return a verdict to free with smimepolicy_verdict_free(), or NULL if out of
 *         memory or |cert| is NULL or |use| is unknown
 */
smimepolicy_verdict *smimepolicy_evaluate(const smimepolicy_settings *settings, const X509 *cert,
                                          const EVP_PKEY *key, smimepolicy_use use, time_t at);

/**
 * As smimepolicy_evaluate(), for the DER encoding of a certificate; NULL also if
 * |der| is not one.
 */
smimepolicy_verdict *smimepolicy_evaluate_der(const smimepolicy_settings *settings,
                                              const unsigned char *der, size_t len,
                                              const EVP_PKEY *key, smimepolicy_use use, time_t at);

/**
 * Judge a private key alone, by the rules `private-key-algorithm` and, if
 * certificates are given, `private-key-match`.
 *
 * @param certs  the certificates that |key| may belong to, or NULL; a mismatch names
 *               the one that it does belong to, if any
 * @param cert   the certificate that |key| is meant for.  NULL: |key| must belong to
 *               one of |certs|, unless that is NULL or empty
 * @return a verdict for SMIMEPOLICY_UPLOAD, about |cert| if that is given; NULL if
 *         out of memory or |key| is NULL
 */
smimepolicy_verdict *smimepolicy_evaluate_key(const smimepolicy_settings *settings,
                                              const EVP_PKEY *key, const X509 *cert,
                                              const STACK_OF(X509) *certs);

void smimepolicy_verdict_free(smimepolicy_verdict *verdict);

/** 1 if the use may go ahead (no finding is SMIMEPOLICY_DENY), else 0. */
int smimepolicy_verdict_allowed(const smimepolicy_verdict *verdict);

/**
 * What was judged: the use, the subject (RFC 2253), the serial number ("0x1f") and
 * the first address in lower case.  Without a certificate all but the use are NULL.
 * The address is NULL if the certificate has none.  The addresses are all of them, in
 * lower case and in the order of the certificate, and end with a NULL.
 */
smimepolicy_use smimepolicy_verdict_use(const smimepolicy_verdict *verdict);
const char *smimepolicy_verdict_get0_subject(const smimepolicy_verdict *verdict);
const char *smimepolicy_verdict_get0_serial(const smimepolicy_verdict *verdict);
const char *smimepolicy_verdict_get0_address(const smimepolicy_verdict *verdict);
const char *const *smimepolicy_verdict_get0_addresses(const smimepolicy_verdict *verdict);

/** The findings: denials first, then warnings, then notes.  NULL past the last one. */
size_t smimepolicy_verdict_count(const smimepolicy_verdict *verdict);
const smimepolicy_finding *smimepolicy_verdict_get0_finding(const smimepolicy_verdict *verdict,
                                                            size_t index);

/** The rule's id, e.g. "expired"; a static string that never changes between releases. */
const char *smimepolicy_finding_rule(const smimepolicy_finding *finding);
smimepolicy_severity smimepolicy_finding_severity(const smimepolicy_finding *finding);
/** What is wrong, as a phrase: "certificate expired on 2024-07-31T14:20:28Z". */
const char *smimepolicy_finding_get0_fault(const smimepolicy_finding *finding);
/** What was found and what the rule requires, e.g. "TLS Web Server Authentication" / "E-mail
 * Protection". */
const char *smimepolicy_finding_get0_found(const smimepolicy_finding *finding);
const char *smimepolicy_finding_get0_required(const smimepolicy_finding *finding);
/** What the reader can do about it, in one line. */
const char *smimepolicy_finding_get0_remedy(const smimepolicy_finding *finding);

/* Formats.  Free the result with smimepolicy_free(); NULL if out of memory. */

/**
 * One finding as one line without a line feed, e.g. "refused: encrypt:
 * bob@example.org: certificate expired on 2024-07-31T14:20:28Z [expired]
 * (CN=Bob, serial 0x1f); ask the contact for a current certificate".
 * Control characters that come from the certificate are escaped.
 */
char *smimepolicy_finding_text(const smimepolicy_verdict *verdict,
                               const smimepolicy_finding *finding);
/** Every finding on a line that ends with a line feed; "" if there are none. */
char *smimepolicy_verdict_text(const smimepolicy_verdict *verdict);
/** The verdict as one JSON object on one line; its members are listed in docs/use/json.md. */
char *smimepolicy_verdict_json(const smimepolicy_verdict *verdict);

void smimepolicy_free(void *text);

/* Verification of incoming mail */

/**
 * Attach |settings| to |store|, for smimepolicy_verify_cb().
 *
 * The settings are copied; the copy is freed with the store.  To be called
 * before the store is shared between threads, and again to replace them.
 *
 * @param settings  NULL for the defaults
 * @return 1 on success, 0 if out of memory
 */
int smimepolicy_store_set1_settings(X509_STORE *store, const smimepolicy_settings *settings);

/**
 * A verification callback for X509_STORE_set_verify_cb() and
 * X509_STORE_CTX_set_verify_cb(): also asks `signer-certificate` of the signer,
 * `distrust-default` of its chain, and, of the keyring of the settings, `revoked`
 * and `revocation-unknown` of both, and `keyring-stale`, as of now.
 *
 * With it CMS_verify() and PKCS7_verify() fail where the rules refuse the
 * signer; the findings are in the OpenSSL error queue and the error of the
 * X509_STORE_CTX is X509_V_ERR_APPLICATION_VERIFICATION.  It can only turn
 * |ok| into an error, never an error into ok; where libcrypto fails first, its
 * error stays and the findings join it in the queue.  Without settings on the store
 * the defaults apply.  Validity is left to libcrypto's own check.  A program
 * that wants a callback of its own as well calls this one last, with its result.
 *
 * Source: the guide's "distrusts senders by default"; RFC 8550, 4.4.2.
 */
int smimepolicy_verify_cb(int ok, X509_STORE_CTX *ctx);

#ifdef __cplusplus
}
#endif

#endif
