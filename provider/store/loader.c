/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * OSSL_STORE over the keyring: what a program wants, and what it is given.
 */
#include "store/loader.h"

#include <limits.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "keyring/forks.h"
#include "policy/reasons.h"
#include "store/give.h"
#include "store/load_state.h"

/* libcrypto calls it without testing for NULL. */
static void *attach(void *provctx, OSSL_CORE_BIO *in)
{
    (void)provctx;
    (void)in;
    SP_RAISE(SP_REASON_URI, "the keyring is not read from a stream");
    return NULL;
}

static const OSSL_PARAM *settable_params(void *provctx)
{
    static const OSSL_PARAM params[] = { OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                                         OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),
                                         OSSL_PARAM_END };

    (void)provctx;
    return params;
}

static bool set_expected(struct sp_loader *loader, const OSSL_PARAM *param)
{
    if (OSSL_PARAM_get_int(param, &loader->expected) != 1)
        return false;
    loader->wants_other = loader->expected != 0 && loader->expected != OSSL_STORE_INFO_PKEY &&
                          loader->expected != OSSL_STORE_INFO_CERT;
    return true;
}

static bool set_subject(struct sp_loader *loader, const OSSL_PARAM *param)
{
    const void *value = NULL;
    const unsigned char *der;
    size_t length = 0;

    if (OSSL_PARAM_get_octet_string_ptr(param, &value, &length) != 1 || length > LONG_MAX)
        return false;
    der = value;
    X509_NAME_free(loader->subject);
    loader->subject = d2i_X509_NAME(NULL, &der, (long)length);
    return loader->subject != NULL;
}

/* A search of an unknown kind is refused: without it everything would be found. */
static bool is_searchable(const OSSL_PARAM params[])
{
    return OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ISSUER) == NULL &&
           OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_FINGERPRINT) == NULL &&
           OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ALIAS) == NULL;
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
    struct sp_loader *loader = ctx;
    const OSSL_PARAM *expected, *subject;

    if (params == NULL)
        return 1;
    if (!is_searchable(params)) {
        SP_RAISE(SP_REASON_URI, "%s: it is searched by subject alone", loader->name);
        return 0;
    }
    expected = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
    subject = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SUBJECT);
    return (expected == NULL || set_expected(loader, expected)) &&
           (subject == NULL || set_subject(loader, subject));
}

/*
 * The end.  A search may find nothing, as libcrypto asks for many issuers; a name
 * that is not known is an error.
 */
static int nothing_more(const struct sp_loader *loader)
{
    static const char *const missing[] = {
        [SP_URI_IDENTITY] = "no identity has this address; upload the certificate and its key",
        [SP_URI_CONTACT] = "no contact has this address; upload the contact's certificate",
        [SP_URI_ISSUERS] = "no issuer of this identity is stored that would be sent along",
        [SP_URI_CHAIN] = "no identity has this address; upload the certificate and its key",
        [SP_URI_CERT] = "no certificate has this fingerprint",
        [SP_URI_TRUST] = "nothing in the keyring was uploaded"
    };

    enum sp_uri_kind kind = loader->uri.kind;

    if (loader->has_given || loader->subject != NULL)
        return 0;
    if (kind == SP_URI_ISSUERS && loader->choice.count == 0)
        kind = SP_URI_IDENTITY;
    SP_RAISE(SP_REASON_NOT_STORED, "%s: %s", loader->name, missing[kind]);
    return -1;
}

/* Give the key of |loader->last|. */
static int give_key(struct sp_loader *loader, struct sp_taker *taker)
{
    struct sp_private_key key;
    int found = 0;
    bool given = false;
    struct sp_quiet quiet;

    loader->owes_key = false;
    sp_keyring_enter(&quiet);
    if (loader->last.role == SP_ROLE_IDENTITY)
        found = sp_keyring_key(loader->keyring, loader->last.key, &key);
    sp_keyring_leave(&quiet);
    if (found < 0)
        (void)sp_load_refuse(SP_REASON_KEYRING, loader->name,
                             OPENSSL_strdup(sp_keyring_why(loader->keyring)));
    if (found == 0)
        SP_RAISE(SP_REASON_NOT_STORED, "%s: no private key belongs to this certificate",
                 loader->name);
    if (found <= 0)
        return -1;
    given = sp_give_key(taker, &key);
    sp_private_key_clear(&key);
    return given ? 1 : -1;
}

/* Do these certificates have keys?  Contacts and CAs have none. */
static bool has_keys(const struct sp_loader *loader)
{
    return loader->uri.kind == SP_URI_IDENTITY || loader->uri.kind == SP_URI_CERT;
}

static int give_nothing(const struct sp_loader *loader)
{
    SP_RAISE(SP_REASON_NOT_STORED, "%s: nothing of the kind that was asked for", loader->name);
    return -1;
}

/* Give the next object.  1: given; 0: no more; -1: it failed, with a reason raised. */
static int give_next(struct sp_loader *loader, struct sp_taker *taker)
{
    const bool only_key = loader->expected == OSSL_STORE_INFO_PKEY;
    int found;

    if (loader->wants_other || (only_key && !has_keys(loader)))
        return give_nothing(loader);
    if (loader->owes_key)
        return give_key(loader, taker);
    if (only_key && loader->has_given)
        return 0;
    found = sp_load_next(loader);
    if (found <= 0)
        return found < 0 ? -1 : nothing_more(loader);
    loader->has_given = true;
    if (only_key)
        return give_key(loader, taker);
    loader->owes_key =
        loader->expected == 0 && has_keys(loader) && loader->last.role == SP_ROLE_IDENTITY;
    return sp_give_cert(taker, &loader->last) ? 1 : -1;
}

static int load(void *ctx, OSSL_CALLBACK *object, void *object_arg,
                OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    struct sp_loader *loader = ctx;
    struct sp_taker taker = {
        loader->libctx, object, object_arg, passphrase, passphrase_arg, false
    };
    int given = 0;

    if (loader->state == SP_LOADING)
        given = give_next(loader, &taker);
    if (given <= 0)
        loader->state = given < 0 ? SP_LOAD_FAILED : SP_LOAD_ENDED;
    return given > 0;
}

static int is_at_end(void *ctx)
{
    const struct sp_loader *loader = ctx;

    return loader->state == SP_LOAD_ENDED;
}

static int close_uri(void *ctx)
{
    sp_load_close(ctx);
    return 1;
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_STORE_OPEN, (void (*)(void))sp_load_open },
    { OSSL_FUNC_STORE_ATTACH, (void (*)(void))attach },
    { OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_params },
    { OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_params },
    { OSSL_FUNC_STORE_LOAD, (void (*)(void))load },
    { OSSL_FUNC_STORE_EOF, (void (*)(void))is_at_end },
    { OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_uri },
    { 0, NULL }
};

/* fips=yes as for OpenSSL's own file store: it does no cryptography. */
const OSSL_ALGORITHM sp_store_loader = { "smimepolicy",
                                         "provider=smimepolicy,fips=yes,smime.policy", functions,
                                         "Certificates and keys of the keyring" };
