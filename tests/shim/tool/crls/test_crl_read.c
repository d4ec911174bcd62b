/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a CRL: its head by libcrypto, its entries from the DER; compared with libcrypto's
 * own reading of all of it.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tool/crls/crls.h"
#include "verdicts.h"

#define ENTRIES 20

static X509 *issuer;

static void set_up(void)
{
    const struct sp_recipe recipe = { .subject = "Issuer",
                                      .key = sp_test_ec(),
                                      .basic = "critical,CA:TRUE" };

    issuer = sp_make_cert(&recipe);
}

static void tear_down(void)
{
    X509_free(issuer);
}

static void add_entry(X509_CRL *crl, int number)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *date = ASN1_TIME_set(NULL, SP_NOW - number);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

    ck_assert_int_eq(ASN1_INTEGER_set_int64(serial, (int64_t)number * 1000003 - 7), 1);
    ck_assert_int_eq(X509_REVOKED_set_serialNumber(entry, serial), 1);
    ck_assert_int_eq(X509_REVOKED_set_revocationDate(entry, date), 1);
    ck_assert_int_eq(ASN1_ENUMERATED_set(reason, number % 7), 1);
    if (number % 3 == 0)
        ck_assert_int_eq(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0), 1);
    ck_assert_int_eq(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_ENUMERATED_free(reason);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(date);
}

static X509_CRL *make_crl(int entries, int number)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *this = ASN1_TIME_set(NULL, SP_NOW), *next = ASN1_TIME_set(NULL, SP_NOW + 86400);
    ASN1_INTEGER *value = ASN1_INTEGER_new();

    ck_assert_int_eq(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    ck_assert_int_eq(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)), 1);
    ck_assert_int_eq(X509_CRL_set1_lastUpdate(crl, this), 1);
    ck_assert_int_eq(X509_CRL_set1_nextUpdate(crl, next), 1);
    for (int i = 0; i < entries; i++)
        add_entry(crl, i);
    ck_assert_int_eq(ASN1_INTEGER_set(value, number), 1);
    if (number >= 0)
        ck_assert_int_eq(X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0), 1);
    ck_assert_int_gt(X509_CRL_sign(crl, sp_test_ec(), EVP_sha256()), 0);
    ASN1_INTEGER_free(value);
    ASN1_TIME_free(this);
    ASN1_TIME_free(next);
    return crl;
}

static unsigned char *encode(X509_CRL *crl, size_t *length)
{
    unsigned char *der = NULL;
    int written = i2d_X509_CRL(crl, &der);

    ck_assert_int_gt(written, 0);
    *length = (size_t)written;
    X509_CRL_free(crl);
    return der;
}

/* What libcrypto has read, and how far it was compared. */
struct comparison {
    X509_CRL *crl;
    int at;
};

static bool compare(const struct sp_crl_entry *entry, void *data)
{
    struct comparison *comparison = data;
    X509_REVOKED *other =
        sk_X509_REVOKED_value(X509_CRL_get_REVOKED(comparison->crl), comparison->at++);
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(other, NID_crl_reason, NULL, NULL);
    ASN1_INTEGER *serial;
    unsigned char der[300] = { V_ASN1_INTEGER, (unsigned char)entry->length };
    const unsigned char *at = der;
    struct tm tm;

    memcpy(der + 2, entry->serial, entry->length);
    serial = d2i_ASN1_INTEGER(NULL, &at, (long)entry->length + 2);
    ck_assert_ptr_nonnull(serial);
    ck_assert_int_eq(ASN1_INTEGER_cmp(serial, X509_REVOKED_get0_serialNumber(other)), 0);
    ck_assert_int_eq(ASN1_TIME_to_tm(X509_REVOKED_get0_revocationDate(other), &tm), 1);
    ck_assert_int_eq(entry->at, timegm(&tm));
    ck_assert_int_eq(entry->reason, reason == NULL ? -1 : (int)ASN1_ENUMERATED_get(reason));
    ASN1_INTEGER_free(serial);
    ASN1_ENUMERATED_free(reason);
    return true;
}

START_TEST(as_libcrypto_reads_it)
{
    const int entries = _i * ENTRIES;
    struct comparison comparison = { make_crl(entries, 0x1234), 0 };
    size_t length;
    unsigned char *der = encode(X509_CRL_dup(comparison.crl), &length);
    struct shim_crl crl;
    char *number;
    bool stopped;

    ck_assert_ptr_null(shim_crl_read(&crl, der, length));
    ck_assert(shim_crl_is_signed_by(&crl, issuer));
    ck_assert_int_eq(crl.facts.this_update, SP_NOW);
    ck_assert_int_eq(crl.facts.next_update, SP_NOW + 86400);
    ck_assert_uint_eq(crl.scope, 0);
    number = shim_crl_number_text(&crl.facts.number);
    ck_assert_str_eq(number, "0x1234");
    OPENSSL_free(number);
    ck_assert_ptr_null(shim_crl_entries_each(&crl, compare, &comparison, &stopped));
    ck_assert(!stopped);
    ck_assert_int_eq(comparison.at, entries);
    shim_crl_clear(&crl);
    X509_CRL_free(comparison.crl);
    OPENSSL_free(der);
}
END_TEST

static bool stop(const struct sp_crl_entry *entry, void *data)
{
    (void)entry;
    return ++*(int *)data < 3;
}

START_TEST(stopped_at_an_entry)
{
    size_t length;
    unsigned char *der = encode(make_crl(ENTRIES, -1), &length);
    struct shim_crl crl;
    bool stopped;
    int seen = 0;

    ck_assert_ptr_null(shim_crl_read(&crl, der, length));
    ck_assert(!crl.facts.number.given);
    ck_assert_ptr_null(shim_crl_entries_each(&crl, stop, &seen, &stopped));
    ck_assert(stopped);
    ck_assert_int_eq(seen, 3);
    shim_crl_clear(&crl);
    OPENSSL_free(der);
}
END_TEST

static bool count(const struct sp_crl_entry *entry, void *data)
{
    (void)entry;
    ++*(int *)data;
    return true;
}

/* Whatever a byte is changed to, nothing is read beyond the end, and no signature fits. */
START_TEST(each_byte_changed)
{
    size_t length;
    unsigned char *der = encode(make_crl(3, 5), &length);
    struct shim_crl crl;
    bool stopped;

    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned char *changed = OPENSSL_memdup(der, length);
            int seen = 0;

            changed[i] ^= (unsigned char)(1U << bit);
            if (shim_crl_read(&crl, changed, length) == NULL) {
                (void)shim_crl_entries_each(&crl, count, &seen, &stopped);
                ck_assert_int_le(seen, 200);
                ck_assert_msg(!shim_crl_is_signed_by(&crl, issuer), "byte %zu, bit %u", i, bit);
            }
            shim_crl_clear(&crl);
            OPENSSL_free(changed);
        }
    ck_assert_uint_eq(ERR_peek_error(), 0);
    OPENSSL_free(der);
}
END_TEST

START_TEST(each_length)
{
    size_t length;
    unsigned char *der = encode(make_crl(3, 5), &length);
    struct shim_crl crl;

    for (size_t cut = 0; cut < length; cut++) {
        unsigned char *copy = OPENSSL_memdup(der, cut > 0 ? cut : 1);

        ck_assert_ptr_nonnull(shim_crl_read(&crl, copy, cut));
        shim_crl_clear(&crl);
        OPENSSL_free(copy);
    }
    OPENSSL_free(der);
}
END_TEST

static const struct {
    struct sp_crl_number number;
    const char *text;
} numbers[] = {
    { { false, { 0 }, 0 }, NULL },        { { true, { 0 }, 1 }, "0x0" },
    { { true, { 9 }, 1 }, "0x9" },        { { true, { 0x10 }, 1 }, "0x10" },
    { { true, { 0xa, 0 }, 2 }, "0xa00" }, { { true, { 0xff, 0xfe }, 2 }, "0xfffe" },
};

START_TEST(number_text)
{
    char *text = shim_crl_number_text(&numbers[_i].number);

    if (numbers[_i].text == NULL)
        ck_assert_ptr_null(text);
    else
        ck_assert_str_eq(text, numbers[_i].text);
    OPENSSL_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reading CRLs");
    TCase *tests = tcase_create("crls");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, as_libcrypto_reads_it, 0, 3);
    tcase_add_test(tests, stopped_at_an_entry);
    tcase_add_test(tests, each_byte_changed);
    tcase_add_test(tests, each_length);
    tcase_add_loop_test(tests, number_text, 0, SP_ROWS(numbers));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
