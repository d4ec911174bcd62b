/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * OSSL_STORE over the keyring.  A loader and its keyring belong to one thread, and
 * live as long as a program loads.
 */
#include "store/loader.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "backend/instance.h"
#include "base/text.h"
#include "keyring/forks.h"
#include "log/report.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/register.h"
#include "store/along.h"
#include "store/give.h"
#include "store/uri.h"

enum state {
    LOADING,
    /* libcrypto was told.  It asks whether this is the end: no, or it would forget the failure. */
    FAILED,
    ENDED
};

struct loader {
    OSSL_LIB_CTX *libctx; /* borrowed */
    char *name;           /* owned: the URI as given */
    struct sp_uri uri;
    struct sp_keyring *keyring; /* owned */
    int expected;               /* OSSL_STORE_INFO_PKEY or _CERT; 0: both */
    bool wants_other;           /* the program expects something that no keyring holds */
    X509_NAME *subject;         /* owned: of the certificates that are wanted, or NULL */
    bool found;                 /* |choice|, |along| or |cursor| were made */
    struct sp_choice choice;    /* for an address: its records are handed over in order */
    size_t next;                /* how many of |choice| were handed over */
    STACK_OF(X509) *along;      /* owned: for issuers; each is removed when it is handed over */
    struct sp_cursor *cursor;   /* owned: for other URIs, which may find much */
    bool has_given;
    bool owes_key;         /* the key of |last| comes next */
    struct sp_record last; /* owned: the certificate given last */
    enum state state;
};

static void close_loader(struct loader *loader)
{
    struct sp_quiet quiet;

    if (loader == NULL)
        return;
    sp_keyring_enter(&quiet);
    sp_cursor_free(loader->cursor);
    sp_keyring_give_back(loader->keyring, &quiet);
    sp_record_clear(&loader->last);
    sp_choice_clear(&loader->choice);
    sk_X509_pop_free(loader->along, X509_free);
    X509_NAME_free(loader->subject);
    sp_uri_clear(&loader->uri);
    OPENSSL_free(loader->name);
    OPENSSL_free(loader);
}

/* Raise |why|, which is taken over; NULL: out of memory.  Returns false. */
static bool refuse(int reason, const char *name, char *why)
{
    SP_RAISE(why != NULL ? reason : SP_REASON_NO_MEMORY, "%s: %s", name,
             why != NULL ? why : "nothing was loaded");
    OPENSSL_free(why);
    return false;
}

/*
 * The keyring of the user who runs the program.  The settings may name one of any
 * owner.  HOME, however, may still be that of another user, so a default keyring
 * must be the user's own.
 */
static char *find_own(char **why)
{
    char *path = sp_keyring_default();
    char *fault = NULL;

    if (path != NULL && path[0] == '/' &&
        (!sp_keyring_exists(path) || sp_keyring_is_own(path, &fault)))
        return path;
    if (fault != NULL)
        *why = sp_format("%s; or name the keyring in the setting keyring", fault);
    else
        *why = OPENSSL_strdup("neither the setting keyring nor HOME says where it is; set the "
                              "setting keyring to its path");
    OPENSSL_free(fault);
    OPENSSL_free(path);
    return NULL;
}

static bool open_keyring(struct loader *loader)
{
    const char *path = sp_policy()->keyring;
    char *why = NULL;
    char *own = path == NULL ? find_own(&why) : NULL;
    struct sp_quiet quiet;

    if (path == NULL)
        path = own;
    if (path != NULL) {
        loader->keyring = sp_keyring_borrow(path, &quiet, &why);
        sp_keyring_leave(&quiet);
    }
    OPENSSL_free(own);
    return loader->keyring != NULL || refuse(SP_REASON_KEYRING, loader->name, why);
}

static bool prepare(struct loader *loader, const char *text)
{
    char *why = NULL;

    loader->name = OPENSSL_strdup(text);
    if (loader->name == NULL)
        return refuse(SP_REASON_NO_MEMORY, text, NULL);
    if (!sp_uri_read(&loader->uri, text, &why))
        return refuse(SP_REASON_URI, text, why);
    return open_keyring(loader);
}

static void *open_uri(void *provctx, const char *text)
{
    const struct sp_instance *instance = sp_instance_for(provctx);
    struct loader *loader;

    if (instance == NULL)
        return NULL;
    if (sp_policy_locked() != NULL) {
        SP_RAISE(SP_REASON_LOCKED, "refused: load: %s", sp_policy_locked());
        return NULL;
    }
    loader = OPENSSL_zalloc(sizeof(*loader));
    if (loader == NULL) {
        (void)refuse(SP_REASON_NO_MEMORY, text, NULL);
        return NULL;
    }
    loader->libctx = sp_upcalls_libctx(&instance->up);
    if (prepare(loader, text))
        return loader;
    close_loader(loader);
    return NULL;
}

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

static bool set_expected(struct loader *loader, const OSSL_PARAM *param)
{
    if (OSSL_PARAM_get_int(param, &loader->expected) != 1)
        return false;
    loader->wants_other = loader->expected != 0 && loader->expected != OSSL_STORE_INFO_PKEY &&
                          loader->expected != OSSL_STORE_INFO_CERT;
    return true;
}

static bool set_subject(struct loader *loader, const OSSL_PARAM *param)
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
    struct loader *loader = ctx;
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
 * Choose among the certificates of the address.  The report names the one that is
 * given; a key alone is loaded in addition to it.
 */
static bool choose(struct loader *loader)
{
    const bool gives_chosen =
        loader->uri.kind == SP_URI_IDENTITY || loader->uri.kind == SP_URI_CONTACT;
    char *why = NULL;

    if (!sp_choice_find(&loader->choice, loader->keyring, loader->uri.address,
                        loader->uri.kind == SP_URI_CONTACT ? SMIMEPOLICY_ENCRYPT : SMIMEPOLICY_SIGN,
                        &why) ||
        (loader->choice.count > 1 &&
         !sp_choice_rank(&loader->choice, time(NULL), sp_policy(), &why)))
        return refuse(SP_REASON_KEYRING, loader->name, why);
    if (!gives_chosen) {
        loader->along = sp_along(loader->keyring, &loader->choice, loader->uri.kind == SP_URI_CHAIN,
                                 loader->name);
        return loader->along != NULL;
    }
    return loader->expected == OSSL_STORE_INFO_PKEY ||
           sp_report_choice(&loader->choice, strchr(loader->name, '/') + 1) ||
           refuse(SP_REASON_NO_MEMORY, loader->name, NULL);
}

static bool search(struct loader *loader)
{
    const struct sp_query queries[] = {
        [SP_URI_CERT] = { .index = SP_BY_FINGERPRINT, .hash = loader->uri.fingerprint },
        [SP_URI_TRUST] = { .index = loader->subject != NULL ? SP_BY_SUBJECT : SP_ALL,
                           .name = loader->subject,
                           .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) | SP_ROLE_BIT(SP_ROLE_CONTACT) |
                                    SP_ROLE_BIT(SP_ROLE_CA),
                           .by_hand = true },
    };

    loader->cursor = sp_keyring_find(loader->keyring, &queries[loader->uri.kind]);
    return loader->cursor != NULL ||
           refuse(SP_REASON_KEYRING, loader->name, OPENSSL_strdup(sp_keyring_why(loader->keyring)));
}

/* What is parsed to choose is nothing that the program has parsed. */
static bool find(struct loader *loader)
{
    sp_register_set_aside(true);
    loader->found = loader->uri.address != NULL ? choose(loader) : search(loader);
    sp_register_set_aside(false);
    return loader->found;
}

/* Move the next one of the choice to |loader->last|.  With a report it is the chosen one alone. */
static int next_chosen(struct loader *loader)
{
    struct sp_record *next;

    if (loader->next == (sp_report_is_on() && loader->choice.count > 0 ? 1 : loader->choice.count))
        return 0;
    next = &loader->choice.records[sp_choice_place(&loader->choice, loader->next++)];
    loader->last = *next;
    *next = (struct sp_record){ 0 };
    return 1;
}

/* Encode the next issuer into |loader->last|. */
static int next_along(struct loader *loader)
{
    X509 *cert = sk_X509_shift(loader->along);
    int length = cert != NULL ? i2d_X509_AUX(cert, &loader->last.der) : 0;

    X509_free(cert);
    loader->last.role = SP_ROLE_CA;
    loader->last.der_length = length > 0 ? (size_t)length : 0;
    if (length < 0)
        (void)refuse(SP_REASON_NO_MEMORY, loader->name, NULL);
    return length < 0 ? -1 : length > 0;
}

/* Compare the names: different names may have the same hash. */
static bool is_wanted(const struct loader *loader, const struct sp_record *record)
{
    X509 *cert;
    bool wanted;

    if (loader->subject == NULL)
        return true;
    cert = sp_record_cert(record);
    wanted = cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), loader->subject) == 0;
    X509_free(cert);
    return wanted;
}

static int next_found(struct loader *loader)
{
    int found;

    if (loader->along != NULL)
        return next_along(loader);
    if (loader->cursor == NULL)
        return next_chosen(loader);
    found = sp_cursor_next(loader->cursor, &loader->last);
    if (found < 0)
        (void)refuse(SP_REASON_KEYRING, loader->name,
                     OPENSSL_strdup(sp_keyring_why(loader->keyring)));
    return found;
}

static int read_record(struct loader *loader)
{
    int found;

    if (!loader->found && !find(loader))
        return -1;
    do {
        sp_record_clear(&loader->last);
        found = next_found(loader);
    } while (found > 0 && !is_wanted(loader, &loader->last));
    return found;
}

/* Get the next certificate.  1: it is in |loader->last|; 0: no more; -1: it failed. */
static int next_record(struct loader *loader)
{
    int found;
    struct sp_quiet quiet;

    sp_keyring_enter(&quiet);
    found = read_record(loader);
    sp_keyring_leave(&quiet);
    return found;
}

/*
 * The end.  A search may find nothing, as libcrypto asks for many issuers; a name
 * that is not known is an error.
 */
static int nothing_more(const struct loader *loader)
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
static int give_key(struct loader *loader, struct sp_taker *taker)
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
        (void)refuse(SP_REASON_KEYRING, loader->name,
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
static bool has_keys(const struct loader *loader)
{
    return loader->uri.kind == SP_URI_IDENTITY || loader->uri.kind == SP_URI_CERT;
}

static int give_nothing(const struct loader *loader)
{
    SP_RAISE(SP_REASON_NOT_STORED, "%s: nothing of the kind that was asked for", loader->name);
    return -1;
}

/* Give the next object.  1: given; 0: no more; -1: it failed, with a reason raised. */
static int give_next(struct loader *loader, struct sp_taker *taker)
{
    const bool only_key = loader->expected == OSSL_STORE_INFO_PKEY;
    int found;

    if (loader->wants_other || (only_key && !has_keys(loader)))
        return give_nothing(loader);
    if (loader->owes_key)
        return give_key(loader, taker);
    if (only_key && loader->has_given)
        return 0;
    found = next_record(loader);
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
    struct loader *loader = ctx;
    struct sp_taker taker = {
        loader->libctx, object, object_arg, passphrase, passphrase_arg, false
    };
    int given = 0;

    if (loader->state == LOADING)
        given = give_next(loader, &taker);
    if (given <= 0)
        loader->state = given < 0 ? FAILED : ENDED;
    return given > 0;
}

static int is_at_end(void *ctx)
{
    const struct loader *loader = ctx;

    return loader->state == ENDED;
}

static int close_uri(void *ctx)
{
    close_loader(ctx);
    return 1;
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_STORE_OPEN, (void (*)(void))open_uri },
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
