/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Taking a multipart/signed (RFC 1847) apart, in memory that does not grow
 * with the message.
 */
#ifndef SHIM_SPLIT_H
#define SHIM_SPLIT_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/bio.h>

enum shim_split {
    SPLIT_DONE,
    SPLIT_UNCLEAR, /* not two parts, or two readers might find different ones */
    SPLIT_FAILED   /* errno says why */
};

/*
 * Write the first part, as it was signed (lines ended by CR LF, RFC 8551
 * 3.1.1), to |content| and the second to |signature|, which is kept small.
 *
 * @param body      at the start of the body
 * @param boundary  the parameter of the content type
 */
enum shim_split shim_split(FILE *body, const char *boundary, FILE *content, BIO *signature);

#endif
