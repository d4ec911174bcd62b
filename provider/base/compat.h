/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What differs between the OpenSSL versions we run with, 3.0 to 4.0.
 */
#ifndef SP_COMPAT_H
#define SP_COMPAT_H

#include <stdbool.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/lhash.h>
#include <openssl/opensslv.h>

/*
 * Functions that came after 3.0.  Their ids never change, and a module that
 * was built with 3.0 gates them when it runs with a newer libcrypto.
 */
enum {
    SP_SIGNATURE_QUERY_KEY_TYPES = 26,
    SP_SIGNATURE_SIGN_MESSAGE_INIT = 27,
    SP_SIGNATURE_SIGN_MESSAGE_UPDATE = 28,
    SP_SIGNATURE_VERIFY_MESSAGE_INIT = 30,
    SP_KEM_AUTH_ENCAPSULATE_INIT = 12
};

typedef const char **sp_signature_query_key_types_fn(void);
typedef int sp_kem_auth_encapsulate_init_fn(void *ctx, void *key, void *auth,
                                            const OSSL_PARAM params[]);

/* 4.0 made the certificate of a trust check const. */
#if OPENSSL_VERSION_MAJOR >= 4
typedef const X509 sp_trust_x509;
#else
typedef X509 sp_trust_x509;
#endif

/* Does `openssl` encrypt with AES-256 if no cipher is named?  Before 3.5 it takes 3DES. */
static inline bool sp_stock_takes_aes(void)
{
    return OpenSSL_version_num() >= 0x30500000L;
}
/* Can it check a MAC of PKCS#12 that is made with PBMAC1? */
static inline bool sp_has_pbmac1(void)
{
    return OpenSSL_version_num() >= 0x30400000L;
}

/* A symbol that some versions of libcrypto lack.  Its address is NULL there. */
#define SP_WEAK __attribute__((weak))

/*
 * From 3.3 on libcrypto calls the argument of OPENSSL_LH_doall() through a thunk.
 * In a new table the thunk is NULL, also for a module that was built with 3.0.
 */
#if !OPENSSL_VERSION_PREREQ(3, 3)
typedef unsigned long sp_lh_hash_thunk(const void *, OPENSSL_LH_HASHFUNC);
typedef int sp_lh_compare_thunk(const void *, const void *, OPENSSL_LH_COMPFUNC);
typedef void sp_lh_doall_thunk(void *, OPENSSL_LH_DOALL_FUNC);
typedef void sp_lh_doall_arg_thunk(void *, void *, OPENSSL_LH_DOALL_FUNCARG);
SP_WEAK OPENSSL_LHASH *OPENSSL_LH_set_thunks(OPENSSL_LHASH *table, sp_lh_hash_thunk *hash,
                                             sp_lh_compare_thunk *compare, sp_lh_doall_thunk *doall,
                                             sp_lh_doall_arg_thunk *doall_arg);
#endif
static inline void sp_lh_thunk(void *entry, OPENSSL_LH_DOALL_FUNC call)
{
    call(entry);
}
static inline void sp_lh_doall(OPENSSL_LHASH *table, OPENSSL_LH_DOALL_FUNC call)
{
#if !OPENSSL_VERSION_PREREQ(3, 3)
    if (OPENSSL_LH_set_thunks != NULL)
#endif
        (void)OPENSSL_LH_set_thunks(table, NULL, NULL, sp_lh_thunk, NULL);
    OPENSSL_LH_doall(table, call);
}

/* OpenSSL 4.0 has no engines, and OPENSSL_NO_DEPRECATED hides their declarations in 3.x. */
typedef EVP_PKEY *sp_engine_load_key_fn(ENGINE *, const char *, UI_METHOD *, void *);
typedef int sp_engine_pkey_meths_fn(ENGINE *, EVP_PKEY_METHOD **, const int **, int);
SP_WEAK ENGINE *ENGINE_get_first(void);
SP_WEAK ENGINE *ENGINE_get_next(ENGINE *engine);
SP_WEAK ENGINE *ENGINE_get_pkey_meth_engine(int nid);
SP_WEAK int ENGINE_finish(ENGINE *engine);
SP_WEAK void ENGINE_unregister_pkey_meths(ENGINE *engine);
SP_WEAK const char *ENGINE_get_id(const ENGINE *engine);
SP_WEAK sp_engine_load_key_fn *ENGINE_get_load_privkey_function(const ENGINE *engine);
SP_WEAK sp_engine_pkey_meths_fn *ENGINE_get_pkey_meths(const ENGINE *engine);
SP_WEAK const EVP_PKEY_METHOD *ENGINE_get_pkey_meth(ENGINE *engine, int nid);

#endif
