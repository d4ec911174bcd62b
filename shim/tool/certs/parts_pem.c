/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a PEM file (RFC 7468).
 */
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "keyring/keyring.h"
#include "tool/certs/iterations.h"
#include "tool/certs/parts.h"

/* One part of the file, still encoded. */
struct block {
    char *name;          /* owned */
    char *header;        /* owned */
    unsigned char *data; /* owned */
    long length;
};

static void clear(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, (size_t)block->length);
    memset(block, 0, sizeof(*block));
}

static bool take_cert(struct shim_file_parts *file, struct block *block)
{
    const unsigned char *der = block->data;
    const unsigned char *end = der + block->length;
    bool trusted = strcmp(block->name, PEM_STRING_X509_TRUSTED) == 0;
    X509 *cert = trusted ? d2i_X509_AUX(NULL, &der, block->length)
                         : sp_cert_without_key(&der, block->length);
    bool more = cert != NULL && der == end ? shim_part_cert(file, cert)
                                           : shim_part_broken(file, SHIM_NO_CERTIFICATE);

    X509_free(cert);
    return more;
}

static bool take_bundle(struct shim_file_parts *file, struct block *block)
{
    const unsigned char *der = block->data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &der, block->length);
    bool more = cms != NULL
                    ? shim_parts_cms(file, cms)
                    : shim_part_broken(file, "it is no PKCS#7 that can be read; it may be cut or "
                                             "damaged: fetch it anew");

    CMS_ContentInfo_free(cms);
    return more;
}

/* The callback of PEM_do_header(), for a key that is encrypted in the traditional form. */
static int give_pass(char *buffer, int size, int writing, void *data)
{
    const char *pass = shim_part_pass(data);
    size_t len = pass == NULL ? 0 : OPENSSL_strlcpy(buffer, pass, (size_t)size);

    (void)writing;
    return pass == NULL || len >= (size_t)size ? -1 : (int)len;
}

/*
 * Decrypt a key in the traditional form, perhaps with an old cipher.  On failure
 * |*more| is the result.
 */
static bool decrypt(struct shim_file_parts *file, struct block *block, EVP_CIPHER_INFO *info,
                    bool *more)
{
    OSSL_LIB_CTX *context;
    char *why = NULL;
    const EVP_CIPHER *named = info->cipher;
    EVP_CIPHER *cipher =
        shim_pbe_cipher(&file->legacy, OBJ_nid2sn(EVP_CIPHER_get_nid(named)), &context, &why);
    unsigned wrong = 0;
    bool done = false;

    info->cipher = cipher;
    /*
     * PEM_do_header() decrypts in place, also with a wrong passphrase, so each attempt
     * gets a copy.
     */
    while (cipher != NULL && !done) {
        const size_t closed = (size_t)block->length;
        unsigned char *data = OPENSSL_memdup(block->data, closed);
        long length = block->length;

        done = data != NULL && PEM_do_header(info, data, &length, give_pass, file) == 1;
        if (done) {
            memcpy(block->data, data, (size_t)length);
            block->length = length;
        }
        OPENSSL_clear_free(data, closed);
        if (!done && (data == NULL || !shim_passphrase_again(&file->reading->pass, &wrong)))
            break;
    }
    info->cipher = named;
    file->legacy.used = file->legacy.used || (done && context != NULL);
    if (!done)
        *more = shim_part_broken(file, cipher == NULL ? why
                                       : file->reading->pass.text == NULL
                                           ? "its private key needs a passphrase"
                                           : SHIM_WRONG_PASSPHRASE);
    EVP_CIPHER_free(cipher);
    OPENSSL_free(why);
    return done;
}

static bool take_key(struct shim_file_parts *file, struct block *block)
{
    EVP_CIPHER_INFO cipher;
    const unsigned char *der;
    EVP_PKEY *key;
    bool more;

    if (PEM_get_EVP_CIPHER_INFO(block->header, &cipher) != 1)
        return shim_part_broken(file, "its header does not say how it is encrypted, or names a "
                                      "cipher that this OpenSSL does not have; export it anew");
    if (cipher.cipher != NULL && !decrypt(file, block, &cipher, &more))
        return more;
    der = block->data;
    key = d2i_AutoPrivateKey(NULL, &der, block->length);
    more = key != NULL
               ? shim_part_key(file, key, cipher.cipher != NULL ? file->reading->pass.text : NULL)
               : shim_part_broken(file, SHIM_NO_KEY);
    EVP_PKEY_free(key);
    return more;
}

/* A public key is taken as a private one, so that the rules can say what is wrong. */
static bool take_public_key(struct shim_file_parts *file, struct block *block)
{
    const unsigned char *der = block->data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, block->length);
    bool more = key != NULL ? shim_part_key(file, key, NULL)
                            : shim_part_broken(file, "it is no key that can be read");

    EVP_PKEY_free(key);
    return more;
}

/* What stays encrypted cannot be looked into: that it is such a key at all is known. */
static bool take_locked_key(struct shim_file_parts *file, struct block *block)
{
    const unsigned char *der = block->data;
    X509_SIG *locked = d2i_X509_SIG(NULL, &der, block->length);
    const X509_ALGOR *pbe = NULL;
    bool more;

    if (locked != NULL)
        X509_SIG_get0(locked, &pbe, NULL);
    if (locked == NULL || der != block->data + block->length)
        more = shim_part_broken(file, SHIM_NO_KEY);
    else if (!shim_iterations_few(pbe))
        more = shim_part_broken(file, SHIM_TOO_MANY_ITERATIONS);
    else
        more = shim_part_locked(file, &(struct sp_private_key){ .pkcs8 = block->data,
                                                                .length = (size_t)block->length,
                                                                .encrypted = true });
    X509_SIG_free(locked);
    return more;
}

static bool take_encrypted_key(struct shim_file_parts *file, struct block *block)
{
    return file->reading->exported ? take_locked_key(file, block)
                                   : shim_parts_encrypted_key(file, block->data, block->length);
}

/* No standard has this label, but examples (RFC 9216) and programs use it. */
static bool take_pkcs12(struct shim_file_parts *file, struct block *block)
{
    return shim_parts_der(file, block->data, block->length);
}

/* Pass over EC parameters: the key behind repeats them. */
static bool pass_over(struct shim_file_parts *file, struct block *block)
{
    (void)file, (void)block;
    return true;
}

static bool refuse(struct shim_file_parts *file, struct block *block)
{
    char why[200];

    (void)snprintf(why, sizeof(why),
                   "%.80s is neither a certificate nor a private key; leave it out", block->name);
    return shim_part_broken(file, why);
}

static const struct {
    const char *name;
    bool (*take)(struct shim_file_parts *file, struct block *block);
} kinds[] = {
    { PEM_STRING_X509, take_cert },
    { PEM_STRING_X509_OLD, take_cert },
    { PEM_STRING_X509_TRUSTED, take_cert },
    { PEM_STRING_PKCS7, take_bundle },
    { PEM_STRING_CMS, take_bundle },
    { "PKCS12", take_pkcs12 },
    { PEM_STRING_PKCS8, take_encrypted_key },
    { PEM_STRING_PKCS8INF, take_key },
    { PEM_STRING_RSA, take_key },
    { PEM_STRING_ECPRIVATEKEY, take_key },
    { PEM_STRING_DSA, take_key },
    { PEM_STRING_PUBLIC, take_public_key },
    { PEM_STRING_ECPARAMETERS, pass_over },
    { PEM_STRING_DSAPARAMS, pass_over },
};

static void forget_lines(struct shim_exported *exported)
{
    OPENSSL_free(exported->role);
    OPENSSL_free(exported->uploaded);
    OPENSSL_free(exported->key_uri);
    *exported = (struct shim_exported){ 0 };
}

static bool take(struct shim_file_parts *file, struct block *block)
{
    bool (*take_kind)(struct shim_file_parts * file, struct block * block) = refuse;
    bool more;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, block->name) == 0)
            take_kind = kinds[i].take;
    /* The lines are about one certificate. */
    if (take_kind != take_cert)
        forget_lines(&file->exported);
    more = take_kind(file, block);
    forget_lines(&file->exported);
    return more;
}

/* Is this the end of the file, with no further part? */
static bool is_end(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* The lines of one part, on their way to libcrypto. */
struct lines {
    long read;                      /* bytes */
    struct shim_exported *exported; /* borrowed; NULL: they are not looked at */
    struct sp_text line;            /* owned: the begin of one that came in pieces */
    bool failed;                    /* out of memory */
};

/* What follows |name| in the line goes to |*value|; the last such line counts. */
static void take_line(struct lines *lines, const char *name, char **value)
{
    size_t length = strlen(name);
    const char *text = lines->line.data;

    if (strncmp(text, name, length) != 0)
        return;
    OPENSSL_free(*value);
    *value = OPENSSL_strndup(text + length, strcspn(text + length, "\r\n"));
    lines->failed = lines->failed || *value == NULL;
}

static void look_at(struct lines *lines, const char *piece, size_t length)
{
    sp_text_add_bytes(&lines->line, piece, length);
    if (lines->line.data == NULL || memchr(piece, '\n', length) == NULL)
        return;
    take_line(lines, SHIM_LINE_ROLE, &lines->exported->role);
    take_line(lines, SHIM_LINE_UPLOADED, &lines->exported->uploaded);
    take_line(lines, SHIM_LINE_KEY, &lines->exported->key_uri);
    OPENSSL_free(sp_text_take(&lines->line));
}

/* libcrypto asks for line after line until a part ends: after too many there are no more. */
static long watch(BIO *bio, int operation, const char *buffer, size_t size, int argi, long argl,
                  int result, size_t *processed)
{
    struct lines *lines = (struct lines *)(void *)BIO_get_callback_arg(bio);

    (void)size, (void)argi, (void)argl;
    if (operation == (BIO_CB_GETS | BIO_CB_RETURN) && result > 0) {
        lines->read += (long)*processed;
        if (lines->exported != NULL)
            look_at(lines, buffer, *processed);
    }
    return operation == BIO_CB_GETS && lines->read > SHIM_LONGEST_PART ? 0 : result;
}

bool shim_parts_pem(struct shim_file_parts *file, BIO *bio)
{
    struct lines lines = { .exported = file->reading->exported ? &file->exported : NULL };
    struct block block = { 0 };
    bool more = true, ended = false, any = false;

    BIO_set_callback_ex(bio, watch);
    BIO_set_callback_arg(bio, (char *)&lines);
    while (more && !ended) {
        file->number++;
        lines.read = 0;
        if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.length) == 1) {
            more = lines.failed ? shim_part_broken(file, NULL) : take(file, &block);
        } else if (lines.read > SHIM_LONGEST_PART || !is_end()) {
            ended = lines.read > SHIM_LONGEST_PART || BIO_eof(bio) != 0;
            more =
                shim_part_broken(file, lines.read > SHIM_LONGEST_PART
                                           ? SHIM_TOO_LONG
                                           : "its PEM encoding is cut or damaged; fetch it anew");
        } else {
            break;
        }
        any = true;
        clear(&block);
    }
    clear(&block);
    forget_lines(&file->exported);
    OPENSSL_free(sp_text_take(&lines.line));
    BIO_set_callback_ex(bio, NULL);
    ERR_clear_error();
    if (more && !any) {
        file->number = 0;
        more = shim_part_broken(file, "it holds neither a certificate nor a private key; give "
                                      "PEM, DER, PKCS#7 or PKCS#12");
    }
    return more;
}
