/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Upcalls: the functions that the core offers to one instance of the provider.
 */
#ifndef SP_UPCALLS_H
#define SP_UPCALLS_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

struct sp_upcalls {
    const OSSL_CORE_HANDLE *handle;
    OSSL_FUNC_core_get_params_fn *get_params;
    OSSL_FUNC_core_get_libctx_fn *get_libctx;
    OSSL_FUNC_core_thread_start_fn *thread_start;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_FUNC_core_set_error_mark_fn *set_error_mark;
    OSSL_FUNC_core_pop_error_to_mark_fn *pop_error_to_mark;
};

/* Read the core's functions; false if a necessary one is missing. */
bool sp_upcalls_from(struct sp_upcalls *up, const OSSL_CORE_HANDLE *handle,
                     const OSSL_DISPATCH *in);

/*
 * Is the core part of the libcrypto that this module calls?  A program with a
 * libcrypto of its own (static, or another version) has certificates that our
 * register can never see.
 */
bool sp_upcalls_are_ours(const struct sp_upcalls *up);

/* The core's library context.  Valid only if sp_upcalls_are_ours(). */
OSSL_LIB_CTX *sp_upcalls_libctx(const struct sp_upcalls *up);

/* Raise an error through the core: for the time when our own reasons are not registered. */
void sp_upcalls_raise(const struct sp_upcalls *up, uint32_t reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
