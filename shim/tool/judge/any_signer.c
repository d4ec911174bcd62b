/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * --any-signer: one good signer of several is enough.  Stock wants every signature to pass, so it
 * gets the message without those that do not count.  Whatever else is asked of a message is asked
 * of this one: its sender has to be one of the signers that are left.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"
#include "tool/judge/judge.h"

static bool counts(const struct shim_signature *signature)
{
    return !signature->refused && signature->tested && signature->fits;
}

/* Why a signature that was reviewed and tested does not count; owned by the caller. */
static char *reason(const struct shim_signature *signature, const struct shim_outcome *outcome)
{
    if (!signature->refused)
        return sp_format("%s", signature->tested ? "its signature does not fit the message"
                                                 : "its signature cannot be tested");
    return OPENSSL_strdup(outcome->kept);
}

/* Find out which signatures count, and why the others do not. */
static int look(struct shim_incoming *incoming, const struct shim_operation *operation, time_t now,
                size_t *good)
{
    int code = SHIM_OK;

    shim_signers_test(incoming, operation->args);
    for (size_t i = 0; code == SHIM_OK && i < incoming->count; i++) {
        struct shim_signature *signature = &incoming->signatures[i];
        /* Nothing is refused yet, so nothing is logged. */
        struct shim_outcome alone = { .settings = operation->shim->settings,
                                      .explains = true,
                                      .keeps = true };

        shim_review_alone(incoming, i, operation, now, &alone);
        code = alone.fault;
        if (counts(signature))
            (*good)++;
        else if ((signature->why = reason(signature, &alone)) == NULL && code == SHIM_OK)
            code = shim_no_memory();
        shim_outcome_clear(&alone);
    }
    return code;
}

static void tell(const struct shim_signature *signature, size_t number, size_t count)
{
    char *name = sp_signer_text(signature->facts);

    if (name != NULL)
        shim_error("signer %zu of %zu, %s, does not count: %s", number, count, name,
                   signature->why);
    OPENSSL_free(name);
}

/* What was found is found out again, and told then. */
static void forget(struct shim_signature *signature)
{
    shim_chain_clear(&signature->chain);
    OPENSSL_free(signature->why);
    signature->why = NULL;
    signature->refused = signature->tested = signature->fits = false;
}

/* NULL if it cannot be written. */
static FILE *write_message(CMS_ContentInfo *cms)
{
    FILE *file = shim_input_spool();
    BIO *bio = file == NULL ? NULL : BIO_new_fp(file, BIO_NOCLOSE);
    bool done = bio != NULL && i2d_CMS_bio(bio, cms) == 1 && BIO_flush(bio) == 1;

    BIO_free(bio);
    if (file != NULL)
        rewind(file);
    if (done || file == NULL)
        return file;
    fclose(file);
    return NULL;
}

/* Make it a message with the |good| signatures alone that count. */
static int shorten(struct shim_incoming *incoming, size_t good)
{
    const size_t count = incoming->count;
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(incoming->cms);
    STACK_OF(CMS_SignerInfo) *others = sk_CMS_SignerInfo_new_reserve(NULL, (int)(count - good));
    FILE *message;

    incoming->left_out = OPENSSL_zalloc((count - good) * sizeof(*incoming->left_out));
    if (others == NULL || incoming->left_out == NULL) {
        sk_CMS_SignerInfo_free(others);
        return shim_no_memory();
    }
    incoming->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct shim_signature signature = incoming->signatures[i];

        if (counts(&signature)) {
            incoming->signatures[incoming->count++] = signature;
            continue;
        }
        incoming->left_out[incoming->left_out_count++] = signature;
        /* There is room for it, and in |infos| for its return. */
        (void)sk_CMS_SignerInfo_push(others, sk_CMS_SignerInfo_delete(infos, (int)incoming->count));
    }
    message = write_message(incoming->cms);
    /* They belong to |cms|, which frees them. */
    while (sk_CMS_SignerInfo_num(others) > 0)
        (void)sk_CMS_SignerInfo_push(infos, sk_CMS_SignerInfo_shift(others));
    sk_CMS_SignerInfo_free(others);
    if (message == NULL) {
        ERR_clear_error();
        return shim_no_memory();
    }
    if (incoming->signature != NULL)
        fclose(incoming->signature);
    incoming->signature = message;
    return SHIM_OK;
}

int shim_any_signer(struct shim_incoming *incoming, const struct shim_operation *operation,
                    time_t now)
{
    size_t good = 0;
    int code = incoming->count > 1 ? look(incoming, operation, now, &good) : SHIM_OK;
    bool some = good > 0 && good < incoming->count;

    for (size_t i = 0; code == SHIM_OK && some && !operation->capture && i < incoming->count; i++)
        if (!counts(&incoming->signatures[i]))
            tell(&incoming->signatures[i], i + 1, incoming->count);
    if (code == SHIM_OK && some)
        code = shorten(incoming, good);
    for (size_t i = 0; i < incoming->count; i++)
        forget(&incoming->signatures[i]);
    return code;
}
