/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Splitting a multipart/signed (RFC 1847), with memory that does not grow with the
 * message.
 */
#ifndef SHIM_SPLIT_H
#define SHIM_SPLIT_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/bio.h>

enum shim_split {
    SPLIT_DONE,
    SPLIT_UNCLEAR, /* it has not two parts, or readers might find different ones */
    SPLIT_FAILED   /* it failed, with errno set */
};

/*
 * Write the first part to |content|, as it was signed (lines end with CR LF, RFC
 * 8551, 3.1.1), and the second to |signature|, whose size is limited.
 *
 * @param body      at the start of the body
 * @param boundary  the parameter of the content type
 */
enum shim_split shim_split(FILE *body, const char *boundary, FILE *content, BIO *signature);

#endif
