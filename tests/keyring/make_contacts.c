/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * make_contacts COUNT [FIRST]: prints that many certificates of one CA as PEM.  Each has
 * its own serial number, subject, address and P-256 key, and a valid signature.  FIRST is
 * the number of the first (0).  With --rows before COUNT they are rows for COPY into a hub:
 * `certificate`, fingerprint, DER, enum sp_role, enum sp_origin, seconds, address, `narrowed`.
 *
 * One certificate is made by OpenSSL; the others are copies in which these fields
 * are changed.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509v3.h>

#include "contacts.h"

#define DIGITS "0000000000"
#define SKI    20
#define MOST   2048

struct maker {
    EVP_PKEY *key; /* the CA's */
    EVP_MD_CTX *ctx;
    EC_GROUP *group;
    EC_POINT *point; /* the point of the next contact */
    unsigned char *tbs;
    size_t tbs_length;
    bool rows;
    time_t now;
    /* Positions in |tbs|. */
    unsigned char *serial, *subject, *address, *ski, *public;
};

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "make_contacts: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    must(extension != NULL && X509_add_ext(cert, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static void set_name(int (*set)(X509 *cert, const X509_NAME *name), X509 *cert,
                     const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                    -1, -1, 0) &&
             set(cert, name),
         common_name);
    X509_NAME_free(name);
}

/* A certificate with marks for the serial number, the Subject Key Identifier and the key. */
static X509 *make_model(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    ASN1_INTEGER *serial = X509_get_serialNumber(cert);

    must(X509_set_version(cert, X509_VERSION_3) &&
             ASN1_STRING_set(serial, "SERIAL##", (int)strlen("SERIAL##")),
         "model");
    must(X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 365) != NULL,
         "dates");
    set_name(X509_set_issuer_name, cert, "Contacts CA");
    set_name(X509_set_subject_name, cert, CONTACT_SUBJECT DIGITS);
    must(X509_set_pubkey(cert, key), "key");
    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyAgreement");
    add_extension(cert, NID_ext_key_usage, "emailProtection");
    add_extension(cert, NID_subject_alt_name, "email:" CONTACT_ADDRESS DIGITS CONTACT_DOMAIN);
    add_extension(cert, NID_subject_key_identifier, "534b492323232323232323232323232323232323");
    must(X509_sign(cert, key, EVP_sha256()) > 0, "signature");
    return cert;
}

static unsigned char *place(struct maker *maker, const void *mark, size_t length)
{
    unsigned char *found = memmem(maker->tbs, maker->tbs_length, mark, length);

    must(found != NULL, "a mark is not in the model");
    return found;
}

static void find_places(struct maker *maker, const X509 *model)
{
    const ASN1_BIT_STRING *public = X509_get0_pubkey_bitstr(model);

    must(ASN1_STRING_length(public) == CONTACT_POINT, "point");
    maker->public = place(maker, ASN1_STRING_get0_data(public), CONTACT_POINT);
    maker->serial = place(maker, "SERIAL##", strlen("SERIAL##"));
    maker->subject = place(maker, CONTACT_SUBJECT DIGITS, strlen(CONTACT_SUBJECT DIGITS)) +
                     strlen(CONTACT_SUBJECT);
    maker->address = place(maker, CONTACT_ADDRESS DIGITS, strlen(CONTACT_ADDRESS DIGITS)) +
                     strlen(CONTACT_ADDRESS);
    maker->ski = place(maker, "SKI##", strlen("SKI##"));
}

static void prepare(struct maker *maker, unsigned long number)
{
    BIGNUM *first = BN_new();
    X509 *model;
    int length;

    maker->key = EVP_EC_gen("P-256");
    maker->ctx = EVP_MD_CTX_new();
    maker->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    must(maker->key != NULL && maker->ctx != NULL && maker->group != NULL && first != NULL, "key");
    maker->point = EC_POINT_new(maker->group);
    must(BN_set_word(first, CONTACT_BASE + number) &&
             EC_POINT_mul(maker->group, maker->point, first, NULL, NULL, NULL),
         "first key");
    model = make_model(maker->key);
    length = i2d_re_X509_tbs(model, &maker->tbs);
    must(length > 127, "model");
    maker->tbs_length = (size_t)length;
    find_places(maker, model);
    X509_free(model);
    BN_free(first);
}

static void write_number(struct maker *maker, unsigned long number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%0*lu", CONTACT_DIGITS, number);
    memcpy(maker->subject, digits, CONTACT_DIGITS);
    memcpy(maker->address, digits, CONTACT_DIGITS);
    for (int i = 0; i < 7; i++)
        maker->serial[7 - i] = (unsigned char)(number >> 8 * i);
    maker->serial[0] = 1;
    must(EC_POINT_point2oct(maker->group, maker->point, POINT_CONVERSION_UNCOMPRESSED,
                            maker->public, CONTACT_POINT, NULL) == CONTACT_POINT,
         "point");
    memcpy(maker->ski, maker->public + 1, SKI);
    must(EC_POINT_add(maker->group, maker->point, maker->point,
                      EC_GROUP_get0_generator(maker->group), NULL),
         "next key");
}

/* [RFC 5280, 4.1] The signed part, ecdsa-with-SHA256, and a BIT STRING. */
static size_t sign(struct maker *maker, unsigned char der[MOST])
{
    static const unsigned char algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                               0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
    unsigned char *end = der + 4;
    size_t length = 128;
    size_t inner;

    memcpy(end, maker->tbs, maker->tbs_length);
    end += maker->tbs_length;
    memcpy(end, algorithm, sizeof(algorithm));
    end += sizeof(algorithm);
    must(EVP_DigestSignInit(maker->ctx, NULL, EVP_sha256(), NULL, maker->key) == 1 &&
             EVP_DigestSign(maker->ctx, end + 3, &length, maker->tbs, maker->tbs_length) == 1 &&
             length < 127,
         "signature");
    end[0] = 0x03;
    end[1] = (unsigned char)(length + 1);
    end[2] = 0;
    end += 3 + length;
    inner = (size_t)(end - der) - 4;
    memcpy(der, (unsigned char[]){ 0x30, 0x82, (unsigned char)(inner >> 8), (unsigned char)inner },
           4);
    return inner + 4;
}

static void print_bytes(const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * MOST + 1];

    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * length] = '\0';
    printf("\\\\x%s\t", hex);
}

static void print_row(const struct maker *maker, const unsigned char *der, size_t length)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];

    must(EVP_Digest(der, length, fingerprint, NULL, EVP_sha256(), NULL), "fingerprint");
    fputs("certificate\t", stdout);
    print_bytes(fingerprint, 32);
    print_bytes(der, length);
    printf("2\t1\t%lld\t" CONTACT_ADDRESS "%.*s" CONTACT_DOMAIN "\tf\n", (long long)maker->now,
           CONTACT_DIGITS, (const char *)maker->address);
}

static void print_pem(const unsigned char *der, size_t length)
{
    unsigned char line[65];

    fputs("-----BEGIN CERTIFICATE-----\n", stdout);
    for (size_t at = 0; at < length; at += 48) {
        size_t rest = length - at;

        EVP_EncodeBlock(line, der + at, (int)(rest < 48 ? rest : 48));
        puts((const char *)line);
    }
    fputs("-----END CERTIFICATE-----\n", stdout);
}

int main(int argc, char **argv)
{
    struct maker maker = { .rows = argc > 1 && strcmp(argv[1], "--rows") == 0, .now = time(NULL) };
    char **words = argv + 1 + maker.rows;
    const int given = argc - 1 - maker.rows;
    unsigned long count = given == 1 || given == 2 ? strtoul(words[0], NULL, 10) : 0;
    unsigned long first = given == 2 ? strtoul(words[1], NULL, 10) : 0;
    unsigned char der[MOST];

    must(count > 0 && count <= 5000000000 && first <= 4999999999, "how many?");
    prepare(&maker, first);
    must(maker.tbs_length < MOST - 256, "model");
    for (unsigned long number = first; number < first + count; number++) {
        size_t length;

        write_number(&maker, number);
        length = sign(&maker, der);
        if (maker.rows)
            print_row(&maker, der, length);
        else
            print_pem(der, length);
    }
    must(fflush(stdout) == 0, "cannot write");
    OPENSSL_free(maker.tbs);
    EC_POINT_free(maker.point);
    EC_GROUP_free(maker.group);
    EVP_MD_CTX_free(maker.ctx);
    EVP_PKEY_free(maker.key);
    return EXIT_SUCCESS;
}
