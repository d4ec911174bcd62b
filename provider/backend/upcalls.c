/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "backend/upcalls.h"

#include <stdarg.h>

#include <openssl/err.h>

/* A reason code that no other library of the process is likely to use. */
#define ECHO_REASON 2718

bool sp_upcalls_from(struct sp_upcalls *up, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    *up = (struct sp_upcalls){ .handle = handle };
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            up->get_params = OSSL_FUNC_core_get_params(in);
            break;
        case OSSL_FUNC_CORE_GET_LIBCTX:
            up->get_libctx = OSSL_FUNC_core_get_libctx(in);
            break;
        case OSSL_FUNC_CORE_THREAD_START:
            up->thread_start = OSSL_FUNC_core_thread_start(in);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            up->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            up->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_MARK:
            up->set_error_mark = OSSL_FUNC_core_set_error_mark(in);
            break;
        case OSSL_FUNC_CORE_POP_ERROR_TO_MARK:
            up->pop_error_to_mark = OSSL_FUNC_core_pop_error_to_mark(in);
            break;
        default:
            break;
        }
    }
    return up->get_params != NULL && up->get_libctx != NULL && up->thread_start != NULL &&
           up->new_error != NULL && up->vset_error != NULL && up->set_error_mark != NULL &&
           up->pop_error_to_mark != NULL;
}

void sp_upcalls_raise(const struct sp_upcalls *up, uint32_t reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    up->new_error(up->handle);
    up->vset_error(up->handle, reason, format, args);
    va_end(args);
}

bool sp_upcalls_are_ours(const struct sp_upcalls *up)
{
    bool ours;

    up->set_error_mark(up->handle);
    sp_upcalls_raise(up, ECHO_REASON, "is this libcrypto ours?");
    ours = ERR_GET_REASON(ERR_peek_last_error()) == ECHO_REASON;
    up->pop_error_to_mark(up->handle);
    return ours;
}

OSSL_LIB_CTX *sp_upcalls_libctx(const struct sp_upcalls *up)
{
    /* OPENSSL_CORE_CTX is what a provider is told to call OSSL_LIB_CTX. */
    return (OSSL_LIB_CTX *)up->get_libctx(up->handle);
}
