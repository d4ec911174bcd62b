/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A private key that is encrypted in the traditional form of PEM.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "tool/certs/certs.h"

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
