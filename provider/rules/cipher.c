/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cipher that a message is about to be encrypted with.
 */
#include <openssl/objects.h>

#include "verdict.h"

/* RC2, DES and 3DES, whatever the key size and mode. */
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
        return true;
    default:
        return false;
    }
}

smimepolicy_verdict *sp_judge_cipher(int cipher, const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(NULL, SMIMEPOLICY_ENCRYPT);

    if (verdict == NULL || !is_weak(cipher))
        return verdict;
    sp_verdict_add(verdict, SP_RULE_WEAK_CIPHER, settings->beyond[SP_WEAK_CIPHER],
                   (struct sp_say){ sp_format("message would be encrypted with %s, a weak cipher",
                                              OBJ_nid2sn(cipher)),
                                    sp_format("%s", OBJ_nid2sn(cipher)), sp_format("AES"),
                                    sp_format("encrypt with AES (-aes256)") });
    return sp_verdict_finish(verdict);
}
