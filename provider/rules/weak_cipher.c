/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cipher with which a message is about to be encrypted.
 */
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "rules/verdict.h"

/* RC2, DES and 3DES with every key size and mode, also for wrapping keys. */
static bool is_weak(int cipher)
{
    switch (cipher) {
    case NID_rc2_cbc:
    case NID_rc2_ecb:
    case NID_rc2_cfb64:
    case NID_rc2_ofb64:
    case NID_rc2_40_cbc:
    case NID_rc2_64_cbc:
    case NID_des_cbc:
    case NID_des_ecb:
    case NID_des_cfb1:
    case NID_des_cfb8:
    case NID_des_cfb64:
    case NID_des_ofb64:
    case NID_desx_cbc:
    case NID_des_ede_cbc:
    case NID_des_ede_ecb:
    case NID_des_ede_cfb64:
    case NID_des_ede_ofb64:
    case NID_des_ede3_cbc:
    case NID_des_ede3_ecb:
    case NID_des_ede3_cfb1:
    case NID_des_ede3_cfb8:
    case NID_des_ede3_cfb64:
    case NID_des_ede3_ofb64:
    case NID_id_smime_alg_CMS3DESwrap:
    case NID_id_smime_alg_CMSRC2wrap:
        return true;
    default:
        return false;
    }
}

/*
 * Does each block depend on the text before it, or is all of it authenticated?  ECB
 * shows which blocks are equal.  In OFB, CTR and stream ciphers a bit changed on the
 * way changes that bit of the text and no other.
 */
static bool is_chained(int cipher)
{
    const EVP_CIPHER *known = EVP_get_cipherbynid(cipher);

    /* libcrypto does not encrypt with a cipher that it does not know. */
    if (known == NULL || (EVP_CIPHER_get_flags(known) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0)
        return true;
    switch (EVP_CIPHER_get_mode(known)) {
    case EVP_CIPH_CBC_MODE:
    case EVP_CIPH_CFB_MODE:
    case EVP_CIPH_GCM_MODE:
    case EVP_CIPH_CCM_MODE:
    case EVP_CIPH_OCB_MODE:
    case EVP_CIPH_SIV_MODE:
        return true;
    default:
        return false;
    }
}

int sp_cipher_find(const char *name)
{
    const EVP_CIPHER *known = EVP_get_cipherbyname(name);

    return known != NULL ? EVP_CIPHER_get_nid(known) : OBJ_txt2nid(name);
}

smimepolicy_verdict *sp_judge_cipher(int cipher, bool wraps_keys,
                                     const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(NULL, SMIMEPOLICY_ENCRYPT);
    const char *name = OBJ_nid2sn(cipher);
    bool weak = is_weak(cipher);

    if (verdict == NULL || (!weak && (wraps_keys || is_chained(cipher))))
        return verdict;
    sp_verdict_add(
        verdict, SP_RULE_WEAK_CIPHER, settings->beyond[SP_WEAK_CIPHER],
        (struct sp_finding_text){
            sp_format("message would be encrypted with %s, a %s", name,
                      weak ? "weak cipher" : "cipher without chaining"),
            sp_format("%s", name), sp_format("AES in CBC or GCM"),
            sp_format(weak ? "encrypt with AES (-aes256)" : "encrypt with AES in CBC (-aes256)") });
    return sp_verdict_finish(verdict);
}
