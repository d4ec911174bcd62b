/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * PKCS7_decrypt() and signers compare keys in the same way.  What the key does next
 * would tell them apart, but too late: another thread, or another message of this
 * thread, may sign in between.  So the callers on the stack are looked at, within
 * libcrypto alone: a callback of the program that libcrypto calls lies above frames
 * of the program.
 */
#include "gates/comparison.h"

#include <string.h>

#include <dlfcn.h>
#include <openssl/pkcs7.h>
#include <unwind.h>

/* There are fewer callers between our entry function and X509_check_private_key(). */
#define MOST_CALLERS 16

struct walk {
    _Unwind_Ptr wanted;              /* where the function begins */
    _Unwind_Ptr calls[MOST_CALLERS]; /* an address in each caller, the nearest first */
    size_t count;
    bool found; /* the last caller is within the function */
};

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;

    if (walk->count == MOST_CALLERS)
        return _URC_END_OF_STACK;
    /* A return address may be the first byte behind the function. */
    walk->calls[walk->count++] = _Unwind_GetIP(context) - 1;
    walk->found = _Unwind_GetRegionStart(context) == walk->wanted;
    return walk->found ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/* The address at which the object that holds |address| was loaded; NULL if not known. */
static const void *base_of(_Unwind_Ptr address)
{
    const void *at;
    Dl_info info;

    memcpy(&at, &address, sizeof(at));
    return dladdr(at, &info) != 0 ? info.dli_fbase : NULL;
}

/*
 * Are all callers within libcrypto?  This is the costly part, so it is asked only if
 * the function is among the callers.
 */
static bool is_within_libcrypto(const struct walk *walk)
{
    const void *crypto = base_of(walk->wanted), *ours = base_of(walk->calls[0]);
    size_t i = 0;

    while (i < walk->count && base_of(walk->calls[i]) == ours)
        i++;
    while (i < walk->count && base_of(walk->calls[i]) == crypto)
        i++;
    return crypto != NULL && i == walk->count;
}

bool sp_compares_to_decrypt(void)
{
    int (*const function)(PKCS7 *, EVP_PKEY *, X509 *, BIO *, int) = PKCS7_decrypt;
    struct walk walk = { 0 };

    memcpy(&walk.wanted, &function, sizeof(walk.wanted));
    (void)_Unwind_Backtrace(look, &walk);
    return walk.found && is_within_libcrypto(&walk);
}
