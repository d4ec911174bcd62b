/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "stock/conf_head.h"

bool shim_conf_is_plain(unsigned char byte)
{
    static const char marks[] = "/._-+@%,:?";

    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte >= 0x80 ||
           (byte != '\0' && strchr(marks, byte) != NULL);
}
