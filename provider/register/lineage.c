/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/lineage.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "register/register.h"
#include "revocation/asked.h"

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
    }
    OPENSSL_free(der);
    return lineage;
}

static bool may_be_issuer(const struct sp_cert *cert, const void *arg)
{
    const struct sp_kinship issuer = sp_facts_kinship(cert->facts), *issued = arg;

    return cert->lineage != NULL && issuer.subject == issued->issuer &&
           (issuer.key_id == issued->issuer_key_id || issuer.key_id == 0 ||
            issued->issuer_key_id == 0);
}

bool sp_lineage_find_issuers(const struct sp_cert *cert, struct sp_certs *found)
{
    struct sp_kinship issued = { 0 };

    /* The lineage does not change once there are facts. */
    if (sp_cert_facts(cert) != NULL && cert->lineage != NULL)
        issued = sp_facts_kinship(sp_cert_facts(cert));
    return issued.issuer == 0 || issued.subject == issued.issuer ||
           sp_certs_find(found, may_be_issuer, &issued);
}

/* A copy that the register finds for nobody. */
static X509 *parse(const unsigned char *der, size_t length)
{
    X509 *x509;

    sp_register_set_aside(true);
    x509 = d2i_X509(NULL, &der, (long)length);
    sp_register_set_aside(false);
    sp_thread_event();
    return x509;
}

X509 *sp_lineage_x509(const struct sp_lineage *lineage)
{
    return parse(lineage->der, lineage->length);
}

bool sp_lineage_has_issued(const struct sp_cert *issuer, const struct sp_cert *cert)
{
    X509 *above, *below;
    EVP_PKEY *key;
    int issued;
    bool proved = false;

    ERR_set_mark();
    above = parse(issuer->lineage->der, issuer->lineage->length);
    below = parse(cert->lineage->der, cert->lineage->length);
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

int sp_lineage_is_signed_by(const unsigned char *issuer, size_t length, const unsigned char *der,
                            size_t der_length)
{
    X509 *above, *below;
    int is = -1;

    ERR_set_mark();
    above = parse(issuer, length);
    below = parse(der, der_length);
    if (above != NULL && below != NULL)
        is = sp_is_signed_by(below, above);
    X509_free(above);
    X509_free(below);
    ERR_pop_to_mark();
    return is;
}
