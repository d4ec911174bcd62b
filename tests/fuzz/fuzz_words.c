/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a command line, a word for each line, under the stock names, as a verb
 * and for `check`.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/check/checking.h"
#include "stock/request.h"
#include "tool/run/ciphers.h"

#define MOST_WORDS 64

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void split(char *text, char **words)
{
    size_t count = 0;

    for (char *word = strtok(text, "\n"); word != NULL && count < MOST_WORDS;
         word = strtok(NULL, "\n"))
        words[count++] = word;
    words[count] = NULL;
}

/* A parser may move the words of its caller: each has a row of its own. */
static void read_request(enum shim_api api, char *const *given)
{
    struct shim_args args = { 0 };
    struct shim_request request = { 0 };
    char *words[MOST_WORDS + 1];

    memcpy(words, given, sizeof(words));
    if (shim_request_parse(api, words, shim_cipher_is_known, &args, &request) == 0)
        (void)shim_request_reads_stdin(&request);
    shim_request_clear(&request);
    shim_args_free(&args);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const enum shim_api apis[] = { SHIM_CMS, SHIM_SMIME, SHIM_VERB };
    char *text = OPENSSL_strndup((const char *)data, size);
    char name[] = "check";
    char *words[MOST_WORDS + 2] = { name };
    struct shim shim = { 0 };
    struct shim_check check = { 0 };
    struct shim_long line;

    if (text == NULL)
        return 0;
    split(text, words + 1);
    for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++)
        read_request(apis[i], words + 1);
    if (shim_long_parse(&shim, words, &line) == SHIM_OK)
        (void)shim_check_options(&line, &check);
    OPENSSL_free(text);
    return 0;
}
