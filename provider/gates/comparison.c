/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * PKCS7_decrypt() and whoever signs compare in the same way, and what a key does next
 * tells too late: the other thread, or another message of this one, may sign
 * in between.  So the callers are asked, within libcrypto.  What a program does in a
 * callback of libcrypto's is not: it lies beyond the program's own frames.
 */
#include "comparison.h"

#include <string.h>

#include <dlfcn.h>
#include <unwind.h>

/* More than there are from our entry function to X509_check_private_key()'s caller. */
#define MOST_CALLERS 32

struct walk {
    const void *ours;   /* where this module, or the program that it is part of, was loaded */
    const void *crypto; /* libcrypto; NULL before its first frame */
    unsigned steps;
    bool found;
};

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    /* A return address may be the first one behind the function. */
    const _Unwind_Ptr address = _Unwind_GetIP(context) - 1;
    const void *at;
    Dl_info info;

    memcpy(&at, &address, sizeof(at));
    if (++walk->steps > MOST_CALLERS || dladdr(at, &info) == 0)
        return _URC_END_OF_STACK;
    if (walk->crypto == NULL && info.dli_fbase == walk->ours)
        return _URC_NO_REASON;
    if (walk->crypto == NULL)
        walk->crypto = info.dli_fbase;
    if (info.dli_fbase != walk->crypto)
        return _URC_END_OF_STACK;
    walk->found = info.dli_sname != NULL && strcmp(info.dli_sname, "PKCS7_decrypt") == 0;
    return walk->found ? _URC_END_OF_STACK : _URC_NO_REASON;
}

bool sp_compares_to_decrypt(void)
{
    static const char here;
    struct walk walk = { 0 };
    Dl_info info;

    if (dladdr(&here, &info) == 0)
        return false;
    walk.ours = info.dli_fbase;
    (void)_Unwind_Backtrace(look, &walk);
    return walk.found;
}
