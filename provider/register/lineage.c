/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/lineage.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "register/register.h"

/* FNV-1a: whoever can choose names that meet can choose equal names, too. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * HASH_PRIME;
}

/*
 * The hash of a name, without what X509_NAME_cmp() does not compare: the type of a
 * string, the case of ASCII letters, and blanks.  False if out of memory.
 */
static bool hash_name(const X509_NAME *name, uint64_t *hash)
{
    char *text = sp_name_text(name);

    *hash = HASH_START;
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        if (*p != ' ' && *p != '\\')
            *hash = hash_byte(*hash, (unsigned char)sp_fold(*p));
    OPENSSL_free(text);
    return text != NULL;
}

static uint64_t hash_key_id(const ASN1_OCTET_STRING *id)
{
    const unsigned char *bytes = id != NULL ? ASN1_STRING_get0_data(id) : NULL;
    uint64_t hash = HASH_START;

    for (int i = 0; bytes != NULL && i < ASN1_STRING_length(id); i++)
        hash = hash_byte(hash, bytes[i]);
    return bytes != NULL ? hash : 0;
}

/* An identifier that cannot be read, or occurs twice, tells nothing. */
static void read_key_ids(struct sp_lineage *lineage, const X509 *x509)
{
    ASN1_OCTET_STRING *own = X509_get_ext_d2i(x509, NID_subject_key_identifier, NULL, NULL);
    AUTHORITY_KEYID *authority = X509_get_ext_d2i(x509, NID_authority_key_identifier, NULL, NULL);

    lineage->key_id = hash_key_id(own);
    lineage->issuer_key_id = hash_key_id(authority != NULL ? authority->keyid : NULL);
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(authority);
}

struct sp_lineage *sp_lineage_new(const X509 *x509)
{
    unsigned char *der = NULL;
    int length = i2d_X509(x509, &der);
    struct sp_lineage *lineage = NULL;

    if (length > 0)
        lineage = OPENSSL_malloc(sizeof(*lineage) + (size_t)length);
    if (lineage != NULL) {
        lineage->length = (size_t)length;
        memcpy(lineage->der, der, lineage->length);
        read_key_ids(lineage, x509);
        if (!hash_name(X509_get_subject_name(x509), &lineage->subject) ||
            !hash_name(X509_get_issuer_name(x509), &lineage->issuer)) {
            OPENSSL_free(lineage);
            lineage = NULL;
        }
    }
    OPENSSL_free(der);
    return lineage;
}

static bool may_be_issuer(const struct sp_cert *cert, const void *arg)
{
    const struct sp_lineage *issuer = cert->lineage, *issued = arg;

    return issuer != NULL && issuer->subject == issued->issuer &&
           (issuer->key_id == issued->issuer_key_id || issuer->key_id == 0 ||
            issued->issuer_key_id == 0);
}

bool sp_lineage_find_issuers(const struct sp_cert *cert, struct sp_certs *found)
{
    /* It does not change once there are facts. */
    const struct sp_lineage *issued = sp_cert_facts(cert) != NULL ? cert->lineage : NULL;

    return issued == NULL || issued->subject == issued->issuer ||
           sp_certs_find(found, may_be_issuer, issued);
}

/* A copy that the register finds for nobody. */
static X509 *parse(const struct sp_lineage *lineage)
{
    const unsigned char *der = lineage->der;
    X509 *x509;

    sp_register_set_aside(true);
    x509 = d2i_X509(NULL, &der, (long)lineage->length);
    sp_register_set_aside(false);
    sp_thread_event();
    return x509;
}

bool sp_lineage_has_issued(const struct sp_cert *issuer, const struct sp_cert *cert)
{
    X509 *above, *below;
    EVP_PKEY *key;
    int issued;
    bool proved = false;

    ERR_set_mark();
    above = parse(issuer->lineage);
    below = parse(cert->lineage);
    key = above != NULL ? X509_get0_pubkey(above) : NULL;
    if (below != NULL && key != NULL) {
        issued = X509_check_issued(above, below);
        /* Whether it may sign certificates is another question. */
        proved = (issued == X509_V_OK || issued == X509_V_ERR_KEYUSAGE_NO_CERTSIGN) &&
                 X509_verify(below, key) == 1;
    }
    X509_free(above);
    X509_free(below);
    ERR_pop_to_mark();
    return proved;
}
