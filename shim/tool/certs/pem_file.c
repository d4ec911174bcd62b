/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A PEM file (RFC 7468), which may have any number of blocks, and lines before each.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "tool/certs/certs.h"

void shim_forget_exported(struct shim_exported *exported)
{
    OPENSSL_free(exported->role);
    OPENSSL_free(exported->uploaded);
    OPENSSL_free(exported->key_uri);
    OPENSSL_free(exported->origin);
    OPENSSL_free(exported->only_for);
    *exported = (struct shim_exported){ 0 };
}

/* Is this the end of the file, with no further part? */
static bool is_end(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

#define BEGIN_CRL "-----BEGIN " PEM_STRING_X509_CRL "-----"
/* The lines of one part, on their way to libcrypto. */
struct lines {
    long read;                      /* bytes of the present part */
    long most;                      /* the limit of |read| */
    bool crls;                      /* a CRL may be longer */
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
    take_line(lines, SHIM_LINE_ORIGIN, &lines->exported->origin);
    take_line(lines, SHIM_LINE_ONLY_FOR, &lines->exported->only_for);
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
        if (lines->crls && strncmp(buffer, BEGIN_CRL, strlen(BEGIN_CRL)) == 0)
            lines->most = SHIM_LONGEST_CRL / 2 * 3; /* in base64 */
        if (lines->exported != NULL)
            look_at(lines, buffer, *processed);
    }
    return operation == BIO_CB_GETS && lines->read > lines->most ? 0 : result;
}

#define MAIL                                                                                       \
    "it is a mail; 'smime-policy collect' takes its sender's certificate out of it, once its "     \
    "signature is verified"

/* Does it begin as a signed mail does? */
static bool is_mail(BIO *bio)
{
    char head[8192];
    int got = BIO_seek(bio, 0) == 0 ? BIO_read(bio, head, sizeof(head) - 1) : 0;
    const char *type;

    head[got > 0 ? got : 0] = '\0';
    type = strcasestr(head, "Content-Type:");
    if (type == NULL)
        return false;
    type += strlen("Content-Type:");
    type += strspn(type, " \t\r\n");
    return strncasecmp(type, "multipart/signed", strlen("multipart/signed")) == 0 ||
           strncasecmp(type, "application/pkcs7-mime", strlen("application/pkcs7-mime")) == 0 ||
           strncasecmp(type, "application/x-pkcs7-mime", strlen("application/x-pkcs7-mime")) == 0;
}

void shim_parts_pem(struct shim_file_parts *file, BIO *bio)
{
    struct lines lines = { .exported = file->reading->exported ? &file->exported : NULL,
                           .crls = file->reading->crls };
    struct shim_block block = { 0 };
    bool ended = false, any = false;

    BIO_set_callback_ex(bio, watch);
    BIO_set_callback_arg(bio, (char *)&lines);
    for (; !ended && !file->reading->stopped; any = true) {
        file->number++;
        lines.read = 0;
        lines.most = SHIM_LONGEST_PART;
        if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.length) == 1) {
            shim_parts_block(file, &block, lines.failed);
        } else if (lines.read > lines.most) {
            shim_part_broken(file,
                             lines.most > SHIM_LONGEST_PART ? SHIM_CRL_TOO_LONG : SHIM_TOO_LONG);
            ended = true;
        } else if (is_end()) {
            break;
        } else {
            ended = BIO_eof(bio) != 0;
            shim_part_broken(file, "its PEM encoding is cut or damaged; fetch it anew");
        }
        shim_block_clear(&block);
    }
    shim_block_clear(&block);
    shim_forget_exported(&file->exported);
    OPENSSL_free(sp_text_take(&lines.line));
    BIO_set_callback_ex(bio, NULL);
    ERR_clear_error();
    if (!any) {
        file->number = 0;
        shim_part_broken(
            file, is_mail(bio) ? MAIL
                               : "it holds neither a certificate nor a private key; give PEM, DER, "
                                 "PKCS#7 or PKCS#12");
    }
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
 * Is it one SEQUENCE and nothing else, as every private key is?  The padding of AES-CBC looks
 * right after one wrong passphrase in 256.
 */
static bool is_sequence(const unsigned char *data, long length)
{
    const unsigned char *at = data;
    long inside = 0;
    int tag = 0, class = 0;

    return ASN1_get_object(&at, &inside, &tag, &class, length) == V_ASN1_CONSTRUCTED &&
           tag == V_ASN1_SEQUENCE && class == V_ASN1_UNIVERSAL && at + inside == data + length;
}

/*
 * Decrypt a key in the traditional form in place.  PEM_do_header() does that also with a
 * wrong passphrase, so each attempt gets a copy.
 */
static bool decrypt(struct shim_file_parts *file, struct shim_block *block, EVP_CIPHER_INFO *info)
{
    const size_t closed = (size_t)block->length;
    unsigned wrong = 0;
    bool done;

    do {
        unsigned char *data = OPENSSL_memdup(block->data, closed);

        done = data != NULL && PEM_do_header(info, data, &block->length, give_pass, file) == 1 &&
               is_sequence(data, block->length);
        if (done)
            memcpy(block->data, data, (size_t)block->length);
        else
            block->length = (long)closed;
        OPENSSL_clear_free(data, closed);
    } while (!done && shim_passphrase_again(&file->reading->pass, &wrong));
    return done;
}

bool shim_block_open(struct shim_file_parts *file, struct shim_block *block)
{
    EVP_CIPHER_INFO info;
    OSSL_LIB_CTX *context = NULL;
    EVP_CIPHER *cipher;
    char *why = NULL;
    bool done;

    if (PEM_get_EVP_CIPHER_INFO(block->header, &info) != 1) {
        shim_part_broken(file, "its header does not say how it is encrypted, or names a cipher "
                               "that this OpenSSL does not have; export it anew");
        return false;
    }
    if (info.cipher == NULL)
        return true;
    cipher =
        shim_pbe_cipher(&file->legacy, OBJ_nid2sn(EVP_CIPHER_get_nid(info.cipher)), &context, &why);
    info.cipher = cipher;
    done = cipher != NULL && decrypt(file, block, &info);
    EVP_CIPHER_free(cipher);
    file->under = file->reading->pass.text;
    file->legacy.used = file->legacy.used || (done && context != NULL);
    if (cipher == NULL)
        shim_part_refuse(file, why);
    else if (!done)
        shim_part_broken(file, file->under == NULL ? SHIM_NEEDS_PASSPHRASE : SHIM_WRONG_PASSPHRASE);
    return done;
}
