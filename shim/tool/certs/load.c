/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "tool/certs/certs.h"
#include "base/text.h"
#include "common/message.h"
#include "rules/rules.h"

int shim_secret_read(struct shim_secret *secret, const char *source, bool quiet)
{
    struct shim_passphrase pass = { 0 };
    struct stat is;
    int code = SHIM_OK;

    secret->pass = NULL;
    if (source == NULL)
        return SHIM_OK;
    /* What can be read once alone is left to stock. */
    if (shim_passphrase_fd(source) >= 0)
        code = fcntl(shim_passphrase_fd(source), F_GETFD) < 0 ? SHIM_INPUT : SHIM_OK;
    else if (strncmp(source, "file:", 5) != 0 || stat(source + 5, &is) != 0 ||
             S_ISREG(is.st_mode) || S_ISDIR(is.st_mode))
        code = shim_passphrase_take(&pass, "passin", source);
    secret->pass = pass.text;
    if (code == SHIM_USAGE || code == SHIM_INPUT)
        return quiet ? SHIM_OK : shim_passphrase_failed("passin", source, code);
    return code;
}

void shim_secret_clear(struct shim_secret *secret)
{
    if (secret->pass != NULL)
        OPENSSL_clear_free(secret->pass, strlen(secret->pass));
    secret->pass = NULL;
}

/* One file that is being read. */
struct reading {
    const struct shim_secret *secret;
    bool asked; /* a passphrase was needed */
};

static int give_pass(char *buffer, int size, int writing, void *data)
{
    struct reading *reading = data;
    const char *pass = reading->secret->pass;
    size_t len = pass != NULL ? strlen(pass) : 0;

    (void)writing;
    reading->asked = true;
    if (pass == NULL || len > (size_t)size)
        return -1;
    /* The length goes with it, and no NUL.  NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(buffer, pass, len);
    return (int)len;
}

const char *shim_load_path(const char *uri)
{
    struct stat is;

    if (stat(uri, &is) == 0)
        return uri;
    if (strncmp(uri, "file:", 5) != 0)
        return strchr(uri, ':') == NULL ? uri : NULL;
    uri += 5;
    return strncmp(uri, "//", 2) == 0 ? strchr(uri + 2, '/') : uri;
}

/* Open |uri| if it is a regular file; nothing may be read from a pipe: it would be lost. */
static BIO *open_regular(const char *uri)
{
    const char *path = shim_load_path(uri);
    struct stat is;

    return path != NULL && stat(path, &is) == 0 && S_ISREG(is.st_mode) ? BIO_new_file(path, "rb")
                                                                       : NULL;
}

bool shim_is_pkcs12(const char *uri)
{
    BIO *file = open_regular(uri);
    PKCS12 *p12 = file == NULL ? NULL : d2i_PKCS12_bio(file, NULL);
    bool found = p12 != NULL;

    PKCS12_free(p12);
    BIO_free(file);
    ERR_clear_error();
    return found;
}

/* The reason in the error queue; "" if there is none. */
static char *queue_text(void)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    if (reason == NULL)
        return OPENSSL_strdup("it holds nothing that can be read");
    if ((flags & ERR_TXT_STRING) == 0 || data == NULL || data[0] == '\0')
        return OPENSSL_strdup(reason);
    return sp_format("%s (%s)", reason, data);
}

static enum shim_load check_file(const char *uri, struct shim_loaded *loaded)
{
    const char *path = shim_load_path(uri);
    struct stat is;
    int error;

    if (path == NULL)
        return LOADED;
    error = stat(path, &is) != 0 ? errno : S_ISDIR(is.st_mode) ? EISDIR : 0;
    if (error == 0)
        return S_ISREG(is.st_mode) ? LOADED : LOAD_ONCE;
    loaded->why = OPENSSL_strdup(strerror(error));
    return LOAD_FAILED;
}

static void keep_cert(struct shim_loaded *loaded, X509 *cert)
{
    if (loaded->certs == NULL)
        loaded->certs = sk_X509_new_null();
    if (cert != NULL && (loaded->certs == NULL || sk_X509_push(loaded->certs, cert) <= 0))
        X509_free(cert);
}

/* Take one object of the store, if it is wanted. */
static void keep_info(const OSSL_STORE_INFO *info, enum shim_want want, struct shim_loaded *loaded)
{
    int type = OSSL_STORE_INFO_get_type(info);

    if (want != WANT_KEY && type == OSSL_STORE_INFO_CERT)
        keep_cert(loaded, OSSL_STORE_INFO_get1_CERT(info));
    else if (want == WANT_KEY && type == OSSL_STORE_INFO_PKEY)
        loaded->key = OSSL_STORE_INFO_get1_PKEY(info);
    else if (want == WANT_KEY && type == OSSL_STORE_INFO_PUBKEY)
        loaded->key = OSSL_STORE_INFO_get1_PUBKEY(info);
}

static bool is_found(enum shim_want want, const struct shim_loaded *loaded)
{
    return want == WANT_KEY ? loaded->key != NULL : sk_X509_num(loaded->certs) > 0;
}

/* Open |uri| if it is a file that begins with a PEM block, as most do; else NULL. */
static BIO *open_pem(const char *uri)
{
    static const char begin[] = "-----BEGIN";
    BIO *file = open_regular(uri);
    char read[sizeof(begin)] = "";

    if (file != NULL && BIO_read(file, read, sizeof(read) - 1) > 0 && strcmp(read, begin) == 0 &&
        BIO_seek(file, 0) == 0)
        return file;
    BIO_free(file);
    return NULL;
}

void shim_block_clear(struct shim_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, (size_t)block->length);
    *block = (struct shim_block){ 0 };
}

/* Read the next block; is it a certificate? */
static bool next_is_cert(BIO *file, struct shim_block *block)
{
    shim_block_clear(block);
    return PEM_read_bio(file, &block->name, &block->header, &block->data, &block->length) == 1 &&
           block->header[0] == '\0' && strcmp(block->name, PEM_STRING_X509) == 0;
}

/* Read the certificate directly if the file begins with it: the store tries all decoders first. */
static bool read_first_cert(const char *uri, enum shim_want want, struct shim_loaded *loaded)
{
    BIO *file = want == WANT_FIRST_CERT || want == WANT_FACTS ? open_pem(uri) : NULL;
    struct shim_block block = { 0 };
    const unsigned char *der;

    if (file != NULL && next_is_cert(file, &block)) {
        der = block.data;
        keep_cert(loaded, want == WANT_FACTS ? sp_cert_without_key(&der, block.length)
                                             : d2i_X509(NULL, &der, block.length));
    }
    shim_block_clear(&block);
    BIO_free(file);
    return sk_X509_num(loaded->certs) > 0;
}

bool shim_key_is_own(const char *uri, const X509 *cert)
{
    BIO *file = open_pem(uri);
    struct shim_block block = { 0 };
    PKCS8_PRIV_KEY_INFO *key = NULL;
    const unsigned char *der;
    bool own;

    /* Certificates may precede the key. */
    while (file != NULL && next_is_cert(file, &block))
        continue;
    der = block.data;
    if (block.name != NULL && block.header[0] == '\0' &&
        strcmp(block.name, PEM_STRING_PKCS8INF) == 0)
        key = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, block.length);
    own = key != NULL && sp_key_is_own(key, cert);
    PKCS8_PRIV_KEY_INFO_free(key);
    shim_block_clear(&block);
    BIO_free(file);
    return own;
}

/* Read all objects; returns how many could not be read. */
static int drain(OSSL_STORE_CTX *store, enum shim_want want, struct shim_loaded *loaded)
{
    int broken = 0;

    while (!OSSL_STORE_eof(store) && (want == WANT_CERTS || !is_found(want, loaded))) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL) {
            keep_info(info, want, loaded);
        } else if (!OSSL_STORE_eof(store)) {
            broken++;
            if (OSSL_STORE_error(store) != 0 && broken > 64)
                break;
        }
        OSSL_STORE_INFO_free(info);
    }
    return broken;
}

static int read_store(const char *uri, enum shim_want want, struct reading *reading,
                      struct shim_loaded *loaded)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pass, 0);
    OSSL_STORE_CTX *store =
        ui == NULL ? NULL : OSSL_STORE_open_ex(uri, NULL, NULL, ui, reading, NULL, NULL, NULL);
    int broken = store == NULL ? 1 : drain(store, want, loaded);

    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return broken;
}

enum shim_load shim_load(const char *uri, enum shim_want want, const struct shim_secret *secret,
                         struct shim_loaded *loaded)
{
    struct reading reading = { secret, false };
    enum shim_load state;
    int broken;

    memset(loaded, 0, sizeof(*loaded));
    state = check_file(uri, loaded);
    if (state != LOADED)
        return state;
    ERR_clear_error();
    if (read_first_cert(uri, want, loaded))
        return LOADED;
    broken = read_store(uri, want, &reading, loaded);
    if (is_found(want, loaded))
        return LOADED;
    if (reading.asked)
        return LOAD_LOCKED;
    if (broken == 0)
        return LOAD_NOTHING;
    loaded->why = queue_text();
    return LOAD_FAILED;
}

void shim_loaded_clear(struct shim_loaded *loaded)
{
    sk_X509_pop_free(loaded->certs, X509_free);
    EVP_PKEY_free(loaded->key);
    OPENSSL_free(loaded->why);
    memset(loaded, 0, sizeof(*loaded));
}
