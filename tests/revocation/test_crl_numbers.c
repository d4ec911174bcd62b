/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Serial numbers of every form, and many of them.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "crls.h"

/* The number of entries of the long test; without it a short one is made. */
#define MANY "SP_TEST_ENTRIES"

static struct sp_crl_writer *new_writer(void)
{
    static unsigned char key[SP_SHA256_LENGTH];
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(crls.issuer);
    const struct sp_crl_issuer issuer = { .key = key,
                                          .name = X509_get_subject_name(crls.issuer),
                                          .ski = ASN1_STRING_get0_data(ski),
                                          .ski_length = (size_t)ASN1_STRING_length(ski),
                                          .cert = crls.issuer };
    const struct sp_crl_about about = sp_today();
    struct sp_crl_writer *writer;
    char *why;

    sp_key_name(crls.issuer, key);
    writer = sp_crl_writer_new(crls.place, &issuer, &about, &why);
    ck_assert_ptr_nonnull(writer);
    return writer;
}

static void add(struct sp_crl_writer *writer, const unsigned char *octets, size_t length)
{
    const struct sp_crl_entry entry = { octets, length, SP_NOW - 2 * DAY, 1, 0 };
    char *why;

    ck_assert_msg(sp_crl_writer_add(writer, &entry, &why), "%s", why);
}

static void commit(struct sp_crl_writer *writer)
{
    char *why;

    ck_assert_msg(sp_crl_writer_commit(writer, &why), "%s", why);
    sp_crl_writer_free(writer);
}

/* A certificate of the issuer with this serial number. */
static X509 *with_serial(const char *hex)
{
    X509 *cert = sp_issued(crls.issuer, NULL, 9, AKI("01020304"));
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial;

    ck_assert_int_gt(BN_hex2bn(&number, hex), 0);
    serial = BN_to_ASN1_INTEGER(number, NULL);
    ck_assert_int_eq(X509_set_serialNumber(cert, serial), 1);
    ck_assert_int_gt(X509_sign(cert, sp_test_ec(), EVP_sha256()), 0);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return cert;
}

#define LONG "7f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static const struct {
    const char *hex; /* of the certificate */
    unsigned char octets[40];
    size_t length;
    const char *other; /* a certificate that is not meant */
} serials[] = {
    { "00", { 0 }, 1, "01" },
    { "00", { 0 }, 0, "01" },
    { "1f", { 0x1f }, 1, "-1f" },
    { "1f", { 0, 0, 0x1f }, 3, "1f00" },
    { "80", { 0, 0x80 }, 2, "-80" },
    { "-80", { 0x80 }, 1, "80" },
    { "-1", { 0xff }, 1, "ff" },
    { "-1", { 0xff, 0xff }, 2, "ffff" },
    { "ff", { 0, 0xff }, 2, "-1" },
    { "-100", { 0xff, 0x00 }, 2, "ff00" },
    { "0102030405060708090a0b0c0d0e0f1011121314",
      { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 },
      20,
      "0102030405060708090a0b0c0d0e0f1011121315" },
    { LONG,
      { 0x7f, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
        17,   18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 },
      33,
      "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20" },
};

START_TEST(serial)
{
    struct sp_crl_writer *writer = new_writer();
    X509 *named = with_serial(serials[_i].hex), *other = with_serial(serials[_i].other);

    add(writer, serials[_i].octets, serials[_i].length);
    commit(writer);
    sp_expect_answer(named, "revoked 1");
    sp_expect_answer(other, "none");
    X509_free(named);
    X509_free(other);
}
END_TEST

START_TEST(too_long)
{
    struct sp_crl_writer *writer = new_writer();
    static const unsigned char octets[SP_CRL_LONGEST_SERIAL + 1] = { 1 };
    const struct sp_crl_entry longest = { octets, SP_CRL_LONGEST_SERIAL, 0, 0, 0 };
    const struct sp_crl_entry longer = { octets, SP_CRL_LONGEST_SERIAL + 1, 0, 0, 0 };
    char *why;

    ck_assert(sp_crl_writer_add(writer, &longest, &why));
    ck_assert(!sp_crl_writer_add(writer, &longer, &why));
    ck_assert_ptr_nonnull(strstr(why, "more than 255 octets"));
    OPENSSL_free(why);
    commit(writer);
}
END_TEST

/* No file can name it, so none says that it is not revoked. */
START_TEST(certificate_too_long)
{
    struct sp_crl_writer *writer = new_writer();
    char hex[2 * SP_CRL_LONGEST_SERIAL + 3] = "";
    X509 *cert;

    commit(writer);
    memset(hex, '1', 2 * SP_CRL_LONGEST_SERIAL);
    cert = with_serial(hex);
    sp_expect_answer(cert, "none");
    X509_free(cert);
    memset(hex, '1', 2 * SP_CRL_LONGEST_SERIAL + 2);
    cert = with_serial(hex);
    sp_expect_answer(cert, "unknown");
    X509_free(cert);
}
END_TEST

START_TEST(revokes_nothing)
{
    struct sp_crl_writer *writer = new_writer();
    const struct sp_crl_entry entry = { (const unsigned char *)"\1", 1, 0, 8, 0 };
    char *why;

    ck_assert(!sp_crl_writer_add(writer, &entry, &why));
    ck_assert_ptr_nonnull(strstr(why, "removeFromCRL"));
    OPENSSL_free(why);
    sp_crl_writer_free(writer);
}
END_TEST

/* One serial again and again fills one page only, however many there are. */
START_TEST(same_serial)
{
    struct sp_crl_writer *writer = new_writer();
    char *why;

    for (int i = 0; i < 1000; i++)
        add(writer, (const unsigned char *)"\1", 1);
    ck_assert(!sp_crl_writer_commit(writer, &why));
    ck_assert_ptr_nonnull(strstr(why, "too often"));
    OPENSSL_free(why);
    sp_crl_writer_free(writer);
}
END_TEST

/* Long serials, of which few fit on a page. */
START_TEST(long_serials)
{
    struct sp_crl_writer *writer = new_writer();
    unsigned char octets[SP_CRL_LONGEST_SERIAL] = { 1 };
    X509 *cert;
    BIGNUM *number;
    char *hex;

    for (int i = 0; i < 500; i++) {
        octets[100] = (unsigned char)(i >> 8);
        octets[101] = (unsigned char)i;
        add(writer, octets, sizeof(octets));
    }
    commit(writer);
    number = BN_bin2bn(octets, sizeof(octets), NULL);
    hex = BN_bn2hex(number);
    cert = with_serial(hex);
    sp_expect_answer(cert, "revoked 1");
    X509_free(cert);
    OPENSSL_free(hex);
    BN_free(number);
}
END_TEST

static bool count_entry(const struct sp_crl_entry *entry, void *data)
{
    ck_assert_int_eq(entry->reason, 1);
    ++*(size_t *)data;
    return true;
}

/* The entry |i|: 16 octets that look like a serial number, every other one in the CRL. */
static void octets_of(size_t i, unsigned char octets[16])
{
    for (int k = 0; k < 16; k++)
        octets[k] = (unsigned char)((i + 1) * 2654435761U >> (k % 4 * 8)) ^ (unsigned char)(k * 7);
    octets[0] = 1;
    memcpy(octets + 1, &i, sizeof(i));
}

static void expect_octets(const unsigned char octets[16], const char *expected)
{
    BIGNUM *number = BN_bin2bn(octets, 16, NULL);
    char *hex = BN_bn2hex(number);
    X509 *cert = with_serial(hex);

    sp_expect_answer(cert, expected);
    X509_free(cert);
    OPENSSL_free(hex);
    BN_free(number);
}

/* Each is found, none too many, and the check counts them. */
START_TEST(many)
{
    const char *wanted = getenv(MANY);
    const size_t count = wanted != NULL ? (size_t)strtoul(wanted, NULL, 10) : 3000;
    struct sp_crl_writer *writer = new_writer();
    unsigned char octets[16];
    char *path, *why;
    size_t counted = 0;

    for (size_t i = 0; i < count; i++) {
        octets_of(2 * i, octets);
        add(writer, octets, sizeof(octets));
    }
    commit(writer);
    for (size_t i = 0; i < 2 * count; i += 1 + count / 50) {
        octets_of(i, octets);
        expect_octets(octets, i % 2 == 0 ? "revoked 1" : "none");
    }
    path = sp_only_crl();
    ck_assert(sp_crl_file_check(path, &why));
    ck_assert(sp_crl_file_entries(path, count_entry, &counted, &why));
    ck_assert_uint_eq(counted, count);
    free(path);
}
END_TEST

static Suite *numbers_suite(void)
{
    Suite *suite = suite_create("crl_numbers");
    TCase *tcase = tcase_create("serials");

    tcase_add_checked_fixture(tcase, sp_crls_set_up, sp_crls_tear_down);
    tcase_add_checked_fixture(tcase, NULL, sp_crls_expect_closed);
    tcase_add_loop_test(tcase, serial, 0, SP_ROWS(serials));
    tcase_add_test(tcase, too_long);
    tcase_add_test(tcase, certificate_too_long);
    tcase_add_test(tcase, revokes_nothing);
    tcase_add_test(tcase, same_serial);
    tcase_add_test(tcase, long_serials);
    tcase_add_test(tcase, many);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(numbers_suite());
}
