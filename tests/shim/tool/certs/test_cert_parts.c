/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys in files: each part is taken or said to be damaged, and none is missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/text.h"
#include "keyrings.h"
#include "tool/certs/certs.h"

#define PASS "secret"

/* Of the file, in a directory of its own. */
static char *place;
static X509 *cert;
static EVP_PKEY *key;

static void set_up(void)
{
    place = sp_make_place();
    key = sp_test_ec();
    cert = sp_make_contact(1, "Bob", "email:bob@example.org", key);
}

static void tear_down(void)
{
    X509_free(cert);
    sp_remove_place(place);
}

static PKCS7 *make_bundle(bool empty)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    PKCS7 *bundle;

    ck_assert(empty || (sk_X509_push(certs, cert) > 0 && sk_X509_push(certs, cert) > 0));
    bundle = PKCS7_sign(NULL, NULL, certs, NULL, PKCS7_DETACHED | PKCS7_PARTIAL);
    /* Without a signer: what is handed out as certificates alone (.p7b). */
    ck_assert_ptr_nonnull(bundle);
    ck_assert(bundle->d.sign->contents != NULL);
    sk_X509_free(certs);
    return bundle;
}

/* A key that asks for more work than anybody would wait for; it was never encrypted. */
static X509_SIG *make_endless(void)
{
    X509_SIG *closed = X509_SIG_new();
    X509_ALGOR *wanted = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), SHIM_MOST_ITERATIONS + 1, NULL, 0,
                                           NULL, NID_hmacWithSHA256);
    ASN1_OCTET_STRING *octets;
    X509_ALGOR *pbe;

    X509_SIG_getm(closed, &pbe, &octets);
    ck_assert_int_eq(X509_ALGOR_copy(pbe, wanted), 1);
    ck_assert_int_eq(ASN1_OCTET_STRING_set(octets, (const unsigned char *)"0123456789abcdef", 16),
                     1);
    X509_ALGOR_free(wanted);
    return closed;
}

static void write_damaged(BIO *bio)
{
    BIO_puts(bio, "-----BEGIN CERTIFICATE-----\nMAMCAQ==\n-----END CERTIFICATE-----\n");
}

/* With one byte more than it has. */
static void write_extra(BIO *bio, const char *label, int length, unsigned char *der)
{
    unsigned char *longer = OPENSSL_zalloc((size_t)length + 1);

    memcpy(longer, der, (size_t)length);
    PEM_write_bio(bio, label, "", longer, length + 1);
    OPENSSL_free(longer);
    OPENSSL_free(der);
}

static void write_cert_and_more(BIO *bio)
{
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);

    write_extra(bio, PEM_STRING_X509, length, der);
}

static void write_bundle_and_more(BIO *bio)
{
    PKCS7 *bundle = make_bundle(false);
    unsigned char *der = NULL;
    int length = i2d_PKCS7(bundle, &der);

    write_extra(bio, PEM_STRING_PKCS7, length, der);
    PKCS7_free(bundle);
}

static void write_key_and_more(BIO *bio)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int length = i2d_PKCS8_PRIV_KEY_INFO(plain, &der);

    write_extra(bio, PEM_STRING_PKCS8INF, length, der);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

/* One piece of a file in PEM, by the letter that rows call it. */
static void write_piece(BIO *bio, char letter)
{
    unsigned char *pass = (unsigned char *)OPENSSL_strdup(PASS);
    PKCS7 *bundle = NULL;
    X509_SIG *closed = NULL;

    switch (letter) {
    case 'C':
        PEM_write_bio_X509(bio, cert);
        break;
    case 'T':
        PEM_write_bio_X509_AUX(bio, cert);
        break;
    case 'K':
        PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
        break;
    case 'O': /* the old form, with its parameters before it */
        BIO_puts(bio, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                      "-----END EC PARAMETERS-----\n");
        PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
        break;
    case 'E':
        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), (char *)pass, strlen(PASS), NULL,
                                      NULL);
        break;
    case 'R':
        PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_256_cbc(), pass, strlen(PASS), NULL,
                                             NULL);
        break;
    case 'U':
        PEM_write_bio_PUBKEY(bio, key);
        break;
    case 'I':
        closed = make_endless();
        PEM_write_bio_PKCS8(bio, closed);
        break;
    case 'B':
    case 'b':
        bundle = make_bundle(letter == 'b');
        PEM_write_bio_PKCS7(bio, bundle);
        break;
    case 'D':
        write_damaged(bio);
        break;
    case 'X':
        write_cert_and_more(bio);
        break;
    case 'Y':
        write_bundle_and_more(bio);
        break;
    case 'Z':
        write_key_and_more(bio);
        break;
    case '?':
        BIO_puts(bio, "-----BEGIN X509 CRL-----\nMAMCAQE=\n-----END X509 CRL-----\n");
        break;
    case '!':
        BIO_puts(bio, "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n");
        break;
    case '(':
        BIO_puts(bio, "-----BEGIN CERTIFICATE-----\nMAMCAQ==\n");
        break;
    default:
        BIO_puts(bio, "Some text for people.\r\n");
    }
    X509_SIG_free(closed);
    PKCS7_free(bundle);
    OPENSSL_free(pass);
}

static void write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_pieces(const char *path, const char *letters)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long length;

    for (; *letters != '\0'; letters++)
        write_piece(bio, *letters);
    length = BIO_get_mem_data(bio, &data);
    write_file(path, data, (size_t)length);
    BIO_free(bio);
}

/* What came: "cert 1; key 2; REASON 3", until |most| have. */
struct got {
    struct sp_text text;
    int most;
};

static bool take(const struct shim_part *part, void *arg)
{
    struct got *got = arg;
    char *line;

    if (part->cert != NULL)
        ck_assert_int_eq(X509_cmp(part->cert, cert), 0);
    if (part->key != NULL)
        ck_assert_int_eq(EVP_PKEY_eq(part->key, key), 1);
    line = sp_format("%s%s %u", got->text.len > 0 ? "; " : "",
                     part->cert != NULL   ? "cert"
                     : part->key == NULL  ? part->why
                     : part->pass != NULL ? "locked key"
                                          : "key",
                     part->number);
    sp_text_add_bytes(&got->text, line, strlen(line));
    OPENSSL_free(line);
    return --got->most != 0;
}

static void expect_read(const char *path, const char *pass, int most, const char *expected)
{
    struct got got = { .most = most };
    struct shim_reading_parts reading = { .each = take, .arg = &got };
    bool more;
    char *text;

    if (pass != NULL)
        reading.pass = (struct shim_passphrase){ .text = OPENSSL_strdup(pass), .given = true };
    more = shim_parts_read(&reading, path);
    ck_assert_int_eq(more, got.most != 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    text = sp_text_take(&got.text);
    ck_assert_str_eq(text == NULL ? "" : text, expected);
    OPENSSL_free(text);
    shim_passphrase_clear(&reading.pass);
}

#define NO_CERT SHIM_NO_CERTIFICATE
#define NOTHING                                                                                    \
    "it holds neither a certificate nor a private key; give PEM, DER, PKCS#7 or PKCS#12 0"
#define NO_BUNDLE "it is no PKCS#7 that can be read; it may be cut or damaged: fetch it anew"
#define CUT       "its PEM encoding is cut or damaged; fetch it anew"
#define OTHER     "X509 CRL is neither a certificate nor a private key; leave it out"

/* A file of so many pieces, see write_piece(). */
static const struct {
    const char *pieces;
    const char *pass;
    const char *parts;
} pem[] = {
    { "C", NULL, "cert 1" },
    { "CKC", NULL, "cert 1; key 2; cert 3" },
    { "xCxTx", NULL, "cert 1; cert 2" },
    { "BC", NULL, "cert 1; cert 1; cert 2" },
    { "OU", NULL, "key 2; key 3" },
    { "EC", PASS, "locked key 1; cert 2" },
    { "EC", "wrong", SHIM_WRONG_PASSPHRASE " 1; cert 2" },
    { "ECR", PASS, "locked key 1; cert 2; locked key 3" },
    { "RC", "wrong", SHIM_WRONG_PASSPHRASE " 1; cert 2" },
    { "IC", PASS, SHIM_TOO_MANY_ITERATIONS " 1; cert 2" },

    { "x", NULL, NOTHING },
    { "DC", NULL, NO_CERT " 1; cert 2" },
    { "XC", NULL, NO_CERT " 1; cert 2" },
    { "YC", NULL, NO_BUNDLE " 1; cert 2" },
    { "ZC", NULL, SHIM_NO_KEY " 1; cert 2" },
    { "?C", NULL, OTHER " 1; cert 2" },
    { "!C", NULL, CUT " 1; cert 2" },
    { "C(", NULL, "cert 1; " CUT " 2" },
    { "bC", NULL, "it is a PKCS#7 without certificates 1; cert 2" },
};

START_TEST(pem_is_read_to_its_end)
{
    write_pieces(place, pem[_i].pieces);
    expect_read(place, pem[_i].pass, -1, pem[_i].parts);
}
END_TEST

static int give_wrong(char *buffer, int size, int writing, void *wrong)
{
    (void)writing;
    return (int)OPENSSL_strlcpy(buffer, wrong, (size_t)size);
}

/* Does the wrong passphrase decrypt the old PEM to something that is padded rightly? */
static bool fits_by_chance(const char *path, char *wrong)
{
    BIO *bio = BIO_new_file(path, "r");
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    EVP_CIPHER_INFO info;
    long length = 0;
    bool fits;

    ck_assert_int_eq(PEM_read_bio(bio, &name, &header, &data, &length), 1);
    ck_assert_int_eq(PEM_get_EVP_CIPHER_INFO(header, &info), 1);
    fits = PEM_do_header(&info, data, &length, give_wrong, wrong) == 1;
    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    return fits;
}

/* One wrong passphrase in 256 leaves a padding that looks right. */
START_TEST(a_padding_that_fits_by_chance_opens_nothing)
{
    char wrong[16] = "";

    write_pieces(place, "RC");
    for (int i = 0; wrong[0] == '\0' || !fits_by_chance(place, wrong); i++)
        ck_assert_int_gt(snprintf(wrong, sizeof(wrong), "wrong%d", i), 0);
    expect_read(place, wrong, -1, SHIM_WRONG_PASSPHRASE " 1; cert 2");
}
END_TEST

START_TEST(who_wants_no_more_gets_no_more)
{
    static const char *const pieces[] = { "CCC", "DCC", "KCC", "BCC", "?CC", "!CC" };
    static const char *const parts[] = { "cert 1", NO_CERT " 1", "key 1",
                                         "cert 1", OTHER " 1",   CUT " 1" };

    write_pieces(place, pieces[_i]);
    expect_read(place, NULL, 1, parts[_i]);
}
END_TEST

/* What is written as DER, with so many bytes more or fewer. */
enum form {
    FORM_CERT,
    FORM_TRUSTED,
    FORM_KEY,
    FORM_PUBLIC,
    FORM_LOCKED,
    FORM_BUNDLE,
    FORM_PKCS12,
    FORM_TEXT
};

static int encode(enum form form, unsigned char **der)
{
    PKCS8_PRIV_KEY_INFO *plain;
    PKCS12 *p12;
    PKCS7 *bundle;
    X509_SIG *closed;
    int length;

    switch (form) {
    case FORM_CERT:
        return i2d_X509(cert, der);
    case FORM_TRUSTED:
        ck_assert_int_eq(X509_alias_set1(cert, (const unsigned char *)"Bob", 3), 1);
        return i2d_X509_AUX(cert, der);
    case FORM_KEY:
        plain = EVP_PKEY2PKCS8(key);
        length = i2d_PKCS8_PRIV_KEY_INFO(plain, der);
        PKCS8_PRIV_KEY_INFO_free(plain);
        return length;
    case FORM_PUBLIC:
        return i2d_PUBKEY(key, der);
    case FORM_LOCKED:
        plain = EVP_PKEY2PKCS8(key);
        closed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), PASS, -1, NULL, 0, 2048, plain);
        length = i2d_X509_SIG(closed, der);
        PKCS8_PRIV_KEY_INFO_free(plain);
        X509_SIG_free(closed);
        return length;
    case FORM_BUNDLE:
        bundle = make_bundle(false);
        length = i2d_PKCS7(bundle, der);
        PKCS7_free(bundle);
        return length;
    case FORM_PKCS12:
        p12 = PKCS12_create(PASS, NULL, key, cert, NULL, 0, 0, 2048, 2048, 0);
        length = i2d_PKCS12(p12, der);
        PKCS12_free(p12);
        return length;
    default:
        *der = (unsigned char *)OPENSSL_strdup("\x30\x03\x02\x01\x01");
        return 5;
    }
}

#define NEITHER                                                                                    \
    "it is neither a certificate nor a private key, or it is damaged; give PEM, DER, PKCS#7 or "   \
    "PKCS#12 0"
#define MORE   "more follows behind its end; give one certificate or key in each file, or PEM 0"
#define IS_CUT "it is cut: it ends before its contents do; fetch it anew 0"

static const struct {
    enum form form;
    int more;
    const char *pass;
    const char *parts;
} der[] = {
    { FORM_CERT, 0, NULL, "cert 0" },
    { FORM_CERT, 1, NULL, MORE },
    { FORM_CERT, -1, NULL, IS_CUT },
    { FORM_TRUSTED, 0, NULL, "cert 0" },
    { FORM_TRUSTED, 1, NULL, MORE },
    { FORM_KEY, 0, NULL, "key 0" },
    { FORM_KEY, 1, NULL, MORE },
    { FORM_PUBLIC, 0, NULL, "key 0" },
    { FORM_LOCKED, 0, PASS, "locked key 0" },
    { FORM_LOCKED, 0, "wrong", SHIM_WRONG_PASSPHRASE " 0" },
    { FORM_LOCKED, -1, PASS, IS_CUT },
    { FORM_BUNDLE, 0, NULL, "cert 1; cert 2" },
    { FORM_BUNDLE, 1, NULL, MORE },
    { FORM_PKCS12, 0, PASS, "cert 1; locked key 2" },
    { FORM_PKCS12, 0, "wrong", SHIM_WRONG_PASSPHRASE " 0" },
    { FORM_PKCS12, 2, PASS, MORE },
    { FORM_TEXT, 0, NULL, NEITHER },
    { FORM_TEXT, -5, NULL, "it is empty; give PEM, DER, PKCS#7 or PKCS#12 0" },
};

static void write_der(enum form form, int more)
{
    unsigned char *bytes = NULL;
    int length = encode(form, &bytes);
    unsigned char *longer;

    ck_assert_int_gt(length, 0);
    longer = OPENSSL_zalloc((size_t)length + 16);
    memcpy(longer, bytes, (size_t)length);
    write_file(place, longer, (size_t)(length + more));
    OPENSSL_free(longer);
    OPENSSL_free(bytes);
}

START_TEST(der_is_one_thing_and_whole)
{
    write_der(der[_i].form, der[_i].more);
    expect_read(place, der[_i].pass, -1, der[_i].parts);
}
END_TEST

/* No part is as long: libcrypto would hold all of it in memory. */
static char *make_endless_text(const char *first, size_t length)
{
    static const char line[] = "MIIBszCCAVmgAwIBAgIBATAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANCb2Iw\n";
    char *text = malloc(length);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < length; i++)
        text[i] = line[i % (sizeof(line) - 1)];
    memcpy(text, first, strlen(first));
    return text;
}

START_TEST(der_without_end_is_not_kept)
{
    const size_t length = 17U << 20;
    char *text = make_endless_text("\x30\x84\x7f\xff", length);

    write_file(place, text, length);
    expect_read(place, NULL, -1, SHIM_TOO_LONG " 0");
    free(text);
}
END_TEST

/* And it is not read to its end. */
START_TEST(pem_without_end_is_not_kept)
{
    const size_t length = 18U << 20;
    char *text = make_endless_text("-----BEGIN CERTIFICATE-----\n", length);
    struct got got = { .most = -1 };
    struct shim_reading_parts reading = { .each = take, .arg = &got };
    struct shim_file_parts file = { .reading = &reading, .path = place };
    BIO *bio = BIO_new_mem_buf(text, (int)length);
    char *parts;

    shim_parts_pem(&file, bio);
    ck_assert(!reading.stopped);
    ck_assert_int_gt(BIO_pending(bio), 1 << 20);
    parts = sp_text_take(&got.text);
    ck_assert_str_eq(parts, SHIM_TOO_LONG " 1");
    OPENSSL_free(parts);
    BIO_free(bio);
    free(text);
}
END_TEST

/* In the order of their names, and without those that are hidden. */
START_TEST(a_folder_is_read_file_by_file)
{
    static const char *const files[][2] = {
        { "b", "K" }, { "a", "C" }, { ".hidden", "?" }, { "c", "x" }
    };
    char path[200];

    ck_assert_int_eq(mkdir(place, 0700), 0);
    for (int i = 0; i < SP_ROWS(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", place, files[i][0]);
        write_pieces(path, files[i][1]);
    }
    expect_read(place, NULL, -1, "cert 1; key 1; " NOTHING);
    snprintf(path, sizeof(path), "%s/none", place);
    expect_read(path, NULL, -1, "No such file or directory; give a file that can be read 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cert_parts");
    TCase *tests = tcase_create("cert_parts");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, pem_is_read_to_its_end, 0, SP_ROWS(pem));
    tcase_add_test(tests, a_padding_that_fits_by_chance_opens_nothing);
    tcase_add_loop_test(tests, who_wants_no_more_gets_no_more, 0, 6);
    tcase_add_loop_test(tests, der_is_one_thing_and_whole, 0, SP_ROWS(der));
    tcase_add_test(tests, der_without_end_is_not_kept);
    tcase_add_test(tests, pem_without_end_is_not_kept);
    tcase_add_test(tests, a_folder_is_read_file_by_file);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
