/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Giving one part of a file to the caller that reads all of them.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"
#include "tool/certs/parts.h"

static bool hand_over(struct shim_file_parts *file, struct shim_part part)
{
    part.path = file->path;
    part.number = file->number;
    return file->reading->each(&part, file->reading->arg);
}

bool shim_part_cert(struct shim_file_parts *file, X509 *cert)
{
    return hand_over(
        file, (struct shim_part){ .cert = cert,
                                  .exported = file->reading->exported ? &file->exported : NULL });
}

bool shim_part_key(struct shim_file_parts *file, EVP_PKEY *key, const char *pass)
{
    return hand_over(file, (struct shim_part){ .key = key, .pass = pass });
}

bool shim_part_locked(struct shim_file_parts *file, const struct sp_private_key *key)
{
    return hand_over(file, (struct shim_part){ .locked = key });
}

bool shim_part_broken(struct shim_file_parts *file, const char *why)
{
    bool more = hand_over(file, (struct shim_part){ .why = why != NULL ? why : "out of memory" });

    ERR_clear_error();
    return more;
}

bool shim_part_note(struct shim_file_parts *file, const char *note)
{
    return hand_over(file, (struct shim_part){ .note = note });
}

static bool refuse_kind(struct shim_file_parts *file, const PKCS8_PRIV_KEY_INFO *plain)
{
    const ASN1_OBJECT *kind = NULL;
    char name[80], why[200];

    if (PKCS8_pkey_get0(&kind, NULL, NULL, NULL, plain) != 1 || OBJ_obj2nid(kind) != NID_undef)
        return shim_part_broken(file, SHIM_NO_KEY);
    shim_object_text(kind, name, sizeof(name));
    (void)snprintf(why, sizeof(why),
                   "it is a private key of a kind that cannot be read (%s); RSA and EC can", name);
    return shim_part_broken(file, why);
}

bool shim_part_plain_key(struct shim_file_parts *file, const PKCS8_PRIV_KEY_INFO *plain,
                         const char *pass)
{
    EVP_PKEY *key = EVP_PKCS82PKEY(plain);
    bool more = key != NULL ? shim_part_key(file, key, pass) : refuse_kind(file, plain);

    EVP_PKEY_free(key);
    return more;
}

const char *shim_part_pass(struct shim_file_parts *file)
{
    struct shim_passphrase *pass = &file->reading->pass;

    if (!pass->given && !shim_passphrase_ask(pass, "passphrase", file->path, false,
                                             "give it with --passin fd:N or --passin file:PATH"))
        return NULL;
    return pass->text;
}
