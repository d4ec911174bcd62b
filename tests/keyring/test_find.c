/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Looking up certificates: every index, roles, and more than fits one page.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "keyrings.h"

#define IDENTITY SP_ROLE_BIT(SP_ROLE_IDENTITY)
#define CONTACT  SP_ROLE_BIT(SP_ROLE_CONTACT)
#define CA       SP_ROLE_BIT(SP_ROLE_CA)

static char *place;
static struct sp_keyring *keyring;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
}

static void tear_down(void)
{
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static const struct {
    int serial;
    const char *subject, *san;
    enum { EC, RSA, OWN } key; /* OWN: no other certificate has it */
    enum sp_role role;
} stock[] = {
    { 1, "Bob", "email:Bob@Example.ORG", RSA, SP_ROLE_CONTACT },
    { 2, "Bob", "email:bob@example.org,email:robert@example.org", EC, SP_ROLE_CONTACT },
    { 3, "Alice", "email:alice@example.com", RSA, SP_ROLE_IDENTITY },
    { 4, "CA", "DNS:example.org", EC, SP_ROLE_CA },
    { 5, "Alice", "email:alice@example.com,email:bob@example.org", EC, SP_ROLE_IDENTITY },
    { 6, "", NULL, EC, SP_ROLE_CA },
    /* The same address twice is stored once. */
    { 7, "Carol", "email:carol@example.org,email:CAROL@example.org", OWN, SP_ROLE_CONTACT },
};

/* The stored certificates.  They are made once, as signatures are random. */
static X509 *certs[SP_ROWS(stock)];

static void fill(void)
{
    EVP_PKEY *own = sp_make_key("EC", "P-256");
    EVP_PKEY *const keys[] = { [EC] = sp_test_ec(), [RSA] = sp_test_rsa(), [OWN] = own };

    for (int i = 0; i < SP_ROWS(stock); i++) {
        certs[i] =
            sp_make_contact(stock[i].serial, stock[i].subject, stock[i].san, keys[stock[i].key]);
        sp_store(keyring, certs[i], stock[i].role);
    }
    EVP_PKEY_free(own);
}

static void empty(void)
{
    for (int i = 0; i < SP_ROWS(stock); i++)
        X509_free(certs[i]);
}

static const struct {
    enum sp_index index;
    /* an address, a subject, or the serial number of a certificate with the key */
    const char *what;
    unsigned roles;
    const char *expected;
} queries[] = {
    { SP_ALL, NULL, 0, "1 2 3 4 5 6 7" },
    { SP_ALL, NULL, CONTACT, "1 2 7" },
    { SP_ALL, NULL, IDENTITY, "3 5" },
    { SP_ALL, NULL, CA, "4 6" },
    { SP_ALL, NULL, IDENTITY | CA, "3 4 5 6" },
    { SP_ALL, NULL, IDENTITY | CONTACT | CA, "1 2 3 4 5 6 7" },
    { SP_ALL, NULL, SP_ROLE_BIT(SP_ROLE_NONE), "" },
    { SP_BY_ADDRESS, "bob@example.org", 0, "1 2 5" },
    { SP_BY_ADDRESS, "bob@example.org", CONTACT, "1 2" },
    { SP_BY_ADDRESS, "bob@example.org", IDENTITY, "5" },
    { SP_BY_ADDRESS, "bob@example.org", CA, "" },
    /* In any case of letters. */
    { SP_BY_ADDRESS, "BOB@Example.Org", 0, "1 2 5" },
    { SP_BY_ADDRESS, "robert@example.org", 0, "2" },
    { SP_BY_ADDRESS, "carol@example.org", 0, "7" },
    { SP_BY_ADDRESS, "nobody@example.org", 0, "" },
    { SP_BY_ADDRESS, "bob@example.or", 0, "" },
    { SP_BY_ADDRESS, "bob@example.org' OR 1=1 --", 0, "" },
    { SP_BY_ADDRESS, "", 0, "" },
    { SP_BY_ADDRESS, "%", 0, "" },
    { SP_BY_KEY, "1", 0, "1 3" },
    { SP_BY_KEY, "1", IDENTITY, "3" },
    { SP_BY_KEY, "2", 0, "2 4 5 6" },
    { SP_BY_KEY, "7", 0, "7" },
    { SP_BY_FINGERPRINT, "1", 0, "1" },
    { SP_BY_FINGERPRINT, "6", 0, "6" },
    { SP_BY_FINGERPRINT, "6", CONTACT, "" },
    { SP_BY_SUBJECT, "Bob", 0, "1 2" },
    /* Compared without case, as issuers are. */
    { SP_BY_SUBJECT, "BOB", 0, "1 2" },
    { SP_BY_SUBJECT, "", 0, "6" },
    { SP_BY_SUBJECT, "CA", CA, "4" },
    { SP_BY_SUBJECT, "CA", CONTACT, "" },
    { SP_BY_SUBJECT, "Nobody", 0, "" },
};

static void by_subject(const char *subject, unsigned roles, const char *expected)
{
    X509 *cert = sp_make_contact(1, subject, NULL, NULL);

    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_SUBJECT,
                                        .roles = roles,
                                        .name = X509_get_subject_name(cert) },
                    expected);
    X509_free(cert);
}

static void by_hash(enum sp_index index, const X509 *cert, unsigned roles, const char *expected)
{
    unsigned char hash[SP_SHA256_LENGTH];

    if (index == SP_BY_FINGERPRINT)
        sp_fingerprint(cert, hash);
    else
        sp_key_name(cert, hash);
    sp_expect_found(keyring, &(struct sp_query){ .index = index, .roles = roles, .hash = hash },
                    expected);
}

static void ask(int row)
{
    const char *what = queries[row].what;
    unsigned roles = queries[row].roles;
    const char *expected = queries[row].expected;

    if (queries[row].index == SP_BY_SUBJECT)
        by_subject(what, roles, expected);
    else if (queries[row].index == SP_ALL || queries[row].index == SP_BY_ADDRESS)
        sp_expect_found(
            keyring,
            &(struct sp_query){ .index = queries[row].index, .roles = roles, .text = what },
            expected);
    else
        by_hash(queries[row].index, certs[atoi(what) - 1], roles, expected);
}

/* Asked by the writer, and by a reader of the same files. */
START_TEST(one_query)
{
    fill();
    ask(_i);
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    ask(_i);
    empty();
}
END_TEST

/*
 * A message names a recipient by serial number or Subject Key Identifier.  Only
 * identities are found.
 */
START_TEST(by_recipient)
{
    const unsigned char serial[] = { 3 }, contact[] = { 1 };
    ASN1_OCTET_STRING *ski;

    fill();
    sp_expect_found(
        keyring, &(struct sp_query){ .index = SP_BY_RECIPIENT, .hash = serial, .length = 1 }, "3");
    sp_expect_found(
        keyring, &(struct sp_query){ .index = SP_BY_RECIPIENT, .hash = contact, .length = 1 }, "");
    ski = X509_get_ext_d2i(certs[4], NID_subject_key_identifier, NULL, NULL);
    ck_assert_ptr_nonnull(ski);
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_RECIPIENT,
                                        .hash = ASN1_STRING_get0_data(ski),
                                        .length = (size_t)ASN1_STRING_length(ski) },
                    "5");
    ASN1_OCTET_STRING_free(ski);
    empty();
}
END_TEST

#define FFFF "ffffffff"

/* The first digits of a fingerprint, and one that is not the next. */
static void by_digits(const char *digits, size_t length, const char *more, unsigned roles,
                      const char *expected)
{
    char text[100];

    (void)snprintf(text, sizeof(text), "%.*s%s", (int)length, digits, more);
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_PREFIX, .roles = roles, .text = text },
                    expected);
}

START_TEST(by_prefix)
{
    static const size_t lengths[] = { 8, 9, 63, 64 };
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char digits[2 * SP_SHA256_LENGTH + 1], other[2] = "";
    struct sp_cursor *cursor;
    struct sp_record record;

    fill();
    sp_fingerprint(certs[2], fingerprint);
    for (size_t i = 0; i < sizeof(fingerprint); i++)
        (void)sprintf(digits + 2 * i, i % 2 == 0 ? "%02x" : "%02X", fingerprint[i]);
    for (int i = 0; i < SP_ROWS(lengths); i++) {
        by_digits(digits, lengths[i], "", 0, "3");
        by_digits(digits, lengths[i], "", IDENTITY, "3");
        by_digits(digits, lengths[i], "", CONTACT, "");
        /* Digits alone get into the SQL. */
        by_digits(digits, lengths[i], "' OR 1=1 --", 0, "3");
        other[0] = digits[lengths[i] - 1] == '7' ? '6' : '7';
        by_digits(digits, lengths[i] - 1, other, 0, "");
    }
    by_digits(digits, 64, "00", 0, "3");
    by_digits(digits, 0, "", 0, "1 2 3 4 5 6 7");
    /* The first and the last of all that begin so. */
    sp_run_sql(place, SP_CERTIFICATES,
               "UPDATE certificate SET fingerprint = CAST(x'abcdef12' || zeroblob(28) AS BLOB)"
               " WHERE id = 1;"
               "UPDATE certificate SET fingerprint = x'abcdef12" FFFF FFFF FFFF FFFF FFFF FFFF FFFF
               "' WHERE id = 2");
    cursor =
        sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_PREFIX, .text = "abcdef12" });
    for (int id = 1; id <= 2; id++) {
        ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
        ck_assert_int_eq(record.id, id);
        sp_record_clear(&record);
    }
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 0);
    sp_cursor_free(cursor);
    empty();
}
END_TEST

/* Different subjects with one hash: both are found, and the caller compares. */
START_TEST(subject_collision)
{
    fill();
    sp_run_sql(place, SP_CERTIFICATES,
               "UPDATE certificate SET subject ="
               " (SELECT subject FROM certificate WHERE id = 4) WHERE id = 6");
    by_subject("CA", 0, "4 6");
    by_subject("", 0, "");
    empty();
}
END_TEST

/* Subjects are stored by their SHA-1.  A program may have configured libcrypto without. */
START_TEST(subject_without_sha1)
{
    struct sp_query subject = { .index = SP_BY_SUBJECT };

    fill();
    subject.name = X509_get_subject_name(certs[0]);
    ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
    ck_assert_ptr_null(sp_keyring_find(keyring, &subject));
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), "OpenSSL offers no SHA-1"));
    ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
    ERR_clear_error();
    by_subject("Bob", 0, "1 2");
    empty();
}
END_TEST

START_TEST(whole_record)
{
    struct sp_cursor *cursor;
    struct sp_record record;
    time_t before = time(NULL);
    X509 *cert;

    fill();
    cursor = sp_keyring_find(
        keyring, &(struct sp_query){ .index = SP_BY_ADDRESS, .text = "robert@example.org" });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    cert = sp_record_cert(&record);
    ck_assert_int_eq(X509_cmp(cert, certs[1]), 0);
    ck_assert_int_eq(record.id, 2);
    ck_assert_int_eq(record.role, SP_ROLE_CONTACT);
    ck_assert_int_ge(record.uploaded, before);
    ck_assert_int_le(record.uploaded, time(NULL));
    X509_free(cert);
    sp_record_clear(&record);
    ck_assert_ptr_null(record.der);
    sp_cursor_free(cursor);
    empty();
}
END_TEST

START_TEST(roles)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    int64_t counts[SP_ROLE_COUNT];
    bool failed;

    ck_assert(sp_keyring_count(keyring, counts));
    for (int i = 0; i <= SP_ROLE_CA; i++)
        ck_assert_int_eq(counts[i], 0);
    fill();
    for (int i = 0; i < SP_ROWS(stock); i++) {
        sp_fingerprint(certs[i], fingerprint);
        ck_assert_int_eq(sp_keyring_role(keyring, fingerprint, &failed), stock[i].role);
        ck_assert(!failed);
    }
    fingerprint[0] ^= 1;
    ck_assert_int_eq(sp_keyring_role(keyring, fingerprint, &failed), SP_ROLE_NONE);
    ck_assert(!failed);
    ck_assert(sp_keyring_count(keyring, counts));
    ck_assert_int_eq(counts[SP_ROLE_NONE], 0);
    ck_assert_int_eq(counts[SP_ROLE_IDENTITY], 2);
    ck_assert_int_eq(counts[SP_ROLE_CONTACT], 3);
    ck_assert_int_eq(counts[SP_ROLE_CA], 2);
    empty();
}
END_TEST

/* Roles that are none are not counted, and nothing else is written. */
START_TEST(strange_roles)
{
    int64_t counts[1 + SP_ROLE_COUNT + 2];

    fill();
    sp_run_sql(place, SP_CERTIFICATES,
               "UPDATE certificate SET role = -1 WHERE id = 3;"
               "UPDATE certificate SET role = 0 WHERE id = 4;"
               "UPDATE certificate SET role = 5 WHERE id = 5;"
               "UPDATE certificate SET role = 6 WHERE id = 6");
    ck_assert_int_eq(SP_ROLE_COUNT, 5);
    memset(counts, 0xff, sizeof(counts));
    ck_assert(sp_keyring_count(keyring, counts + 1));
    ck_assert(counts[0] == -1 && counts[1 + 5] == -1 && counts[1 + 6] == -1);
    ck_assert_int_eq(counts[1 + SP_ROLE_NONE], 1);
    ck_assert_int_eq(counts[1 + SP_ROLE_CONTACT], 3);
    empty();
}
END_TEST

/* How SQLite is asked, so that it takes the index, and need not sort. */
static const struct {
    enum sp_index index;
    unsigned roles;
    const char *with, *without;
} statements[] = {
    { SP_ALL, CA, "INDEXED BY certificate_by_role", "(SELECT" },
    { SP_ALL, CONTACT | CA, "ORDER BY c.id", "INDEXED" },
    { SP_BY_ADDRESS, 0, "ORDER BY a.certificate", "INDEXED" },
    { SP_BY_RECIPIENT, 0, "ORDER BY r.certificate", "INDEXED" },
    { SP_BY_KEY, 0, "ORDER BY c.id", "INDEXED" },
};

START_TEST(one_statement)
{
    static const unsigned char hash[SP_SHA256_LENGTH];
    const struct sp_query query = { .index = statements[_i].index,
                                    .roles = statements[_i].roles,
                                    .text = "bob@example.org",
                                    .hash = hash,
                                    .length = 1 };
    const struct sp_database *database = sp_database(keyring);
    sqlite3_stmt *statement;

    sp_expect_found(keyring, &query, "");
    statement = database->spare;
    ck_assert_ptr_nonnull(strstr(database->sq->sql(statement), statements[_i].with));
    ck_assert_ptr_null(strstr(database->sq->sql(statement), statements[_i].without));
    /* The next question of the kind has the same, and is answered anew. */
    fill();
    sp_expect_found(keyring, &(struct sp_query){ .index = SP_BY_FINGERPRINT, .hash = hash }, "");
    ck_assert_ptr_ne(database->spare, NULL);
    statement = database->spare;
    sp_expect_found(keyring, &(struct sp_query){ .index = SP_BY_FINGERPRINT, .hash = hash }, "");
    ck_assert_ptr_eq(database->spare, statement);
    sp_expect_found(keyring, &(struct sp_query){ .index = SP_ALL }, "1 2 3 4 5 6 7");
    empty();
}
END_TEST

/* Whoever looks at it sees that it is no certificate. */
START_TEST(one_byte)
{
    struct sp_cursor *cursor;
    struct sp_record record;

    fill();
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET der = x'30' WHERE id = 2");
    cursor = sp_keyring_find(
        keyring, &(struct sp_query){ .index = SP_BY_ADDRESS, .text = "robert@example.org" });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    ck_assert_uint_eq(record.der_length, 1);
    ck_assert_ptr_null(sp_record_cert(&record));
    sp_record_clear(&record);
    sp_cursor_free(cursor);
    ERR_clear_error();
    empty();
}
END_TEST

/* --- more than a page */

#define MANY 150

static void fill_many(void)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    for (int i = 1; i <= MANY; i++) {
        X509 *cert = sp_make_contact(i, "Bob", "email:bob@example.org", NULL);

        ck_assert_int_eq(
            sp_add(upload, cert, i % 2 == 0 ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT, false, NULL),
            SP_ADD_NEW);
        X509_free(cert);
    }
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static char *numbers(int first, int step)
{
    char *text = calloc(MANY, 5);

    for (int i = first; i <= MANY; i += step)
        sprintf(text + strlen(text), "%s%d", i == first ? "" : " ", i);
    return text;
}

static void expect_numbers(struct sp_query *query)
{
    static const struct {
        unsigned roles;
        int first, step;
    } rows[] = { { 0, 1, 1 }, { CONTACT, 1, 2 }, { IDENTITY, 2, 2 } };

    for (int i = 0; i < SP_ROWS(rows); i++) {
        char *expected = numbers(rows[i].first, rows[i].step);

        query->roles = rows[i].roles;
        sp_expect_found(keyring, query, expected);
        free(expected);
    }
}

START_TEST(pages)
{
    X509 *cert = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    ASN1_OCTET_STRING *ski = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
    unsigned char key[SP_SHA256_LENGTH];
    char *identities = numbers(2, 2);

    fill_many();
    sp_key_name(cert, key);
    expect_numbers(&(struct sp_query){ .index = SP_ALL });
    expect_numbers(&(struct sp_query){ .index = SP_BY_KEY, .hash = key });
    expect_numbers(&(struct sp_query){ .index = SP_BY_ADDRESS, .text = "bob@example.org" });
    expect_numbers(
        &(struct sp_query){ .index = SP_BY_SUBJECT, .name = X509_get_subject_name(cert) });
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_RECIPIENT,
                                        .hash = ASN1_STRING_get0_data(ski),
                                        .length = (size_t)ASN1_STRING_length(ski) },
                    identities);
    free(identities);
    ASN1_OCTET_STRING_free(ski);
    X509_free(cert);
}
END_TEST

/* Exactly one page, and one more or less. */
START_TEST(page_borders)
{
    fill_many();
    for (int kept = 65; kept >= 63; kept--) {
        char sql[64];

        sprintf(sql, "DELETE FROM certificate WHERE id > %d", kept);
        sp_run_sql(place, SP_CERTIFICATES, sql);
        for (int begun = 0; begun < 2; begun++) {
            struct sp_cursor *cursor =
                sp_keyring_find(keyring, &(struct sp_query){ .index = SP_ALL });
            struct sp_record record;
            int count = 0;

            for (; sp_cursor_next(cursor, &record) == 1; count++)
                sp_record_clear(&record);
            ck_assert_int_eq(count, kept);
            sp_cursor_free(cursor);
        }
    }
}
END_TEST

/* A reader keeps the page it has read; others may write before it reads the next. */
START_TEST(changed_between_pages)
{
    struct sp_keyring *other = sp_must_open(place, SP_KEYRING_WRITE);
    struct sp_cursor *cursor;
    struct sp_record record;
    int count = 1;
    X509 *late = sp_make_contact(999, "Late", "email:late@example.org", NULL);

    fill_many();
    cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_ALL });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    sp_record_clear(&record);
    sp_run_sql(place, SP_CERTIFICATES, "DELETE FROM certificate WHERE id BETWEEN 60 AND 99");
    sp_store(other, late, SP_ROLE_CONTACT);
    for (; sp_cursor_next(cursor, &record) == 1; count++)
        sp_record_clear(&record);
    /* 64 of the first page, those from 100 to 150, and the late one. */
    ck_assert_int_eq(count, 64 + 51 + 1);
    sp_cursor_free(cursor);
    sp_keyring_close(other);
    X509_free(late);
}
END_TEST

/* The cursor is freed in the middle of a page. */
START_TEST(half_read)
{
    struct sp_cursor *cursor;
    struct sp_record record;

    fill_many();
    cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_ALL });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 1);
    sp_record_clear(&record);
    sp_cursor_free(cursor);
}
END_TEST

static const char *const damages[] = {
    "UPDATE certificate SET fingerprint = x'00' WHERE id = 3",
    "UPDATE certificate SET key = x'00' WHERE id = 3",
    "UPDATE certificate SET der = x'' WHERE id = 3",
};

/*
 * A damaged entry is reported by its number; entries before it in the page are not
 * returned either.
 */
START_TEST(damaged)
{
    struct sp_cursor *cursor;
    struct sp_record record;

    fill();
    sp_run_sql(place, SP_CERTIFICATES, damages[_i]);
    cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_ALL });
    ck_assert_int_eq(sp_cursor_next(cursor, &record), -1);
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), "entry 3 is damaged; 'smime-policy"));
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), place));
    /* Who goes on all the same gets no damaged one, and comes to an end. */
    while (sp_cursor_next(cursor, &record) == 1) {
        ck_assert_int_lt(record.id, 3);
        sp_record_clear(&record);
    }
    ck_assert_int_eq(sp_cursor_next(cursor, &record), 0);
    sp_cursor_free(cursor);
    empty();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: find");
    TCase *tests = tcase_create("find");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, one_query, 0, SP_ROWS(queries));
    tcase_add_test(tests, by_recipient);
    tcase_add_test(tests, by_prefix);
    tcase_add_test(tests, subject_collision);
    tcase_add_test(tests, subject_without_sha1);
    tcase_add_test(tests, whole_record);
    tcase_add_test(tests, roles);
    tcase_add_test(tests, strange_roles);
    tcase_add_loop_test(tests, one_statement, 0, SP_ROWS(statements));
    tcase_add_test(tests, one_byte);
    tcase_add_test(tests, pages);
    tcase_add_test(tests, page_borders);
    tcase_add_test(tests, changed_between_pages);
    tcase_add_test(tests, half_read);
    tcase_add_loop_test(tests, damaged, 0, SP_ROWS(damages));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
