/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once, and every call of SQLite: no crash, no leak,
 * a clear no, and the keyring as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "keyrings.h"
#include "starve.h"

/* Objects for the cases, made before any allocation fails. */
static char *place;
static struct sp_keyring *keyring;
static X509 *cert, *other;
static struct sp_facts *facts;
static unsigned char fingerprint[1][SP_SHA256_LENGTH], key_name[SP_SHA256_LENGTH];
/* The name of a key that is kept as a URI, and is no certificate's. */
static const unsigned char key_elsewhere[SP_SHA256_LENGTH];

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    cert = sp_make_contact(1, "Bob", "email:bob@example.org,email:rob@example.org", NULL);
    other = sp_make_contact(2, "Bob", "email:bob@example.org", NULL);
    facts = sp_facts_new(other);
    sp_fingerprint(cert, fingerprint[0]);
    sp_key_name(cert, key_name);
    sp_store(keyring, cert, SP_ROLE_CONTACT);
    sp_store_key(keyring, cert, "key", true, NULL);
    sp_run_sql(place, SP_KEYS,
               "PRAGMA ignore_check_constraints = ON;"
               "INSERT INTO private_key VALUES (zeroblob(32), 0, NULL, 'file:key', 0),"
               " (CAST(x'01' || zeroblob(31) AS BLOB), 1, x'00', 'both', 0),"
               " (CAST(x'02' || zeroblob(31) AS BLOB), 1, x'00', 'both', 0);"
               "INSERT INTO waiting VALUES (1, zeroblob(32), x'00', 0)");
    /* What is stored is of a hub. */
    sp_run_sql(place, SP_CERTIFICATES,
               "INSERT INTO hub (one, realm, epoch, anchors, revision, certificates, digest)"
               " VALUES (1, 'default', 'one', 'no', 1, 1, zeroblob(32));"
               "INSERT INTO hub_member (fingerprint, sum, standing, own)"
               " SELECT fingerprint, zeroblob(32), 2, 0 FROM certificate");
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
}

static void tear_down(void)
{
    sp_keyring_close(keyring);
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(other);
    sp_remove_place(place);
}

/* Else it is SQLite that fails. */
static bool is_memory_short = true;

/* The reason is that of now, and not a fault of before. */
static void expect_reason(const struct sp_keyring *which)
{
    const char *why = sp_keyring_why(which);

    ck_assert_msg(strcmp(why, "a fault of before") != 0 &&
                      (strcmp(why, "out of memory") == 0) == is_memory_short,
                  "%s", why);
}

/* What failed before is not the reason. */
static void forget_reason(void)
{
    (void)sp_store_set_why(sp_database(keyring), OPENSSL_strdup("a fault of before"));
}

/* Whether it was |done|; if not, why. */
static bool reasoned(bool done)
{
    if (!done)
        expect_reason(keyring);
    return done;
}

static bool open_as(enum sp_access access)
{
    char *why;
    struct sp_keyring *fresh = sp_keyring_open(place, access, &why);
    bool opened = fresh != NULL;

    /* Out of memory is told by a NULL reason, and never as another fault. */
    if (!opened)
        ck_assert_msg((why == NULL) == is_memory_short, "%s", why);
    OPENSSL_free(why);
    sp_keyring_close(fresh);
    return opened;
}

static bool try_read(void)
{
    return open_as(SP_KEYRING_READ);
}

static bool try_write(void)
{
    return open_as(SP_KEYRING_WRITE);
}

static bool find(const struct sp_query *query)
{
    struct sp_cursor *cursor;
    struct sp_record record;
    int found;

    /* What failed before is not the reason. */
    (void)sp_store_set_why(sp_database(keyring), OPENSSL_strdup("a fault of before"));
    cursor = sp_keyring_find(keyring, query);
    found = cursor == NULL ? -1 : sp_cursor_next(cursor, &record);
    if (found < 0)
        expect_reason(keyring);
    ck_assert_int_ne(found, 0);
    if (found == 1)
        sp_record_clear(&record);
    sp_cursor_free(cursor);
    return found == 1;
}

static bool try_all(void)
{
    return find(&(struct sp_query){ .index = SP_ALL });
}

static bool try_address(void)
{
    return find(&(struct sp_query){ .index = SP_BY_ADDRESS, .text = "bob@example.org" });
}

static bool try_subject(void)
{
    return find(&(struct sp_query){ .index = SP_BY_SUBJECT, .name = X509_get_subject_name(cert) });
}

static bool try_waiting(void)
{
    return find(&(struct sp_query){ .index = SP_WAITING });
}

static bool try_prefix(void)
{
    char digits[9];

    (void)snprintf(digits, sizeof(digits), "%02x%02x%02x%02x", fingerprint[0][0], fingerprint[0][1],
                   fingerprint[0][2], fingerprint[0][3]);
    return find(&(struct sp_query){ .index = SP_BY_PREFIX, .text = digits });
}

static bool try_recipient(void)
{
    static const unsigned char serial[] = { 1 };

    return find(&(struct sp_query){ .index = SP_BY_RECIPIENT, .hash = serial, .length = 1 });
}

static bool try_count(void)
{
    char *why;
    struct sp_keyring *fresh = sp_keyring_open(place, SP_KEYRING_READ, &why);
    int64_t counts[SP_ROLE_COUNT];
    bool done = false;

    if (fresh != NULL) {
        (void)sp_store_set_why(sp_database(fresh), OPENSSL_strdup("a fault of before"));
        done = sp_keyring_count(fresh, counts);
        if (!done)
            expect_reason(fresh);
        ck_assert(!done || counts[SP_ROLE_IDENTITY] == 1);
    }
    OPENSSL_free(why);
    sp_keyring_close(fresh);
    return done;
}

static bool try_role_in(void)
{
    char *why;
    enum sp_role role = sp_keyring_standing_in(place, cert, &why).role;

    OPENSSL_free(why);
    return role == SP_ROLE_IDENTITY;
}

static bool try_hub(void)
{
    struct sp_hub hub = { 0 };
    struct sp_member members[2];
    int count = -1;
    int known = -1;

    (void)sp_store_set_why(sp_database(keyring), OPENSSL_strdup("a fault of before"));
    if (sp_keyring_hub(keyring, &hub))
        count = sp_keyring_members(keyring, NULL, members, 2);
    if (count >= 0)
        known = sp_keyring_member(keyring, fingerprint[0], &members[1]);
    if (known < 0)
        expect_reason(keyring);
    else
        ck_assert(hub.revision == 1 && strcmp(hub.epoch, "one") == 0 && count == 1 && known == 1);
    sp_hub_clear(&hub);
    return known == 1;
}

/* A keyring of its own each time, so that keys.db is attached anew. */
static bool find_key(const unsigned char name[SP_SHA256_LENGTH])
{
    char *why;
    struct sp_keyring *fresh = sp_keyring_open(place, SP_KEYRING_READ, &why);
    struct sp_private_key key = { 0 };
    int found = -1;

    if (fresh != NULL) {
        /* What failed before is not the reason. */
        (void)sp_store_set_why(sp_database(fresh), OPENSSL_strdup("a fault of before"));
        found = sp_keyring_key(fresh, name, &key);
        if (found < 0)
            expect_reason(fresh);
        else
            ck_assert(key.pkcs8 != NULL || key.uri != NULL);
    }
    OPENSSL_free(why);
    ck_assert_int_ne(found, 0);
    sp_private_key_clear(&key);
    sp_keyring_close(fresh);
    return found == 1;
}

static struct sp_upload *begin_upload(void)
{
    forget_reason();
    return sp_upload_begin(keyring);
}

/* The end of an upload.  The keys are taken over in any case. */
static bool try_upload(void)
{
    struct sp_upload *upload = begin_upload();
    struct sp_private_key key = { .uri = strdup("file:key") };
    enum sp_role stored;
    bool done = upload != NULL && sp_upload_add(upload, other, facts, SP_ROLE_CONTACT, true,
                                                &stored) != SP_ADD_FAILED;

    done = reasoned(done && sp_upload_add_key(upload, key_name, &key) && sp_upload_commit(upload));
    free(key.uri);
    sp_upload_free(upload);
    return done;
}

static bool is_new_key(const unsigned char key[SP_SHA256_LENGTH],
                       const struct sp_private_key *private_key, void *data)
{
    (void)key, (void)private_key;
    *(int *)data += 1;
    return true;
}

/* The end of what comes from a hub: one certificate leaves, and another one is taken. */
static bool try_copy(void)
{
    const struct sp_hub reach = { .realm = (char *)(uintptr_t) "default",
                                  .epoch = (char *)(uintptr_t) "two",
                                  .anchors = (char *)(uintptr_t) "no",
                                  .revision = 2,
                                  .certificates = 1 };
    struct sp_member member = { .there = { SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED } };
    struct sp_upload *upload;
    enum sp_role stored;
    int keys = 0;
    bool done;

    sp_fingerprint(other, member.fingerprint);
    upload = begin_upload();
    done = upload != NULL;
    if (done) {
        sp_upload_origin(upload, SP_ORIGIN_HUB);
        sp_upload_member(upload, &member);
        done =
            sp_upload_add(upload, other, facts, SP_ROLE_CONTACT, false, &stored) != SP_ADD_FAILED;
    }
    if (done) {
        sp_upload_hub(upload, &reach);
        sp_upload_hand_over(upload);
        done = sp_upload_relabel(upload, fingerprint[0], SP_ORIGIN_HUB) &&
               sp_upload_leave(upload, fingerprint[0], true) &&
               sp_upload_keys(upload, is_new_key, &keys) && sp_upload_commit(upload);
    }
    ck_assert_int_eq(keys, 0);
    (void)reasoned(done);
    sp_upload_free(upload);
    return done;
}

static bool try_key(void)
{
    return find_key(key_name);
}

static bool try_key_elsewhere(void)
{
    return find_key(key_elsewhere);
}

static bool try_change_key(void)
{
    struct sp_private_key was = { 0 }, now = { .length = 3, .encrypted = true };
    unsigned char bytes[] = "new";
    int changed = -1;

    now.pkcs8 = bytes;
    forget_reason();
    if (sp_keyring_key(keyring, key_name, &was) == 1 && was.pkcs8 != NULL)
        changed = sp_keyring_change_key(keyring, key_name, &was, &now);
    sp_private_key_clear(&was);
    return reasoned(changed == 1);
}

static bool try_remove(void)
{
    forget_reason();
    return reasoned(
        sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprint, 1));
}

static bool try_remove_waiting(void)
{
    forget_reason();
    return reasoned(sp_keyring_remove(keyring, &key_elsewhere, 1));
}

static void hear(const char *line, void *data)
{
    bool *unread = data;

    *unread =
        *unread || strstr(line, "cannot be read") != NULL || strcmp(line, "out of memory") == 0;
    ck_assert_ptr_null(strstr(line, "(null)"));
}

/* The end of an upload with a request. */
static bool try_request(void)
{
    struct sp_upload *upload = begin_upload();
    struct sp_private_key key = { .uri = strdup("file:key"), .request_length = 3 };
    enum sp_role stored;
    bool done = upload != NULL && sp_upload_add(upload, other, facts, SP_ROLE_CONTACT, true,
                                                &stored) != SP_ADD_FAILED;

    key.request = (unsigned char *)strdup("any");
    done = reasoned(done && sp_upload_add_key(upload, key_name, &key) && sp_upload_commit(upload));
    free(key.uri);
    free(key.request);
    sp_upload_free(upload);
    return done;
}

/*
 * The key that was stored is none; two others are none, are elsewhere too, and are nobody's; and
 * the request for the one that is elsewhere is none.
 */
static bool try_check(void)
{
    struct sp_checked checked = { 0 };
    bool unread = false;
    bool done, is_whole;

    forget_reason();
    done = sp_keyring_check(keyring, hear, &unread, &checked);
    is_whole = checked.faults == 8 && checked.certificates == 1 && checked.keys == 4;
    if (is_memory_short)
        (void)reasoned(done);
    /* A check that lacked memory for one of its faults has failed, or has told of it. */
    ck_assert(!done || unread || is_whole || !is_memory_short);
    return done && !unread && is_whole;
}

/* Beside the keyring: it goes with it. */
static const char *copy_path(void)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s.copy", place);
    return path;
}

static bool try_backup(void)
{
    bool done;

    forget_reason();
    done = sp_keyring_backup(keyring, copy_path(), NULL);
    return is_memory_short ? done : reasoned(done);
}

static const struct {
    const char *name;
    bool (*try)(void);
    const char *after; /* what is stored when it succeeded; NULL: as before */
    int spare;         /* allocations that it can do without, but for two */
} cases[] = {
    { "read", try_read, NULL, 0 },
    { "write", try_write, NULL, 0 },
    { "all", try_all, NULL, 0 },
    { "address", try_address, NULL, 0 },
    { "subject", try_subject, NULL, 0 },
    { "waiting", try_waiting, NULL, 0 },
    { "prefix", try_prefix, NULL, 0 },
    { "recipient", try_recipient, NULL, 0 },
    { "count", try_count, NULL, 0 },
    { "role in", try_role_in, NULL, 0 },
    { "hub", try_hub, NULL, 0 },
    { "key", try_key, NULL, 0 },
    { "key elsewhere", try_key_elsewhere, NULL, 0 },
    { "upload", try_upload, "1i 2i", 0 },
    { "request", try_request, "1i 2i", 0 },
    { "copy", try_copy, "2c", 1 },
    { "remove", try_remove, "", 0 },
    { "remove waiting", try_remove_waiting, NULL, 0 },
    { "change key", try_change_key, NULL, 0 },
    { "check", try_check, NULL, 3 },
    { "backup", try_backup, NULL, 0 },
};

static void expect_in(const char *path, const char *certificates)
{
    struct sp_keyring *is = sp_must_open(path, SP_KEYRING_READ);

    sp_expect_all(is, certificates);
    sp_keyring_close(is);
    /* Bob has two addresses in the first, and an identity has two names. */
    ck_assert_int_eq(sp_sql_number(path, SP_CERTIFICATES, "SELECT count(*) FROM address"),
                     (strchr(certificates, '1') != NULL ? 2 : 0) +
                         (strchr(certificates, '2') != NULL));
    ck_assert_int_eq(
        sp_sql_number(path, SP_CERTIFICATES, "SELECT count(*) FROM recipient"),
        2 * ((strstr(certificates, "1i") != NULL) + (strstr(certificates, "2i") != NULL)));
    ck_assert_int_eq(
        sp_sql_number(path, SP_KEYS, "SELECT count(*) FROM private_key WHERE uploaded > 0"),
        strchr(certificates, 'i') == NULL ? 0 : 1);
}

/* A copy of the keyring is whole if it was made, and else it is not there. */
static void expect_state(const char *certificates, bool is_copied)
{
    sp_expect_all(keyring, certificates);
    expect_in(place, certificates);
    /* What came from the hub is of it. */
    if (strcmp(certificates, "2c") == 0)
        ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES,
                                       "SELECT count(*) FROM hub, hub_member JOIN certificate c"
                                       " USING (fingerprint) WHERE revision = 2 AND epoch = 'two'"
                                       " AND c.origin = 5"),
                         1);
    ck_assert_int_eq(sp_keyring_exists(copy_path()), is_copied);
    if (is_copied)
        expect_in(copy_path(), certificates);
}

/*
 * Fail the first allocation, then the second, until none is left to fail.  A few are
 * not needed: then the answer must be right all the same.
 */
START_TEST(starve)
{
    const char *after = cases[_i].after == NULL ? "1i" : cases[_i].after;
    long failed = 0;
    long refused = 0;
    bool starved;

    do {
        bool done;

        sp_starve(++failed);
        done = cases[_i].try();
        starved = sp_starve_end();
        ERR_clear_error();
        expect_state(done ? after : "1i", done && cases[_i].try == try_backup);
        ck_assert_msg(done || starved, "%s: allocation %ld", cases[_i].name, failed);
        refused += !done;
        tear_down();
        set_up();
    } while (starved);
    ck_assert_int_ge(refused, failed - 3 - cases[_i].spare);
    ck_assert_int_gt(refused, 0);
}
END_TEST

/*
 * The same of what SQLite does for us: one of its calls fails, as on a disk that is full or broken.
 * The table of its functions is written by sp_sqlite() alone, once.
 */
static struct sp_sqlite real;
static long calls; /* until one fails; 0: none does */

static bool is_to_fail(void)
{
    return calls > 0 && --calls == 0;
}

static int fail_prepare(sqlite3 *db, const char *sql, int size, sqlite3_stmt **statement,
                        const char **rest)
{
    return is_to_fail() ? SQLITE_IOERR : real.prepare_v2(db, sql, size, statement, rest);
}

static int fail_step(sqlite3_stmt *statement)
{
    return is_to_fail() ? SQLITE_IOERR : real.step(statement);
}

static int fail_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
                     void *arg, char **why)
{
    return is_to_fail() ? SQLITE_IOERR : real.exec(db, sql, each, arg, why);
}

static int fail_blob(sqlite3_stmt *statement, int at, const void *blob, int size,
                     void (*release)(void *))
{
    return is_to_fail() ? SQLITE_NOMEM : real.bind_blob(statement, at, blob, size, release);
}

static int fail_text(sqlite3_stmt *statement, int at, const char *text, int size,
                     void (*release)(void *))
{
    return is_to_fail() ? SQLITE_NOMEM : real.bind_text(statement, at, text, size, release);
}

static int fail_int64(sqlite3_stmt *statement, int at, sqlite3_int64 number)
{
    return is_to_fail() ? SQLITE_NOMEM : real.bind_int64(statement, at, number);
}

static int fail_null(sqlite3_stmt *statement, int at)
{
    return is_to_fail() ? SQLITE_NOMEM : real.bind_null(statement, at);
}

static int fail_open(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    return real.open_v2(is_to_fail() ? "/nonexistent/database" : name, db, flags, vfs);
}

static sqlite3_backup *fail_backup_init(sqlite3 *to, const char *to_name, sqlite3 *from,
                                        const char *from_name)
{
    return is_to_fail() ? NULL : real.backup_init(to, to_name, from, from_name);
}

static int fail_backup_step(sqlite3_backup *backup, int pages)
{
    return is_to_fail() ? SQLITE_IOERR : real.backup_step(backup, pages);
}

static void let_sqlite_fail(void)
{
    struct sp_sqlite *table = (struct sp_sqlite *)(uintptr_t)sp_sqlite();

    real = *table;
    table->open_v2 = fail_open;
    table->prepare_v2 = fail_prepare;
    table->step = fail_step;
    table->exec = fail_exec;
    table->bind_blob = fail_blob;
    table->bind_text = fail_text;
    table->bind_int64 = fail_int64;
    table->bind_null = fail_null;
    table->backup_init = fail_backup_init;
    table->backup_step = fail_backup_step;
}

static void let_sqlite_work(void)
{
    *(struct sp_sqlite *)(uintptr_t)sp_sqlite() = real;
}

/* The call with this number fails: whoever reads is told so, and whoever writes. */
static const struct {
    int call;
    enum sp_access access;
    const char *what;
} first_calls[] = { { 1, SP_KEYRING_READ, ": cannot open it: unable to open database file; " },
                    { 2, SP_KEYRING_READ, ": cannot read it: " },
                    { 3, SP_KEYRING_READ, ": cannot read it: " },
                    { 1, SP_KEYRING_WRITE, ": cannot open it: unable to open database file; " },
                    { 2, SP_KEYRING_WRITE, ": cannot write to it: " },
                    { 4, SP_KEYRING_WRITE, ": cannot write to it: " } };

START_TEST(fail_first)
{
    struct sp_keyring *fresh;
    char *why;

    let_sqlite_fail();
    calls = first_calls[_i].call;
    fresh = sp_keyring_open(place, first_calls[_i].access, &why);
    let_sqlite_work();
    ck_assert_ptr_null(fresh);
    ck_assert_msg(strstr(why, first_calls[_i].what) != NULL, "%s", why);
    OPENSSL_free(why);
}
END_TEST

/* What was not done left no trace, and what was done is the truth. */
START_TEST(fail)
{
    const char *after = cases[_i].after == NULL ? "1i" : cases[_i].after;
    long failed = 0;
    long refused = 0;
    bool more;

    let_sqlite_fail();
    is_memory_short = false;
    do {
        bool done;

        calls = ++failed;
        done = cases[_i].try();
        more = calls == 0;
        calls = 0;
        sp_keyring_close(keyring);
        keyring = sp_must_open(place, SP_KEYRING_WRITE);
        expect_state(done ? after : "1i", done && cases[_i].try == try_backup);
        ck_assert_msg(done || more, "%s: call %ld", cases[_i].name, failed);
        /* Who checks has looked at everything. */
        ck_assert(!done || !more || cases[_i].try != try_check);
        refused += !done;
        tear_down();
        set_up();
    } while (more);
    is_memory_short = true;
    let_sqlite_work();
    ck_assert_int_gt(refused, failed / 2);
}
END_TEST

/* What says where a keyring is. */
static const struct {
    const char *named, *data;
} places[] = { { "/k", "/d" }, { NULL, "/d" }, { NULL, NULL } };

/* No other place is taken instead, and it is not said that there is none. */
START_TEST(default_place)
{
    const char *named = places[_i].named, *data = places[_i].data;
    char *path;
    bool done;

    ck_assert_int_eq(setenv("HOME", "/h", 1), 0);
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", named != NULL ? named : "", 1), 0);
    ck_assert_int_eq(setenv("XDG_DATA_HOME", data != NULL ? data : "", 1), 0);
    sp_starve(1);
    done = sp_keyring_place(NULL, &path);
    ck_assert(sp_starve_end());
    ck_assert(!done);
    ck_assert_ptr_null(path);
}
END_TEST

/* A keyring is not made, and not half made; in a directory of its own, or one that is there. */
START_TEST(starve_making)
{
    long failed = 0;
    bool starved;

    do {
        char *fresh = sp_make_place();
        struct sp_keyring *made;
        char *why;

        if (_i == 1)
            ck_assert_int_eq(mkdir(fresh, 0755), 0);
        sp_starve(++failed);
        made = sp_keyring_open(fresh, SP_KEYRING_WRITE, &why);
        starved = sp_starve_end();
        ck_assert_int_eq(made == NULL, starved);
        ck_assert_ptr_null(why);
        sp_keyring_close(made);
        sp_keyring_close(sp_must_open(fresh, SP_KEYRING_WRITE));
        sp_remove_place(fresh);
    } while (starved);
    ck_assert_int_gt(failed, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: starve");
    TCase *tests = tcase_create("allocations");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, starve, 0, SP_ROWS(cases));
    tcase_add_loop_test(tests, fail, 0, SP_ROWS(cases));
    tcase_add_loop_test(tests, fail_first, 0, SP_ROWS(first_calls));
    tcase_add_loop_test(tests, starve_making, 0, 2);
    tcase_add_loop_test(tests, default_place, 0, SP_ROWS(places));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
