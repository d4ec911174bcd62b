/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private keys: stored, found, replaced, and removed with their last certificate.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "keyrings.h"

#define SECRET "a private key, as far as the keyring is told"

static char *place;
static struct sp_keyring *keyring;
/* Bob's two certificates share a key; Carol has another one. */
static X509 *bob, *renewed, *carol;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    renewed = sp_make_contact(2, "Bob", "email:bob@example.org,email:rob@example.org", NULL);
    carol = sp_make_contact(3, "Carol", "email:carol@example.org", sp_test_rsa());
}

static void tear_down(void)
{
    X509_free(bob);
    X509_free(renewed);
    X509_free(carol);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static void expect_why(const char *fragment)
{
    const char *why = sp_keyring_why(keyring);

    ck_assert_msg(strstr(why, fragment) != NULL, "%s, not: %s", why, fragment);
}

/* |pkcs8| and |uri| NULL: there is none. */
static void expect_key(const X509 *cert, const char *pkcs8, bool encrypted, const char *uri)
{
    struct sp_private_key key;
    unsigned char name[SP_SHA256_LENGTH];

    sp_key_name(cert, name);
    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), pkcs8 != NULL || uri != NULL);
    ck_assert_int_eq(key.encrypted, encrypted);
    if (pkcs8 != NULL)
        ck_assert_mem_eq(key.pkcs8, pkcs8, strlen(pkcs8));
    else
        ck_assert_ptr_null(key.pkcs8);
    ck_assert_uint_eq(key.length, pkcs8 == NULL ? 0 : strlen(pkcs8));
    if (uri != NULL)
        ck_assert_str_eq(key.uri, uri);
    else
        ck_assert_ptr_null(key.uri);
    sp_private_key_clear(&key);
    ck_assert_ptr_null(key.pkcs8);
    ck_assert_ptr_null(key.uri);
}

static const struct {
    const char *pkcs8;
    bool encrypted;
    const char *uri;
} kinds[] = {
    { SECRET, true, NULL },
    { SECRET, false, NULL },
    { NULL, false, "pkcs11:token=card;object=bob" },
    { NULL, false, "file:/home/bob/key.pem" },
};

START_TEST(stored)
{
    expect_key(bob, NULL, false, NULL);
    sp_store_key(keyring, bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    expect_key(bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    expect_key(renewed, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    expect_key(carol, NULL, false, NULL);
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    expect_key(carol, NULL, false, NULL);
    expect_key(bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
}
END_TEST

START_TEST(replaced)
{
    sp_store_key(keyring, bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    sp_store_key(keyring, bob, "another", true, NULL);
    expect_key(bob, "another", true, NULL);
    sp_store_key(keyring, bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    expect_key(bob, kinds[_i].pkcs8, kinds[_i].encrypted, kinds[_i].uri);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "SELECT count(*) FROM private_key"), 1);
}
END_TEST

/* Change Bob's key from |was| to "new", encrypted. */
static int change_key(const char *was)
{
    struct sp_private_key old = { .pkcs8 = (unsigned char *)OPENSSL_strdup(was),
                                  .length = strlen(was) };
    struct sp_private_key now = { .pkcs8 = (unsigned char *)OPENSSL_strdup("new"),
                                  .length = 3,
                                  .encrypted = true };
    unsigned char name[SP_SHA256_LENGTH];
    int code;

    sp_key_name(bob, name);
    code = sp_keyring_change_key(keyring, name, &old, &now);
    sp_private_key_clear(&old);
    sp_private_key_clear(&now);
    return code;
}

/* A key is changed only if it is as it was seen, and nothing is made. */
START_TEST(changed)
{
    struct stat is;
    char *file = sp_format("%s/" SP_KEYS, place);

    ck_assert_int_eq(change_key(SECRET), 0);
    ck_assert(stat(file, &is) == 0 && is.st_size == 0);
    OPENSSL_free(file);
    sp_store(keyring, bob, SP_ROLE_CONTACT);
    sp_store_key(keyring, carol, "hers", true, NULL);
    ck_assert_int_eq(change_key(SECRET), 0);
    sp_store_key(keyring, bob, SECRET, false, NULL);
    ck_assert_int_eq(change_key("another"), 0);
    expect_key(bob, SECRET, false, NULL);
    ck_assert_int_eq(change_key(SECRET), 1);
    expect_key(bob, "new", true, NULL);
    expect_key(carol, "hers", true, NULL);
    ck_assert_int_eq(change_key(SECRET), 0);
    sp_store_key(keyring, bob, NULL, false, "file:key");
    ck_assert_int_eq(change_key("file:key"), 0);
    expect_key(bob, NULL, false, "file:key");
}
END_TEST

/* If it fails the key is as it was. */
START_TEST(not_changed)
{
    sp_store_key(keyring, bob, SECRET, false, NULL);
    sp_run_sql(place, SP_KEYS,
               "CREATE TRIGGER trap BEFORE UPDATE ON private_key"
               " BEGIN SELECT RAISE(ABORT, 'trap'); END");
    ck_assert_int_eq(change_key(SECRET), -1);
    expect_why("the keyring is as it was");
    expect_key(bob, SECRET, false, NULL);
}
END_TEST

/* A key needs exactly one of PKCS#8 and URI. */
START_TEST(not_a_key)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { 0 };
    unsigned char name[SP_SHA256_LENGTH];

    if (_i == 1) {
        key.pkcs8 = (unsigned char *)OPENSSL_strdup(SECRET);
        key.length = strlen(SECRET);
        key.uri = OPENSSL_strdup("file:key");
    }
    sp_key_name(bob, name);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert(!sp_upload_commit(upload));
    expect_why(place);
    sp_upload_free(upload);
    sp_expect_all(keyring, "");
    expect_key(bob, NULL, false, NULL);
}
END_TEST

static void expect_recipient(const X509 *cert, const char *expected)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_RECIPIENT,
                                        .hash = ASN1_STRING_get0_data(serial),
                                        .length = (size_t)ASN1_STRING_length(serial) },
                    expected);
}

/* A key is added: its contacts become identities, a CA does not. */
START_TEST(promoted)
{
    X509 *ca = sp_make_contact(4, "CA", NULL, NULL);

    sp_store(keyring, bob, SP_ROLE_CONTACT);
    sp_store(keyring, ca, SP_ROLE_CA);
    sp_store(keyring, renewed, SP_ROLE_CONTACT);
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    expect_recipient(bob, "");
    sp_store_key(keyring, bob, SECRET, true, NULL);
    sp_expect_all(keyring, "1i 4a 2i 3c");
    expect_recipient(bob, "1");
    expect_recipient(renewed, "2");
    expect_recipient(ca, "");
    expect_recipient(carol, "");
    X509_free(ca);
}
END_TEST

/* A contact that cannot be read is not made an identity, and the key is not stored. */
START_TEST(promoted_damaged)
{
    struct sp_upload *upload;
    struct sp_private_key key = { .uri = OPENSSL_strdup("pkcs11:object=bob") };
    unsigned char name[SP_SHA256_LENGTH];

    sp_store(keyring, renewed, SP_ROLE_CONTACT);
    sp_store(keyring, bob, SP_ROLE_CONTACT);
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET der = x'3000' WHERE id = 2");
    sp_key_name(bob, name);
    upload = sp_upload_begin(keyring);
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert(!sp_upload_commit(upload));
    expect_why("entry 2 is damaged");
    sp_upload_free(upload);
    ck_assert_int_eq(
        sp_sql_number(place, SP_CERTIFICATES, "SELECT count(*) FROM certificate WHERE role = 2"),
        2);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "SELECT count(*) FROM private_key"), 0);
}
END_TEST

/* More contacts than fit a page. */
START_TEST(promoted_many)
{
    int64_t counts[SP_ROLE_COUNT];
    struct sp_upload *upload = sp_upload_begin(keyring);

    for (int i = 1; i <= 150; i++) {
        X509 *cert = sp_make_contact(i, "Bob", "email:bob@example.org", NULL);

        ck_assert_int_eq(sp_add(upload, cert, SP_ROLE_CONTACT, false, NULL), SP_ADD_NEW);
        X509_free(cert);
    }
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_store_key(keyring, bob, SECRET, true, NULL);
    ck_assert(sp_keyring_count(keyring, counts));
    ck_assert_int_eq(counts[SP_ROLE_IDENTITY], 150);
    ck_assert_int_eq(counts[SP_ROLE_CONTACT], 0);
}
END_TEST

/* Certificate and key in one upload, in each order and role. */
START_TEST(together)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { .uri = OPENSSL_strdup("pkcs11:object=bob") };
    unsigned char name[SP_SHA256_LENGTH];
    enum sp_role role = (_i & 1) != 0 ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT;

    sp_key_name(bob, name);
    if ((_i & 2) != 0)
        ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert_int_eq(sp_add(upload, bob, role, false, NULL), SP_ADD_NEW);
    if ((_i & 2) == 0)
        ck_assert(sp_upload_add_key(upload, name, &key));
    expect_key(bob, NULL, false, NULL);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_expect_all(keyring, "1i");
    expect_recipient(bob, "1");
    expect_key(bob, NULL, false, "pkcs11:object=bob");
}
END_TEST

/* An upload that is not committed leaves no key. */
START_TEST(not_committed)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    struct sp_private_key key = { .length = strlen(SECRET) };
    unsigned char name[SP_SHA256_LENGTH];

    key.pkcs8 = (unsigned char *)OPENSSL_strdup(SECRET);
    sp_key_name(bob, name);
    ck_assert(sp_upload_add_key(upload, name, &key));
    sp_upload_free(upload);
    expect_key(bob, NULL, false, NULL);
}
END_TEST

/* --- removal */

static bool take_away(const X509 *first, const X509 *second)
{
    unsigned char fingerprints[2][SP_SHA256_LENGTH];

    sp_fingerprint(first, fingerprints[0]);
    if (second != NULL)
        sp_fingerprint(second, fingerprints[1]);
    return sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprints,
                             second == NULL ? 1 : 2);
}

static void expect_rows(int certificates, int addresses, int recipients)
{
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "SELECT count(*) FROM certificate"),
                     certificates);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "SELECT count(*) FROM address"),
                     addresses);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "SELECT count(*) FROM recipient"),
                     recipients);
}

static void fill(void)
{
    sp_store(keyring, bob, SP_ROLE_IDENTITY);
    sp_store(keyring, renewed, SP_ROLE_IDENTITY);
    sp_store(keyring, carol, SP_ROLE_CONTACT);
    sp_store_key(keyring, bob, SECRET, false, NULL);
    expect_rows(3, 4, 4);
}

START_TEST(removed_contact)
{
    fill();
    ck_assert(take_away(carol, NULL));
    expect_rows(2, 3, 4);
    sp_expect_all(keyring, "1i 2i");
    sp_expect_found(keyring,
                    &(struct sp_query){ .index = SP_BY_ADDRESS, .text = "carol@example.org" }, "");
    expect_key(bob, SECRET, false, NULL);
}
END_TEST

/* As many as are said, whatever is behind them. */
START_TEST(removed_one)
{
    unsigned char fingerprints[2][SP_SHA256_LENGTH];

    fill();
    sp_fingerprint(carol, fingerprints[0]);
    sp_fingerprint(bob, fingerprints[1]);
    ck_assert(
        sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprints, 1));
    sp_expect_all(keyring, "1i 2i");
}
END_TEST

/* The key stays as long as one of its certificates does. */
START_TEST(removed_identities)
{
    fill();
    ck_assert(take_away(bob, NULL));
    expect_rows(2, 3, 2);
    expect_recipient(bob, "");
    expect_key(renewed, SECRET, false, NULL);
    ck_assert(take_away(renewed, NULL));
    expect_rows(1, 1, 0);
    expect_key(renewed, NULL, false, NULL);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "SELECT count(*) FROM private_key"), 0);
}
END_TEST

START_TEST(removed_at_once)
{
    fill();
    ck_assert(take_away(renewed, bob));
    expect_rows(1, 1, 0);
    expect_key(bob, NULL, false, NULL);
}
END_TEST

/* Removing twice is no error. */
START_TEST(removed_twice)
{
    fill();
    ck_assert(take_away(carol, carol));
    ck_assert(take_away(carol, NULL));
    expect_rows(2, 3, 4);
    ck_assert(sp_keyring_remove(keyring, NULL, 0));
}
END_TEST

/*
 * It was an identity and is a contact: its recipient names must go, too, or the next
 * certificate would get them.
 */
START_TEST(removed_after_override)
{
    struct sp_upload *upload;

    sp_store(keyring, bob, SP_ROLE_IDENTITY);
    upload = sp_upload_begin(keyring);
    ck_assert_int_eq(sp_add(upload, bob, SP_ROLE_CONTACT, true, NULL), SP_ADD_STORED);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    ck_assert(take_away(bob, NULL));
    expect_rows(0, 0, 0);
}
END_TEST

static bool is_there(const char *name)
{
    char *path = sp_store_file(place, name);
    bool is = access(path, F_OK) == 0;

    OPENSSL_free(path);
    return is;
}

/* What SQLite left of a change to both databases goes with the next one; no other file does. */
START_TEST(swept)
{
    static const char *const names[] = { SP_CERTIFICATES "-mj12345678", SP_CERTIFICATES "-mj",
                                         SP_CERTIFICATES "-m", "copy-" SP_CERTIFICATES "-mj1" };

    for (size_t i = 0; i < SP_ROWS(names); i++) {
        char *path = sp_store_file(place, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        close(fd);
        OPENSSL_free(path);
    }
    sp_store(keyring, bob, SP_ROLE_CONTACT);
    ck_assert(is_there(names[0]));
    sp_store_key(keyring, bob, SECRET, false, NULL);
    ck_assert(!is_there(names[0]) && !is_there(names[1]));
    ck_assert(is_there(names[2]) && is_there(names[3]));
    ck_assert(is_there(SP_CERTIFICATES) && is_there(SP_KEYS));
}
END_TEST

/* Both certificates are removed, or none. */
START_TEST(removed_whole)
{
    fill();
    sp_run_sql(place, SP_CERTIFICATES,
               "CREATE TRIGGER trap BEFORE DELETE ON certificate WHEN OLD.id = 3"
               " BEGIN SELECT RAISE(ABORT, 'trap'); END");
    ck_assert(!take_away(bob, carol));
    expect_why("the keyring is as it was");
    expect_rows(3, 4, 4);
    expect_key(bob, SECRET, false, NULL);
}
END_TEST

/* A damaged entry is not removed partly; the reason names it. */
START_TEST(removed_damaged)
{
    fill();
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET der = x'3000' WHERE id = 1");
    for (int i = 0; i < 2; i++) {
        ck_assert(!take_away(i == 0 ? carol : bob, i == 0 ? bob : carol));
        expect_why("entry 1 is damaged");
        expect_rows(3, 4, 4);
    }
}
END_TEST

/* A removed key is overwritten: no trace of it is left in the file. */
START_TEST(overwritten)
{
    char *path = sp_store_file(place, SP_KEYS);
    char content[65536];
    size_t length;

    fill();
    for (int gone = 0; gone < 2; gone++) {
        FILE *file = fopen(path, "rb");

        length = fread(content, 1, sizeof(content), file);
        fclose(file);
        ck_assert_int_eq(memmem(content, length, SECRET, strlen(SECRET)) == NULL, gone);
        ck_assert(take_away(bob, renewed));
    }
    OPENSSL_free(path);
}
END_TEST

/* --- faults of keys.db alone */

static const struct {
    const char *sql, *fragment;
} faults[] = {
    { "PRAGMA user_version = 1000", "keys.db was written by a newer smime-policy" },
    { "PRAGMA application_id = 77", "keys.db is a database of something else" },
};

/* The reason is the same each time, and the certificates can still be used. */
START_TEST(unusable)
{
    X509 *late = sp_make_contact(9, "Late", NULL, NULL);
    struct sp_upload *upload;
    struct sp_private_key key;
    unsigned char name[SP_SHA256_LENGTH];

    fill();
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_KEYS, faults[_i].sql);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    sp_key_name(bob, name);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sp_keyring_key(keyring, name, &key), -1);
        expect_why(faults[_i].fragment);
        ck_assert(!take_away(carol, NULL));
        expect_why(faults[_i].fragment);
    }
    sp_expect_all(keyring, "1i 2i 3c");
    sp_store(keyring, late, SP_ROLE_CONTACT);
    upload = sp_upload_begin(keyring);
    key = (struct sp_private_key){ .uri = OPENSSL_strdup("file:key") };
    ck_assert(sp_upload_add_key(upload, name, &key));
    ck_assert(!sp_upload_commit(upload));
    expect_why(faults[_i].fragment);
    sp_upload_free(upload);
    X509_free(late);
}
END_TEST

/* After such a fault the keyring of a reader is still read-only. */
START_TEST(unusable_for_a_reader)
{
    struct sp_private_key key;
    unsigned char name[SP_SHA256_LENGTH];

    fill();
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_KEYS, faults[_i].sql);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    sp_key_name(bob, name);
    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), -1);
    expect_why(faults[_i].fragment);
    ck_assert(!sp_store_run(sp_database(keyring), "DELETE FROM main.certificate"));
    sp_expect_all(keyring, "1i 2i 3c");
}
END_TEST

/* A reader brings the keys of an earlier form into the present one, and is a reader still. */
START_TEST(earlier_form_for_a_reader)
{
    struct sp_private_key key;
    unsigned char name[SP_SHA256_LENGTH];

    fill();
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_KEYS,
               "DROP TABLE private_key; DROP TABLE waiting; PRAGMA application_id = 0; PRAGMA "
               "user_version = 0");
    keyring = sp_must_open(place, SP_KEYRING_READ);
    sp_key_name(bob, name);
    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), 0);
    ck_assert_int_eq(sp_sql_number(place, SP_KEYS, "PRAGMA user_version"), 2);
    ck_assert(!sp_store_run(sp_database(keyring), "DELETE FROM main.certificate"));
    ck_assert(!sp_store_run(sp_database(keyring), "DELETE FROM keys.private_key"));
    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), 0);
}
END_TEST

/* Emptied behind our back: no key, not a crash. */
START_TEST(no_file)
{
    char *path = sp_store_file(place, SP_KEYS);

    fill();
    sp_keyring_close(keyring);
    ck_assert_int_eq(_i == 0 ? unlink(path) : truncate(path, 0), 0);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    expect_key(bob, NULL, false, NULL);
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    sp_store_key(keyring, bob, SECRET, true, NULL);
    expect_key(bob, SECRET, true, NULL);
    OPENSSL_free(path);
}
END_TEST

/* Removed after the keyring was opened: certificates are removed all the same. */
START_TEST(no_file_any_more)
{
    char *path = sp_store_file(place, SP_KEYS);

    fill();
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    ck_assert_int_eq(unlink(path), 0);
    /* The second time there is nothing to remove. */
    ck_assert(take_away(carol, NULL) && take_away(carol, NULL));
    expect_rows(2, 3, 4);
    ck_assert_int_eq(access(path, F_OK), -1);
    OPENSSL_free(path);
}
END_TEST

/* For a user who may read the certificates: 0 if the keys are not readable, nor missing. */
static int as_another_user(void)
{
    if (setresuid(12345, 12345, 12345) != 0)
        return 2;
    return sp_keyring_exists(place) && !sp_keyring_keys_readable(place) ? 0 : 1;
}

START_TEST(readable_keys)
{
    char *path, *parent = sp_store_file(place, "..");
    int status = 0;
    pid_t child;

    ck_assert(sp_keyring_keys_readable(place));
    ck_assert_int_eq(chmod(parent, 0711), 0);
    /* The child has no memory of ours that would be lost. */
    OPENSSL_free(parent);
    if (geteuid() == 0) {
        child = fork();
        if (child == 0)
            _exit(as_another_user());
        ck_assert_int_eq(waitpid(child, &status, 0), child);
    }
    ck_assert_int_eq(status, 0);
    /* None are there. */
    path = sp_store_file(place, SP_KEYS);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(sp_keyring_keys_readable(place));
    ck_assert(sp_keyring_keys_readable("/nonexistent"));
    OPENSSL_free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: keys");
    TCase *tests = tcase_create("keys");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, stored, 0, SP_ROWS(kinds));
    tcase_add_loop_test(tests, replaced, 0, SP_ROWS(kinds));
    tcase_add_test(tests, changed);
    tcase_add_test(tests, not_changed);
    tcase_add_loop_test(tests, not_a_key, 0, 2);
    tcase_add_test(tests, promoted);
    tcase_add_test(tests, promoted_damaged);
    tcase_add_test(tests, promoted_many);
    tcase_add_loop_test(tests, together, 0, 4);
    tcase_add_test(tests, not_committed);
    tcase_add_test(tests, removed_contact);
    tcase_add_test(tests, removed_one);
    tcase_add_test(tests, removed_identities);
    tcase_add_test(tests, removed_at_once);
    tcase_add_test(tests, removed_twice);
    tcase_add_test(tests, removed_after_override);
    tcase_add_test(tests, swept);
    tcase_add_test(tests, removed_whole);
    tcase_add_test(tests, removed_damaged);
    tcase_add_test(tests, overwritten);
    tcase_add_loop_test(tests, unusable, 0, SP_ROWS(faults));
    tcase_add_loop_test(tests, unusable_for_a_reader, 0, SP_ROWS(faults));
    tcase_add_test(tests, earlier_form_for_a_reader);
    tcase_add_loop_test(tests, no_file, 0, 2);
    tcase_add_test(tests, no_file_any_more);
    tcase_add_test(tests, readable_keys);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
