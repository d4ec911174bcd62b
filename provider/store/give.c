/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys are handed over as DER, so that the keys that libcrypto
 * makes of them are the backend's own and pass our gates.
 */
#include "store/give.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "log/report.h"
#include "policy/command.h"
#include "policy/reasons.h"

/* OSSL_PARAM takes non-const pointers, but the text is only read. */
static OSSL_PARAM text_param(const char *name, const char *text)
{
    union {
        const char *in;
        char *out;
    } value = { .in = text };

    return OSSL_PARAM_construct_utf8_string(name, value.out, 0);
}

static bool give(const struct sp_taker *taker, int type, OSSL_PARAM kind, unsigned char *data,
                 size_t length)
{
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type), kind,
                                  OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, data,
                                                                    length),
                                  OSSL_PARAM_construct_end() };

    return taker->object(params, taker->object_arg) != 0;
}

/*
 * It is named by its PEM name: otherwise libcrypto would drop what a TRUSTED
 * CERTIFICATE rejects.
 */
bool sp_give_cert(const struct sp_taker *taker, const struct sp_record *record)
{
    return give(taker, OSSL_OBJECT_CERT,
                text_param(OSSL_OBJECT_PARAM_DATA_TYPE, "TRUSTED CERTIFICATE"), record->der,
                record->der_length);
}

/* libcrypto's decoders ask for the passphrase, with the program's own callback. */
static bool give_pkcs8(const struct sp_taker *taker, bool encrypted, unsigned char *der,
                       size_t length)
{
    return give(taker, OSSL_OBJECT_PKEY,
                text_param(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
                           encrypted ? "EncryptedPrivateKeyInfo" : "PrivateKeyInfo"),
                der, length);
}

/*
 * The command may want nobody to be asked for |what|, as it has not judged yet.  Then
 * the key is not given, and the report says why.
 */
static bool may_ask(struct sp_taker *taker, const char *what)
{
    if (sp_command()->no_asking)
        taker->unasked = what;
    return taker->unasked == NULL;
}

/* Ask for the passphrase of a key that is elsewhere, with the program's own callback. */
static int ask(char *buffer, int size, int verify, void *data)
{
    struct sp_taker *taker = data;
    size_t length = 0;

    (void)verify;
    if (!may_ask(taker, "passphrase") || taker->passphrase == NULL || size < 0 ||
        taker->passphrase(buffer, (size_t)size, &length, NULL, taker->passphrase_arg) == 0 ||
        length > INT_MAX)
        return -1;
    return (int)length;
}

static EVP_PKEY *load_key(OSSL_STORE_CTX *store)
{
    EVP_PKEY *key = NULL;

    /* What is no key is passed over below, too. */
    (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    return key;
}

static EVP_PKEY *open_key(struct sp_taker *taker, const char *uri)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(ask, 0);
    OSSL_STORE_CTX *store = NULL;
    EVP_PKEY *key = NULL;

    if (ui != NULL)
        store = OSSL_STORE_open_ex(uri, taker->libctx, NULL, ui, taker, NULL, NULL, NULL);
    if (store != NULL)
        key = load_key(store);
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return key;
}

static bool give_plain(const struct sp_taker *taker, EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int length = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    bool given = der != NULL && give_pkcs8(taker, false, der, (size_t)length);

    OPENSSL_clear_free(der, (size_t)length);
    PKCS8_PRIV_KEY_INFO_free(info);
    return given;
}

/* Load a key from a file.  A key in a token cannot be handed over: the program has to name it. */
static bool give_elsewhere(struct sp_taker *taker, const char *uri)
{
    const bool in_file = strncasecmp(uri, "file:", strlen("file:")) == 0;
    EVP_PKEY *key;
    bool given;

    if (!in_file && !may_ask(taker, "token"))
        return false;
    if (!in_file) {
        SP_RAISE(SP_REASON_KEY,
                 "the key is not in a file: name it to the program by itself, -inkey '%s'", uri);
        return false;
    }
    key = open_key(taker, uri);
    if (key == NULL && taker->unasked == NULL)
        SP_RAISE(SP_REASON_KEY, "%s: no private key could be loaded", uri);
    given = key != NULL && give_plain(taker, key);
    EVP_PKEY_free(key);
    return given;
}

/*
 * Hand over a stored key.  The reason is raised here, as libcrypto only reports that
 * it knows no such object.
 */
static bool give_stored(struct sp_taker *taker, const struct sp_private_key *key)
{
    if (key->encrypted && !may_ask(taker, "passphrase"))
        return false;
    if (give_pkcs8(taker, key->encrypted, key->pkcs8, key->length))
        return true;
    if (key->encrypted)
        SP_RAISE(SP_REASON_KEY, "it could not be decrypted; is the passphrase right?");
    else
        SP_RAISE(SP_REASON_KEY, "it could not be decoded");
    return false;
}

bool sp_give_key(struct sp_taker *taker, const struct sp_private_key *key)
{
    const bool given = key->uri != NULL ? give_elsewhere(taker, key->uri) : give_stored(taker, key);

    if (taker->unasked != NULL) {
        sp_report_line("asks %s", taker->unasked);
        SP_RAISE(SP_REASON_KEY, "it needs a %s, and report_asks = no lets nobody be asked",
                 taker->unasked);
    }
    return given;
}
