/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/key_marks.h"

bool sp_may_be_ec(const void *der, size_t length)
{
    /* id-ecPublicKey (RFC 5480) */
    static const unsigned char mark[] = { 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };

    return memmem(der, length, mark, sizeof(mark)) != NULL;
}

bool sp_may_be_pss(const void *der, size_t length)
{
    /* id-RSASSA-PSS (RFC 4055), which may be the algorithm of the signature, too */
    static const unsigned char mark[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 10 };

    return memmem(der, length, mark, sizeof(mark)) != NULL;
}
