/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/bio.h>
#include <openssl/evp.h>

#include "tool/mail/mail.h"
#include "common/shim.h"

#define SEQUENCE '\x30' /* the first byte of DER, which base64 never begins with */

const struct shim_mime *shim_part_der(const struct shim_mime *part)
{
    /*
     * The parts of a multipart/signed are not taken apart, so they follow it directly in
     * the list.
     */
    return part + part->children;
}

unsigned char *shim_decode_base64(const char *text, size_t len, int *made)
{
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    unsigned char *bytes = OPENSSL_malloc(len / 4 * 3 + 8);
    int last = 0;

    *made = -1;
    if (context == NULL || bytes == NULL) {
        EVP_ENCODE_CTX_free(context);
        OPENSSL_free(bytes);
        return NULL;
    }
    EVP_DecodeInit(context);
    if (EVP_DecodeUpdate(context, bytes, made, (const unsigned char *)text, (int)len) < 0 ||
        EVP_DecodeFinal(context, bytes + *made, &last) != 1 || *made + last == 0)
        *made = -1;
    else
        *made += last;
    EVP_ENCODE_CTX_free(context);
    return bytes;
}

static bool write_base64(BIO *to, const void *bytes, int len)
{
    BIO *base64 = BIO_new(BIO_f_base64());
    bool done;

    if (base64 == NULL)
        return false;
    BIO_push(base64, to);
    done = BIO_write(base64, bytes, len) == len && BIO_flush(base64) == 1;
    BIO_pop(base64);
    BIO_free(base64);
    return done;
}

static int write_der(const struct shim_mime *part, BIO *to)
{
    /* Stock takes every part for base64. */
    bool is_binary = part->encoding == SHIM_PLAIN && part->len > 0 && part->body[0] == SEQUENCE;
    unsigned char *bytes = NULL;
    int len = (int)part->len;
    int code = SHIM_SYSTEM;

    if (!is_binary)
        bytes = shim_decode_base64(part->body, part->len, &len);
    if (bytes != NULL && len < 0)
        code = SHIM_INPUT;
    else if ((is_binary || bytes != NULL) &&
             write_base64(to, is_binary ? part->body : (char *)bytes, len))
        code = SHIM_OK;
    OPENSSL_free(bytes);
    return code;
}

#define ENCODED "Content-Transfer-Encoding: base64\n\n"

static int write_signed(const struct shim_mime *part, const struct shim_mime *der, BIO *to)
{
    const struct shim_mime *content = part + 1;
    int len = (int)(content->body + content->len - content->start);
    int code;

    if (BIO_printf(to, "Content-Type: multipart/signed; boundary=\"%s\"\n\n--%s\n", part->boundary,
                   part->boundary) < 0 ||
        BIO_write(to, content->start, len) != len ||
        BIO_printf(to, "\n--%s\nContent-Type: application/pkcs7-signature\n" ENCODED,
                   part->boundary) < 0)
        return SHIM_SYSTEM;
    code = write_der(der, to);
    if (code == SHIM_OK && BIO_printf(to, "\n--%s--\n", part->boundary) < 0)
        code = SHIM_SYSTEM;
    return code;
}

int shim_part_write(const struct shim_mime *part, FILE *to)
{
    const struct shim_mime *der = shim_part_der(part);
    BIO *bio = BIO_new_fp(to, BIO_NOCLOSE);
    int code = SHIM_SYSTEM;

    if (bio != NULL && der != part)
        code = write_signed(part, der, bio);
    else if (bio != NULL && BIO_puts(bio, "Content-Type: application/pkcs7-mime\n" ENCODED) > 0)
        code = write_der(der, bio);
    if (code == SHIM_OK && BIO_flush(bio) != 1)
        code = SHIM_SYSTEM;
    BIO_free(bio);
    return code;
}
