/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every option of `openssl cms` and `openssl smime`, 3.0 to 4.0; then our own.  A test holds
 * the table against what the installed openssl says of itself.
 */
#include "options.h"

#define C SHIM_CMS
#define S SHIM_SMIME
#define B (SHIM_CMS | SHIM_SMIME)

/* clang-format off */
static const struct shim_option table[] = {
    { "help", ROLE_HELP, B, false },
    { "in", ROLE_NONE, B, true },
    { "out", ROLE_OUTPUT, B, true },
    { "config", ROLE_FOREIGN, B, true },

    { "encrypt", ROLE_OPERATION, B, false },
    { "decrypt", ROLE_OPERATION, B, false },
    { "sign", ROLE_OPERATION, B, false },
    { "verify", ROLE_OPERATION, B, false },
    { "resign", ROLE_OPERATION, B, false },
    { "pk7out", ROLE_OPERATION, S, false },
    { "sign_receipt", ROLE_OPERATION, C, false },
    { "verify_receipt", ROLE_OPERATION, C, true },
    { "digest_create", ROLE_OPERATION, C, false },
    { "digest_verify", ROLE_OPERATION, C, false },
    { "compress", ROLE_OPERATION, C, false },
    { "uncompress", ROLE_OPERATION, C, false },
    { "EncryptedData_encrypt", ROLE_OPERATION, C, false },
    { "EncryptedData_decrypt", ROLE_OPERATION, C, false },
    { "data_create", ROLE_OPERATION, C, false },
    { "data_out", ROLE_OPERATION, C, false },
    { "cmsout", ROLE_OPERATION, C, false },

    { "digest", ROLE_NONE, C, true },
    { "inform", ROLE_NONE, B, true },
    { "outform", ROLE_NONE, B, true },
    { "rctform", ROLE_NONE, C, true },
    { "stream", ROLE_NONE, B, false },
    { "indef", ROLE_NONE, B, false },
    { "noindef", ROLE_NONE, B, false },
    { "binary", ROLE_NONE, B, false },
    { "crlfeol", ROLE_NONE, B, false },
    { "asciicrlf", ROLE_NONE, C, false },

    { "pwri_password", ROLE_SHARED_SECRET, C, true },
    { "secretkey", ROLE_SHARED_SECRET, C, true },
    { "secretkeyid", ROLE_NONE, C, true },
    { "inkey", ROLE_INKEY, B, true },
    { "passin", ROLE_PASSIN, B, true },
    { "keyopt", ROLE_NONE, C, true },
    { "keyform", ROLE_NONE, B, true },
    { "engine", ROLE_FOREIGN, B, true },
    { "provider-path", ROLE_FOREIGN, B, true },
    { "provider", ROLE_FOREIGN, B, true },
    { "provparam", ROLE_FOREIGN, B, true },
    { "propquery", ROLE_FOREIGN, B, true },
    { "rand", ROLE_NONE, B, true },
    { "writerand", ROLE_NONE, B, true },

    { "originator", ROLE_ORIGINATOR, C, true },
    { "recip", ROLE_RECIP, B, true },
    { "kekcipher", ROLE_NONE, C, true },
    { "recip_kdf", ROLE_NONE, C, true },
    { "recip_ukm", ROLE_NONE, C, true },
    { "wrap", ROLE_NONE, C, true },
    { "aes128-wrap", ROLE_NONE, C, false },
    { "aes192-wrap", ROLE_NONE, C, false },
    { "aes256-wrap", ROLE_NONE, C, false },
    { "des3-wrap", ROLE_NONE, C, false },
    { "debug_decrypt", ROLE_NONE, C, false },

    { "md", ROLE_NONE, B, true },
    { "signer", ROLE_SIGNER, B, true },
    { "certfile", ROLE_CERTFILE, B, true },
    { "cades", ROLE_NONE, C, false },
    { "nodetach", ROLE_NONE, B, false },
    { "nocerts", ROLE_NONE, B, false },
    { "noattr", ROLE_NONE, B, false },
    { "nosmimecap", ROLE_NONE, B, false },
    { "no_signing_time", ROLE_NONE, C, false },
    { "receipt_request_all", ROLE_NONE, C, false },
    { "receipt_request_first", ROLE_NONE, C, false },
    { "receipt_request_from", ROLE_NONE, C, true },
    { "receipt_request_to", ROLE_NONE, C, true },

    { "content", ROLE_NONE, B, true },
    { "no_content_verify", ROLE_UNCHECKED, C, false },
    { "no_attr_verify", ROLE_UNCHECKED, C, false },
    { "no_signer_cert_verify", ROLE_UNCHECKED, C, false },
    { "nosigs", ROLE_UNCHECKED, B, false },
    { "noverify", ROLE_NOVERIFY, B, false },
    { "nochain", ROLE_UNCHECKED, S, false },
    { "nointern", ROLE_NONE, B, false },
    { "verify_retcode", ROLE_NONE, C, false },
    { "CAfile", ROLE_NONE, B, true },
    { "CApath", ROLE_NONE, B, true },
    { "CAstore", ROLE_NONE, B, true },
    { "no-CAfile", ROLE_NONE, B, false },
    { "no-CApath", ROLE_NONE, B, false },
    { "no-CAstore", ROLE_NONE, B, false },

    { "keyid", ROLE_NONE, C, false },
    { "econtent_type", ROLE_NONE, C, true },
    { "text", ROLE_NONE, B, false },
    { "certsout", ROLE_OUTPUT, C, true },
    { "to", ROLE_NONE, B, true },
    { "from", ROLE_NONE, B, true },
    { "subject", ROLE_NONE, B, true },
    { "noout", ROLE_NONE, C, false },
    { "print", ROLE_NONE, C, false },
    { "nameopt", ROLE_NONE, C, true },
    { "receipt_request_print", ROLE_NONE, C, false },

    { "policy", ROLE_NONE, B, true },
    { "purpose", ROLE_UNCHECKED, B, true },
    { "verify_name", ROLE_UNCHECKED, B, true },
    { "verify_depth", ROLE_NONE, B, true },
    { "auth_level", ROLE_NONE, B, true },
    { "attime", ROLE_NONE, B, true },
    { "verify_hostname", ROLE_NONE, B, true },
    { "verify_email", ROLE_NONE, B, true },
    { "verify_ip", ROLE_NONE, B, true },
    { "ignore_critical", ROLE_NONE, B, false },
    { "issuer_checks", ROLE_NONE, B, false },
    { "crl_check", ROLE_NONE, B, false },
    { "crl_check_all", ROLE_NONE, B, false },
    { "policy_check", ROLE_NONE, B, false },
    { "explicit_policy", ROLE_NONE, B, false },
    { "inhibit_any", ROLE_NONE, B, false },
    { "inhibit_map", ROLE_NONE, B, false },
    { "x509_strict", ROLE_NONE, B, false },
    { "extended_crl", ROLE_NONE, B, false },
    { "use_deltas", ROLE_NONE, B, false },
    { "policy_print", ROLE_NONE, B, false },
    { "check_ss_sig", ROLE_NONE, B, false },
    { "trusted_first", ROLE_NONE, B, false },
    { "suiteB_128_only", ROLE_NONE, B, false },
    { "suiteB_128", ROLE_NONE, B, false },
    { "suiteB_192", ROLE_NONE, B, false },
    { "partial_chain", ROLE_NONE, B, false },
    { "no_alt_chains", ROLE_NONE, B, false },
    { "no_check_time", ROLE_UNCHECKED, B, false },
    { "allow_proxy_certs", ROLE_NONE, B, false },

    { "sender", ROLE_SENDER, SHIM_VERB, true },
    { "no-sender", ROLE_NO_SENDER, SHIM_VERB, false },
};
/* clang-format on */

const struct shim_option *shim_option_at(size_t index)
{
    return index < sizeof(table) / sizeof(table[0]) ? &table[index] : NULL;
}
