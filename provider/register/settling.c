/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Settling: what is recorded of a certificate when its parse is over, and which key
 * is its own.
 */
#include <string.h>

#include "register/cert.h"
#include "register/key_table.h"
#include "register/lineage.h"
#include "register/locks.h"
#include "register/prints.h"
#include "register/state.h"

/* X509_get0_pubkey_bitstr() fails on an X509 without a key, as a failed parse leaves it. */
static const ASN1_BIT_STRING *key_bits(const X509 *x509)
{
    return X509_get_X509_PUBKEY(x509) != NULL ? X509_get0_pubkey_bitstr(x509) : NULL;
}

/*
 * Only a signed certificate is complete: a parse reads the signature last, and a
 * program that builds a certificate adds it last.
 */
static bool is_complete(const X509 *x509)
{
    const ASN1_BIT_STRING *signature = NULL, *key = key_bits(x509);

    X509_get0_signature(&signature, NULL, x509);
    return signature != NULL && ASN1_STRING_length(signature) > 0 && key != NULL &&
           ASN1_STRING_length(key) > 0;
}

/*
 * The id of the key as it is now; hashed again only if the key changed.  The caller
 * holds the entry's lock.
 */
static struct sp_keyid name_of_content(const struct sp_cert *cert)
{
    const ASN1_BIT_STRING *bits = cert->hashed != NULL ? sp_keyid_rsa_bits(cert->x509) : NULL;

    if (bits != NULL && (size_t)ASN1_STRING_length(bits) == cert->hashed_length &&
        memcmp(ASN1_STRING_get0_data(bits), cert->hashed, cert->hashed_length) == 0)
        return cert->id;
    return sp_keyid_of_cert(sp_register_sha256(), cert->x509);
}

static void set_id(struct sp_cert *cert, const struct sp_keyid *id)
{
    OPENSSL_free(cert->hashed);
    cert->hashed = NULL;
    cert->id = *id;
}

static bool digest_x509(const X509 *x509, unsigned char *digest)
{
    unsigned char *der = NULL;
    int length = i2d_X509(x509, &der);
    struct sp_piece pieces[] = { { der, length > 0 ? (size_t)length : 0 }, { NULL, 0 } };
    bool done = length > 0 && sp_sha256(sp_register_sha256(), pieces, digest);

    OPENSSL_free(der);
    return done;
}

/* Record the facts; true if that was done just now.  The caller holds the entry's lock. */
static bool read_x509(struct sp_cert *cert)
{
    struct sp_facts *facts;
    struct sp_lineage *lineage = NULL;

    if (cert->facts != NULL || cert->x509 == NULL || !cert->pinned || !is_complete(cert->x509))
        return false;
    facts = sp_register_keeps_kinship() ? sp_facts_new(cert->x509)
                                        : sp_facts_without_kinship(cert->x509);
    if (facts == NULL || (sp_register_has_digests() && !digest_x509(cert->x509, cert->digest)) ||
        (sp_register_keeps_lineage() && (lineage = sp_lineage_new(cert->x509)) == NULL)) {
        /* An issuer that is not recorded is not judged. */
        if (sp_register_keeps_lineage())
            sp_register_failed();
        sp_facts_free(facts);
        return false;
    }
    cert->facts = facts;
    cert->lineage = lineage;
    return true;
}

/*
 * Take the noted own key of a certificate that has another key, because its parse
 * failed or it was never filled.  The key belongs to another certificate.  It is
 * returned to be disowned, or NULL.  The caller holds the entry's lock.
 */
static const void *take_stranger(struct sp_cert *cert)
{
    const void *stranger = cert->own_key;
    struct sp_keyid content = { 0 };

    if (cert->facts != NULL || cert->x509 == NULL || !cert->pinned || stranger == NULL)
        return NULL;
    if (key_bits(cert->x509) != NULL)
        content = name_of_content(cert);
    if (!cert->id.known || sp_keyid_equal(&content, &cert->id))
        return NULL;
    cert->own_key = NULL;
    set_id(cert, &(struct sp_keyid){ 0 });
    return stranger;
}

bool sp_cert_settle(struct sp_cert *cert)
{
    struct sp_keyid content = { 0 }, loaded = { 0 };
    const void *stranger = NULL;
    bool fresh, settled;

    sp_lock(sp_shard_of(cert));
    fresh = read_x509(cert);
    settled = cert->facts != NULL;
    if (fresh) {
        content = name_of_content(cert);
        loaded = cert->id;
        if (content.known && loaded.known && !sp_keyid_equal(&content, &loaded)) {
            stranger = cert->own_key;
            cert->own_key = NULL;
        }
        set_id(cert, content.known ? &content : &loaded);
    } else {
        stranger = take_stranger(cert);
    }
    sp_unlock(sp_shard_of(cert));

    if (stranger != NULL) {
        sp_keys_disown(stranger, cert);
        sp_prints_remove(cert);
    }
    if (content.failed ||
        (content.known && !sp_keyid_equal(&content, &loaded) && !sp_prints_file(cert, &content)))
        sp_register_failed();
    return settled;
}

bool sp_cert_set_own_key(struct sp_cert *cert, const void *key,
                         OSSL_FUNC_keymgmt_export_fn *export_key, bool *proved)
{
    const ASN1_BIT_STRING *bits;
    struct sp_keyid id = { 0 };
    bool first;

    *proved = false;
    sp_lock(sp_shard_of(cert));
    first = !cert->aside && cert->own_key == NULL && cert->facts == NULL && cert->x509 != NULL;
    if (first) {
        /* A parse has read the key bits before it decodes the key. */
        if (key_bits(cert->x509) != NULL)
            id = sp_keyid_of_cert(sp_register_sha256(), cert->x509);
        if (!id.known && !id.failed) {
            /*
             * A certificate that a program builds is still empty: take the id of the key object
             * until it has a key.
             */
            id = sp_keyid_of_key(sp_register_sha256(), export_key, key);
            *proved = id.known;
        }
        cert->own_key = key;
        set_id(cert, &id);
        bits = id.known && !*proved ? sp_keyid_rsa_bits(cert->x509) : NULL;
        if (bits != NULL) {
            cert->hashed_length = (size_t)ASN1_STRING_length(bits);
            cert->hashed = OPENSSL_memdup(ASN1_STRING_get0_data(bits), cert->hashed_length);
        }
    }
    sp_unlock(sp_shard_of(cert));
    if (id.failed || (id.known && !sp_prints_file(cert, &id)))
        sp_register_failed();
    return first;
}

bool sp_cert_has_other_key(struct sp_cert *cert, const struct sp_keyid *id)
{
    bool other;

    sp_lock(sp_shard_of(cert));
    other = cert->id.known && id->known && !sp_keyid_equal(&cert->id, id);
    sp_unlock(sp_shard_of(cert));
    return other;
}
