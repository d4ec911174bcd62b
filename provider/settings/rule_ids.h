/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The list of all rules.  Its order is ABI, as it numbers the reasons in OpenSSL's
 * error queue: new rules go to the end.
 */
#ifndef SP_RULE_IDS_H
#define SP_RULE_IDS_H

/*
 * SEED rules are fixed; BEYOND rules have a severity in the settings.
 * Name, spelling as a key of the settings, id, reason.
 */
#define SP_RULES(SEED, BEYOND)                                                                     \
    SEED(SAN_EMAIL, san_email, "san-email", "certificate has no usable email address")             \
    SEED(KEY_USAGE, key_usage, "key-usage", "certificate has no key usage for mail")               \
    SEED(KEY_ALGORITHM, key_algorithm, "key-algorithm", "public key is neither RSA nor EC")        \
    SEED(EXTENDED_KEY_USAGE, extended_key_usage, "extended-key-usage",                             \
         "certificate is not meant for E-mail Protection")                                         \
    SEED(PRIVATE_KEY_ALGORITHM, private_key_algorithm, "private-key-algorithm",                    \
         "private key is neither RSA nor EC")                                                      \
    SEED(PRIVATE_KEY_MATCH, private_key_match, "private-key-match",                                \
         "private key does not belong to the certificate")                                         \
    SEED(CA_EXEMPT, ca_exempt, "ca-exempt", "basic constraints cannot be read")                    \
    SEED(EXPIRED, expired, "expired", "certificate has expired")                                   \
    SEED(NOT_YET_VALID, not_yet_valid, "not-yet-valid", "certificate is not yet valid")            \
    SEED(USAGE_SIGN, usage_sign, "usage-sign", "certificate may not sign")                         \
    SEED(USAGE_ENCRYPT, usage_encrypt, "usage-encrypt", "certificate may not be encrypted to")     \
    SEED(CERTIFICATE_REQUIRED, certificate_required, "certificate-required",                       \
         "certificate data is always required")                                                    \
    SEED(DISTRUST_DEFAULT, distrust_default, "distrust-default",                                   \
         "nobody provided this signer or its CA")                                                  \
    SEED(SIGNER_CERTIFICATE, signer_certificate, "signer-certificate",                             \
         "signer's certificate breaks the rules")                                                  \
    SEED(SIGNER_VALIDITY, signer_validity, "signer-validity",                                      \
         "signer's certificate was not valid")                                                     \
    SEED(SENDER_MATCH, sender_match, "sender-match", "sender is not the signer")                   \
    SEED(DECRYPT_EXPIRED, decrypt_expired, "decrypt-expired",                                      \
         "certificate has expired and still decrypts")                                             \
    BEYOND(WEAK_KEY, weak_key, "weak-key", "public key is short")                                  \
    BEYOND(WEAK_DIGEST, weak_digest, "weak-digest", "signature uses a weak digest")                \
    BEYOND(WEAK_CIPHER, weak_cipher, "weak-cipher", "message uses a weak cipher")                  \
    BEYOND(EKU_ANY, eku_any, "eku-any", "certificate is meant for any purpose")                    \
    BEYOND(VALIDITY_TOO_LONG, validity_too_long, "validity-too-long",                              \
           "certificate is valid for too long")                                                    \
    BEYOND(EXPIRES_SOON, expires_soon, "expires-soon", "certificate expires soon")                 \
    SEED(REVOKED, revoked, "revoked", "certificate is revoked")                                    \
    SEED(REVOCATION_UNKNOWN, revocation_unknown, "revocation-unknown",                             \
         "no fresh answer says that the certificate is not revoked")                               \
    SEED(KEYRING_STALE, keyring_stale, "keyring-stale",                                            \
         "keyring has not been in touch with its hub for too long")

enum sp_rule {
#define X(name, key, id, text) SP_RULE_##name,
    SP_RULES(X, X)
#undef X
        SP_RULE_COUNT
};

#endif
