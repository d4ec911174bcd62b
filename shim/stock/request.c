/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "stock/request.h"
#include "base/allocate.h"
#include "common/message.h"

static void add_signer(struct shim_request *request, const char *cert, const char *key)
{
    struct shim_signer *signer = &request->signers[request->signer_count++];

    signer->cert = cert;
    signer->key = key != NULL ? key : cert;
}

/*
 * Pair signers and keys as stock does: an -inkey belongs to the -signer before it,
 * or to the next one if that has its key already.
 */
static void pair_signers(const struct shim_args *args, struct shim_request *request)
{
    const char *cert = NULL;
    const char *key = NULL;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_given *given = &args->given[i];

        if (given->option->role == ROLE_SIGNER) {
            if (cert != NULL) {
                add_signer(request, cert, key);
                key = NULL;
            }
            cert = given->value;
        } else if (given->option->role == ROLE_INKEY) {
            if (key != NULL && cert != NULL) {
                add_signer(request, cert, key);
                cert = NULL;
            }
            key = given->value;
        }
    }
    if (cert != NULL)
        add_signer(request, cert, key);
}

static void read_option(const struct shim_given *given, struct shim_request *request)
{
    switch (given->option->role) {
    case ROLE_HELP:
        request->help = true;
        break;
    case ROLE_OPERATION:
        request->operation = given->option->name;
        break;
    case ROLE_RECIP:
        request->recipients[request->recipient_count++] = given->value;
        break;
    case ROLE_ORIGINATOR:
        request->originator = given->value;
        break;
    case ROLE_INKEY:
        request->inkey = given->value;
        break;
    case ROLE_CERTFILE:
        request->certfile = given->value;
        break;
    case ROLE_PASSIN:
        request->passin = given->value;
        break;
    case ROLE_CIPHER:
        request->cipher = given->word + strspn(given->word, "-");
        break;
    case ROLE_WRAP:
        request->wrap = given->value != NULL ? given->value : given->option->name;
        break;
    case ROLE_DIGEST:
        request->digest = given->value;
        break;
    case ROLE_SHARED_SECRET:
        request->shared_secret = given->option->name;
        break;
    default:
        break;
    }
}

/* False if out of memory. */
static bool read_args(const struct shim_args *args, struct shim_request *request)
{
    size_t operands = 0;

    while (args->operands[operands] != NULL)
        operands++;
    memset(request, 0, sizeof(*request));
    request->signers = OPENSSL_zalloc((args->count + 1) * sizeof(*request->signers));
    request->recipients =
        OPENSSL_zalloc((args->count + operands + 1) * sizeof(*request->recipients));
    if (request->signers == NULL || request->recipients == NULL)
        return false;
    for (size_t i = 0; i < args->count; i++)
        read_option(&args->given[i], request);
    for (size_t i = 0; i < operands; i++)
        request->recipients[request->recipient_count++] = args->operands[i];
    pair_signers(args, request);
    return true;
}

int shim_request_parse(enum shim_api api, char **argv, shim_cipher_known_fn *known,
                       struct shim_args *args, struct shim_request *request)
{
    int code = shim_args_parse(api, argv, known, args);

    return code == SHIM_OK && !read_args(args, request) ? shim_no_memory() : code;
}

void shim_request_clear(struct shim_request *request)
{
    OPENSSL_free(request->signers);
    OPENSSL_free(request->recipients);
    memset(request, 0, sizeof(*request));
}

bool shim_writes_header(const struct shim_args *args)
{
    const char *form = shim_args_value(args, "outform");

    return form == NULL || form[0] == 's' || form[0] == 'S';
}

static bool is_stdin(const char *path)
{
    static const char *const names[] = { "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0" };
    bool found = false;

    if (path != NULL && strncmp(path, "file:", 5) == 0)
        path += 5;
    for (size_t i = 0; path != NULL && !found && i < sizeof(names) / sizeof(names[0]); i++)
        found = strcmp(path, names[i]) == 0;
    return found;
}

bool shim_request_reads_stdin(const struct shim_request *request)
{
    bool found =
        is_stdin(request->inkey) || is_stdin(request->certfile) || is_stdin(request->originator);

    for (size_t i = 0; i < request->recipient_count; i++)
        found = found || is_stdin(request->recipients[i]);
    for (size_t i = 0; i < request->signer_count; i++)
        found = found || is_stdin(request->signers[i].cert) || is_stdin(request->signers[i].key);
    return found || is_stdin(request->passin) ||
           (request->passin != NULL &&
            (strcmp(request->passin, "stdin") == 0 || strncmp(request->passin, "fd:", 3) == 0));
}
