/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Is a keyring sound?  What is changed behind its back is told, each fault once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "keyrings.h"

static char *place;
static EVP_PKEY *dave, *eve;
static unsigned char names[3][SP_SHA256_LENGTH]; /* of the keys of the first three */

/* The key of |cert| as it is kept: under a passphrase, or bare. */
static void store_key_of(struct sp_keyring *keyring, const X509 *cert, EVP_PKEY *pkey,
                         bool encrypted)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
    X509_SIG *shrouded = PKCS8_encrypt(-1, EVP_aes_256_cbc(), "secret", 6, NULL, 0, 1000, plain);
    struct sp_private_key key = { .encrypted = encrypted };
    struct sp_upload *upload = sp_upload_begin(keyring);
    unsigned char name[SP_SHA256_LENGTH];

    key.length = (size_t)(encrypted ? i2d_X509_SIG(shrouded, &key.pkcs8)
                                    : i2d_PKCS8_PRIV_KEY_INFO(plain, &key.pkcs8));
    sp_key_name(cert, name);
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    X509_SIG_free(shrouded);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

/*
 * 1 Bob and 2 Carol are identities, with a bare key and with one under a passphrase;
 * 3 Dave is one whose key is elsewhere; 4 Eve is a contact, and 5 a ca.
 */
static void set_up(void)
{
    static const enum sp_role roles[] = { SP_ROLE_IDENTITY, SP_ROLE_IDENTITY, SP_ROLE_IDENTITY,
                                          SP_ROLE_CONTACT, SP_ROLE_CA };
    struct sp_keyring *keyring;
    X509 *certs[5];

    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    dave = sp_make_key("EC", "P-384");
    eve = sp_make_key("EC", "P-256");
    certs[0] = sp_make_contact(1, "Bob", "email:bob@example.org,email:rob@example.org", NULL);
    certs[1] = sp_make_contact(2, "Carol", "email:carol@example.org", sp_test_rsa());
    certs[2] = sp_make_contact(3, "Dave", "email:dave@example.org", dave);
    certs[3] = sp_make_contact(4, "Eve", "email:eve@example.org", eve);
    certs[4] = sp_make_contact(5, "CA", NULL, eve);
    store_key_of(keyring, certs[0], sp_test_ec(), false);
    store_key_of(keyring, certs[1], sp_test_rsa(), true);
    sp_store_key(keyring, certs[2], NULL, false, "pkcs11:object=dave");
    for (int i = 0; i < 5; i++) {
        if (i < 3)
            sp_key_name(certs[i], names[i]);
        sp_store(keyring, certs[i], roles[i]);
        X509_free(certs[i]);
    }
    sp_keyring_close(keyring);
}

static void tear_down(void)
{
    EVP_PKEY_free(dave);
    EVP_PKEY_free(eve);
    sp_remove_place(place);
}

static void add_line(const char *line, void *data)
{
    char *told = data;

    ck_assert_ptr_null(strchr(line, '\n'));
    ck_assert_uint_lt(strlen(told) + strlen(line) + 2, 4096);
    strcat(strcat(told, line), "\n");
}

/* Compare all that is told with |expected|. */
static void expect(enum sp_access access, const char *expected, int certificates, int keys)
{
    struct sp_keyring *keyring = sp_must_open(place, access);
    struct sp_checked checked = { 0 };
    char told[4096] = "";
    int64_t lines = 0;

    ck_assert_msg(sp_keyring_check(keyring, add_line, told, &checked), "%s",
                  sp_keyring_why(keyring));
    ck_assert_str_eq(told, expected);
    for (const char *end = told; (end = strchr(end, '\n')) != NULL; end++)
        lines++;
    ck_assert_int_eq(checked.faults, lines);
    ck_assert_int_eq(checked.certificates, certificates);
    ck_assert_int_eq(checked.keys, keys);
    ck_assert(!checked.without_keys);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    sp_keyring_close(keyring);
}

START_TEST(sound)
{
    for (int i = 0; i < 2; i++) {
        expect(SP_KEYRING_READ, "", 5, 3);
        expect(SP_KEYRING_WRITE, "", 5, 3);
    }
}
END_TEST

/* It is found by its serial number alone. */
START_TEST(identity_without_key_identifier)
{
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .serial = 6,
                                                   .subject = "Bob",
                                                   .san = "email:bob@example.org",
                                                   .usage = "digitalSignature" });
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);

    sp_store(keyring, cert, SP_ROLE_IDENTITY);
    sp_keyring_close(keyring);
    expect(SP_KEYRING_READ, "", 6, 3);
    sp_run_sql(place, SP_CERTIFICATES, "DELETE FROM recipient WHERE certificate = 6");
    expect(SP_KEYRING_READ, "certificates.db: entry 6: cannot be found by its serial number\n", 6,
           3);
    X509_free(cert);
}
END_TEST

/* A certificate with trust settings behind it is one, and nothing else may stand there. */
START_TEST(with_trust_settings)
{
    X509 *cert = sp_make_contact(6, "Frank", "email:frank@example.org", NULL);
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);

    ck_assert_int_eq(X509_alias_set1(cert, (const unsigned char *)"Frank", -1), 1);
    sp_store(keyring, cert, SP_ROLE_CONTACT);
    sp_keyring_close(keyring);
    expect(SP_KEYRING_READ, "", 6, 3);
    for (int i = 0; i < 2; i++) {
        sp_run_sql(place, SP_CERTIFICATES,
                   i == 0 ? "UPDATE certificate SET der = CAST(der || x'00' AS BLOB) WHERE id = 6"
                          : "UPDATE certificate SET der = substr(der, 1, length(der) - 2)"
                            " WHERE id = 6");
        expect(SP_KEYRING_READ, "certificates.db: entry 6: it is no certificate any more\n", 6, 3);
    }
    X509_free(cert);
}
END_TEST

#define ENTRY(id) "certificates.db: entry " #id ": "
#define SUBJECT   "it is filed under another subject\n"

static const struct {
    const char *sql, *told;
} certificates[] = {
    { "UPDATE certificate SET fingerprint = zeroblob(32) WHERE id = 4",
      ENTRY(4) "its fingerprint is another certificate's\n" },
    { "UPDATE certificate SET fingerprint = substr(fingerprint, 1, 31) WHERE id = 4",
      ENTRY(4) "its fingerprint is another certificate's\n" },
    { "UPDATE certificate SET key = zeroblob(32) WHERE id = 4",
      ENTRY(4) "it is filed under another key\n" },
    { "UPDATE certificate SET key = x'00' WHERE id = 4",
      ENTRY(4) "it is filed under another key\n" },
    { "UPDATE certificate SET subject = subject + 1 WHERE id = 4", ENTRY(4) SUBJECT },
    { "UPDATE certificate SET role = 9 WHERE id = 4",
      ENTRY(4) "its role is none of identity, contact, ca and intermediate\n" },
    { "UPDATE certificate SET role = 0 WHERE id = 4",
      ENTRY(4) "its role is none of identity, contact, ca and intermediate\n" },
    { "UPDATE certificate SET der = x'3003020101' WHERE id = 4",
      ENTRY(4) "it is no certificate any more\n" },
    { "UPDATE certificate SET der = x'' WHERE id = 4", ENTRY(4) "it is no certificate any more\n" },
    { "UPDATE certificate SET der = CAST(der || x'00' AS BLOB) WHERE id = 4",
      ENTRY(4) "it is no certificate any more\n" },
    { "DELETE FROM address WHERE address = 'rob@example.org'",
      ENTRY(1) "cannot be found by rob@example.org\n" },
    { "UPDATE address SET certificate = 2 WHERE address = 'eve@example.org'",
      ENTRY(4) "cannot be found by eve@example.org\n" },
    { "DELETE FROM recipient WHERE certificate = 2 AND length(name) < 20",
      ENTRY(2) "cannot be found by its serial number\n" },
    { "DELETE FROM recipient WHERE certificate = 2 AND length(name) = 20",
      ENTRY(2) "cannot be found by its key identifier\n" },
    { "INSERT INTO address VALUES ('x@example.com', 99), ('y@example.com', 99)",
      ENTRY(99) "it is gone, and something still leads to it\n" },
    { "INSERT INTO recipient VALUES (x'00', 98)",
      ENTRY(98) "it is gone, and something still leads to it\n" },
    /* Several faults of several entries, in their order. */
    { "UPDATE certificate SET key = zeroblob(32), subject = 0 WHERE id > 3;"
      "DELETE FROM address WHERE certificate = 4",
      ENTRY(4) "it is filed under another key\n" ENTRY(4)
          SUBJECT ENTRY(4) "cannot be found by eve@example.org\n" ENTRY(
              5) "it is filed under another key\n" ENTRY(5) SUBJECT },
};

START_TEST(faults_of_certificates)
{
    sp_run_sql(place, SP_CERTIFICATES, certificates[_i].sql);
    expect(SP_KEYRING_READ, certificates[_i].told, 5, 3);
    expect(SP_KEYRING_WRITE, certificates[_i].told, 5, 3);
}
END_TEST

#define BOB     "pkcs8 IS NOT NULL AND encrypted = 0"
#define CAROL   "encrypted = 1"
#define DAVE    "uri IS NOT NULL"
#define KEYLESS "an identity without a private key\n"

static const struct {
    const char *sql;
    const char *before; /* what is told first */
    int of;             /* the entry whose key is at fault; 0: none */
    const char *fault;
    int keys;
} keys[] = {
    { "UPDATE private_key SET pkcs8 = x'00' WHERE " BOB, "", 1, "it is no private key any more\n",
      3 },
    { "UPDATE private_key SET pkcs8 = (SELECT pkcs8 FROM private_key WHERE " CAROL ") WHERE " BOB,
      "", 1, "it is no private key any more\n", 3 },
    { "UPDATE private_key SET pkcs8 = x'00' WHERE " CAROL, "", 2,
      "it is no encrypted private key any more\n", 3 },
    { "UPDATE private_key SET encrypted = 1 WHERE " BOB, "", 1,
      "it is no encrypted private key any more\n", 3 },
    { "UPDATE private_key SET encrypted = 0 WHERE " CAROL, "", 2, "it is no private key any more\n",
      3 },
    /* What is under a passphrase nobody can see; a bare one is looked at. */
    { "UPDATE private_key SET encrypted = 0, pkcs8 = (SELECT pkcs8 FROM private_key WHERE " BOB
      ") WHERE " CAROL,
      "", 2, "it is filed under another key\n", 3 },
    { "DELETE FROM private_key WHERE " BOB, ENTRY(1) KEYLESS, 0, "", 2 },
    { "DELETE FROM private_key", ENTRY(1) KEYLESS ENTRY(2) KEYLESS ENTRY(3) KEYLESS, 0, "", 0 },
    { "UPDATE private_key SET key = x'0011' WHERE " DAVE,
      "keys.db: an entry is damaged\n" ENTRY(3) KEYLESS, 0, "", 3 },
    { "PRAGMA ignore_check_constraints = ON; UPDATE private_key SET uri = 'x' WHERE " CAROL,
      "keys.db: CHECK constraint failed in private_key\n", 0, "", 3 },
    { "PRAGMA ignore_check_constraints = ON; UPDATE private_key SET uri = NULL WHERE " DAVE,
      "keys.db: CHECK constraint failed in private_key\n", 3, "cannot be read\n", 3 },
};

START_TEST(faults_of_keys)
{
    char told[4096];
    char name[2 * 8 + 1] = "";

    sp_run_sql(place, SP_KEYS, keys[_i].sql);
    for (int i = 0; keys[_i].of != 0 && i < 8; i++)
        sprintf(name + strlen(name), "%02x", names[keys[_i].of - 1][i]);
    (void)snprintf(told, sizeof(told), "%s%s%s%s%s", keys[_i].before,
                   keys[_i].of != 0 ? "keys.db: private key " : "", name,
                   keys[_i].of != 0 ? ": " : "", keys[_i].fault);
    for (int i = 0; i < 2; i++)
        expect(i == 0 ? SP_KEYRING_READ : SP_KEYRING_WRITE, told, 5, keys[_i].keys);
}
END_TEST

/* A key of an algorithm that nobody knows has no id: it does not belong to the id that is zero. */
START_TEST(unknown_key)
{
    static const unsigned char nobody[SP_SHA256_LENGTH];
    unsigned char pkcs8[] = { 0x30, 0x0d, 0x02, 0x01, 0x00, 0x30, 0x04, 0x06,
                              0x02, 0x2a, 0x03, 0x04, 0x02, 0x05, 0x00 };
    const struct sp_private_key key = { .pkcs8 = pkcs8, .length = sizeof(pkcs8) };

    ck_assert_str_eq(sp_key_fault(nobody, &key), "it is filed under another key");
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* A key of whom there is no identity: of nobody, or of a contact. */
START_TEST(key_of_nobody)
{
    char told[4096] = "";

    sp_run_sql(place, SP_CERTIFICATES,
               "UPDATE certificate SET role = 2 WHERE id = 1;"
               "DELETE FROM recipient WHERE certificate IN (1, 2);"
               "DELETE FROM address WHERE certificate = 2; DELETE FROM certificate WHERE id = 2");
    for (int first = memcmp(names[0], names[1], SP_SHA256_LENGTH) > 0, i = 0; i < 2; i++) {
        const unsigned char *name = names[first ? 1 - i : i];

        strcat(told, "keys.db: private key ");
        for (int j = 0; j < 8; j++)
            sprintf(told + strlen(told), "%02x", name[j]);
        strcat(told, ": there is no identity with it; upload its certificate and the key again\n");
    }
    expect(SP_KEYRING_READ, told, 4, 3);
}
END_TEST

/* The file of the keys is not there, is empty, or is of a form that we do not know. */
START_TEST(keys_that_are_not_there)
{
    char *path = sp_store_file(place, SP_KEYS);

    ck_assert_int_eq(_i == 0 ? unlink(path) : truncate(path, 0), 0);
    expect(SP_KEYRING_READ, ENTRY(1) KEYLESS ENTRY(2) KEYLESS ENTRY(3) KEYLESS, 5, 0);
    OPENSSL_free(path);
}
END_TEST

START_TEST(keys_of_a_newer_form)
{
    char told[4096];

    sp_run_sql(place, SP_KEYS, "PRAGMA user_version = 1000");
    (void)snprintf(told, sizeof(told),
                   "keyring %s: keys.db was written by a newer smime-policy (form 1000, this one "
                   "knows 2); install that version\n",
                   place);
    expect(SP_KEYRING_READ, told, 5, 0);
}
END_TEST

/* More than are read at once. */
START_TEST(many)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);
    struct sp_upload *upload = sp_upload_begin(keyring);

    for (int i = 6; i <= 150; i++) {
        X509 *cert = sp_make_contact(i, "Contact", "email:contact@example.org", NULL);

        ck_assert_int_eq(sp_add(upload, cert, SP_ROLE_CONTACT, true, NULL), SP_ADD_NEW);
        X509_free(cert);
    }
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_keyring_close(keyring);
    expect(SP_KEYRING_READ, "", 150, 3);
    sp_run_sql(place, SP_CERTIFICATES,
               "UPDATE certificate SET subject = 0 WHERE id IN (64, 65, 128, 150)");
    expect(SP_KEYRING_READ,
           ENTRY(64) SUBJECT ENTRY(65) SUBJECT ENTRY(128) SUBJECT ENTRY(150) SUBJECT, 150, 3);
}
END_TEST

static void lose_page(const char *file, long page)
{
    char *path = sp_store_file(place, file);
    FILE *database = fopen(path, "r+b");

    ck_assert_ptr_nonnull(database);
    ck_assert_int_eq(fseek(database, page * 4096, SEEK_SET), 0);
    for (int i = 0; i < 4096; i++)
        ck_assert_int_eq(fputc(0xff, database), 0xff);
    ck_assert_int_eq(fclose(database), 0);
    OPENSSL_free(path);
}

/* A page that is lost is a fault, and no reason to give up. */
START_TEST(lost_page)
{
    static const char *const files[] = { SP_CERTIFICATES, SP_KEYS };
    struct sp_keyring *keyring;
    struct sp_checked checked = { 0 };
    char told[4096] = "";

    lose_page(files[_i], 1);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    ck_assert_msg(sp_keyring_check(keyring, add_line, told, &checked), "%s",
                  sp_keyring_why(keyring));
    ck_assert_int_gt(checked.faults, 0);
    ck_assert_msg(strncmp(told, files[_i], strlen(files[_i])) == 0, "%s", told);
    ck_assert_msg(strstr(told, ": cannot be read to its end: database disk image is malformed\n") !=
                      NULL,
                  "%s", told);
    sp_keyring_close(keyring);
}
END_TEST

/* What SQLite alone sees, in its words: a page that belongs to nothing. */
START_TEST(page_of_nothing)
{
    static const char *const files[] = { SP_CERTIFICATES, SP_KEYS };
    struct sp_keyring *keyring;
    struct sp_checked checked = { 0 };
    char told[4096] = "";

    sp_run_sql(place, files[_i],
               "CREATE TABLE other (x); PRAGMA writable_schema = ON;"
               "DELETE FROM sqlite_schema WHERE name = 'other'");
    keyring = sp_must_open(place, SP_KEYRING_READ);
    ck_assert(sp_keyring_check(keyring, add_line, told, &checked));
    ck_assert_int_eq(checked.faults, 1);
    ck_assert_msg(strncmp(told, files[_i], strlen(files[_i])) == 0, "%s", told);
    ck_assert_msg(strstr(told, "never used") != NULL, "%s", told);
    sp_keyring_close(keyring);
}
END_TEST

/* What SQLite says when it cannot go on. */
static int said;

static int say_code(sqlite3 *db)
{
    (void)db;
    return said;
}

static int fail_step(sqlite3_stmt *statement)
{
    (void)statement;
    return said;
}

static const struct {
    int code;
    bool is_damage; /* a fault of the file, else the check itself has failed */
} codes[] = {
    { SQLITE_CORRUPT, true },   { SQLITE_CORRUPT_INDEX, true }, { SQLITE_NOTADB, true },
    { SQLITE_IOERR, false },    { SQLITE_BUSY, false },         { SQLITE_NOMEM, false },
    { SQLITE_CANTOPEN, false },
};

START_TEST(cannot_go_on)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
    struct sp_sqlite table = *sp_database(keyring)->sq;
    struct sp_checked checked = { 0 };
    char told[4096] = "";
    struct sp_check check = { sp_database(keyring), add_line, told, &checked };

    table.extended_errcode = say_code;
    table.step = fail_step;
    said = codes[_i].code;
    sp_database(keyring)->sq = &table;
    ck_assert_int_eq(sp_check_integrity(&check, "main", SP_CERTIFICATES), codes[_i].is_damage);
    ck_assert_int_eq(checked.faults, codes[_i].is_damage);
    ck_assert((strstr(told, "certificates.db: cannot be read to its end: ") != NULL) ==
              codes[_i].is_damage);
    sp_keyring_close(keyring);
}
END_TEST

static int fail_bind(sqlite3_stmt *statement, int at, const void *bytes, int length,
                     void (*release)(void *))
{
    (void)statement, (void)at, (void)bytes, (void)length, (void)release;
    return SQLITE_NOMEM;
}

/* What could not be looked up is not missing: the check itself has failed. */
START_TEST(cannot_look_up)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
    struct sp_sqlite table = *sp_database(keyring)->sq;
    struct sp_checked checked = { 0 };
    char told[4096] = "";

    table.bind_blob = fail_bind;
    sp_database(keyring)->sq = &table;
    ck_assert(!sp_keyring_check(keyring, add_line, told, &checked));
    ck_assert_int_eq(checked.faults, 0);
    ck_assert_str_eq(told, "");
    sp_keyring_close(keyring);
}
END_TEST

static const unsigned char *no_text(sqlite3_stmt *row, int column)
{
    (void)row, (void)column;
    return NULL;
}

/* What SQLite has no memory to say is not taken for a yes. */
START_TEST(says_nothing)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
    struct sp_sqlite table = *sp_database(keyring)->sq;
    struct sp_checked checked = { 0 };
    char told[4096] = "";

    table.column_text = no_text;
    sp_database(keyring)->sq = &table;
    ck_assert(!sp_keyring_check(keyring, add_line, told, &checked));
    ck_assert_str_eq(sp_keyring_why(keyring), "out of memory");
    ck_assert_str_eq(told, "");
    sp_keyring_close(keyring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: check");
    TCase *tests = tcase_create("check");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, sound);
    tcase_add_test(tests, identity_without_key_identifier);
    tcase_add_test(tests, with_trust_settings);
    tcase_add_loop_test(tests, faults_of_certificates, 0, SP_ROWS(certificates));
    tcase_add_loop_test(tests, faults_of_keys, 0, SP_ROWS(keys));
    tcase_add_test(tests, unknown_key);
    tcase_add_test(tests, key_of_nobody);
    tcase_add_loop_test(tests, keys_that_are_not_there, 0, 2);
    tcase_add_test(tests, keys_of_a_newer_form);
    tcase_add_test(tests, many);
    tcase_add_loop_test(tests, lost_page, 0, 2);
    tcase_add_loop_test(tests, page_of_nothing, 0, 2);
    tcase_add_loop_test(tests, cannot_go_on, 0, SP_ROWS(codes));
    tcase_add_test(tests, cannot_look_up);
    tcase_add_test(tests, says_nothing);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
