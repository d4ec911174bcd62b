/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: taking a multipart/signed with the boundary "b" apart.
 */
#include "tool/mail/mail.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    FILE *body = fmemopen(NULL, size + 1, "w+");
    FILE *content = fopen("/dev/null", "w");
    BIO *signature = BIO_new(BIO_s_mem());

    if (body != NULL && content != NULL && signature != NULL &&
        fwrite(data, 1, size, body) == size && fflush(body) == 0) {
        rewind(body);
        (void)shim_split(body, "b", content, signature);
    }
    BIO_free(signature);
    if (content != NULL)
        fclose(content);
    if (body != NULL)
        fclose(body);
    return 0;
}
