/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opening a keyring: how it is made, and who else could change it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "keyrings.h"

static char *place;

static void set_up(void)
{
    place = sp_make_place();
}

static void tear_down(void)
{
    sp_remove_place(place);
}

static void make(void)
{
    sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
}

static mode_t mode_of(const char *name)
{
    char *path = *name == '\0' ? OPENSSL_strdup(place) : sp_store_file(place, name);
    struct stat is;

    ck_assert_int_eq(stat(path, &is), 0);
    OPENSSL_free(path);
    return is.st_mode & 07777;
}

/* With every umask others may read the certificates, and nobody the keys. */
START_TEST(made)
{
    static const mode_t masks[] = { 0, 022, 077 };

    umask(masks[_i]);
    ck_assert(!sp_keyring_exists(place));
    make();
    ck_assert(sp_keyring_exists(place));
    ck_assert_uint_eq(mode_of(""), 0755);
    ck_assert_uint_eq(mode_of(SP_CERTIFICATES), 0644);
    ck_assert_uint_eq(mode_of(SP_KEYS), 0600);
    umask(022);
}
END_TEST

START_TEST(made_with_parents)
{
    char *deep = sp_store_file(place, "a/b//c/");

    sp_keyring_close(sp_must_open(deep, SP_KEYRING_WRITE));
    sp_keyring_close(sp_must_open(deep, SP_KEYRING_READ));
    OPENSSL_free(deep);
    ck_assert_uint_eq(mode_of("a"), 0700);
    ck_assert_uint_eq(mode_of("a/b/c"), 0755);
}
END_TEST

START_TEST(made_in_the_working_directory)
{
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(chdir(place), 0);
    place[strlen(place)] = '/';
    sp_keyring_close(sp_must_open("keyring", SP_KEYRING_WRITE));
    sp_keyring_close(sp_must_open(place, SP_KEYRING_READ));
    sp_keyring_close(sp_must_open("k/", SP_KEYRING_WRITE));
    sp_keyring_close(sp_must_open("a/k", SP_KEYRING_WRITE));
    ck_assert_uint_eq(mode_of("../k"), 0755);
    ck_assert_uint_eq(mode_of("../a"), 0700);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(absent)
{
    sp_expect_refusal(place, SP_KEYRING_READ, "there is no keyring in ");
    ck_assert_int_eq(mkdir(place, 0755), 0);
    sp_expect_refusal(place, SP_KEYRING_READ, "'smime-policy upload' makes one");
    sp_expect_refusal("", SP_KEYRING_READ, "there is no keyring in ");
    sp_expect_refusal("", SP_KEYRING_WRITE, "No such file or directory");
    sp_expect_refusal("/dev/null", SP_KEYRING_WRITE, "/dev/null: Not a directory");
    sp_expect_refusal("/dev/null", SP_KEYRING_READ, "/dev/null");
    sp_expect_refusal("/dev/null/keyring", SP_KEYRING_WRITE, "Not a directory");
    ck_assert(!sp_keyring_exists("/dev/null"));
    ck_assert(!sp_keyring_exists(""));
}
END_TEST

/* An existing directory keeps its mode. */
START_TEST(made_in_a_private_directory)
{
    ck_assert_int_eq(mkdir(place, 0700), 0);
    make();
    ck_assert_uint_eq(mode_of(""), 0700);
}
END_TEST

/* Standard input is closed, so that a file of the keyring gets its number. */
START_TEST(made_without_input)
{
    enum sp_made what;
    char *why = NULL;

    umask(077);
    close(STDIN_FILENO);
    ck_assert_msg(sp_files_make(place, &what, &why), "%s", why);
    ck_assert_int_eq(what, SP_MADE_DIRECTORY);
    ck_assert_uint_eq(mode_of(SP_CERTIFICATES), 0644);
    ck_assert_uint_eq(mode_of(SP_KEYS), 0600);
    ck_assert(sp_files_sync(place));
    /* None of them is open any more. */
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    sp_files_remove(place, what);
    ck_assert(!sp_keyring_exists(place));
    /* In a directory of somebody's own, which stays, and where a file is already. */
    ck_assert_int_eq(mkdir(place, 0755), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert(sp_files_make(place, &what, &why));
        ck_assert_int_eq(what, i == 0 ? SP_MADE_FILES : SP_MADE_NOTHING);
        ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    }
    umask(022);
}
END_TEST

static const struct {
    const char *name; /* "": the directory, "..": the one above */
    mode_t mode;
    const char *fragment; /* NULL: no fault */
} modes[] = {
    { "", 0700, NULL },
    { "", 0755, NULL },
    { "", 0775, "can be written by others than its owner; make it the owner's alone: chmod go-w" },
    { "", 0757, "can be written by others" },
    { "", 01777, "can be written by others" },
    { "..", 0755, NULL },
    { "..", 01777, NULL },
    { "..", 0770,
      "can be written by others than its owner; make it the owner's alone: chmod go-w" },
    { "..", 0777, ", on the way to " },
    { SP_CERTIFICATES, 0600, NULL },
    { SP_CERTIFICATES, 0444, NULL },
    { SP_CERTIFICATES, 0664, "certificates.db can be written by others" },
    { SP_CERTIFICATES, 0646, "certificates.db can be written by others" },
    { SP_KEYS, 0400, NULL },
    { SP_KEYS, 0620, "keys.db can be written by others" },
    { SP_KEYS, 0602, "keys.db can be written by others" },
    { SP_KEYS, 0640, "keys.db holds private keys and can be read by others" },
    { SP_KEYS, 0604, "chmod 600 " },
    { SP_KEYS, 0610, "holds private keys" },
    { SP_KEYS, 0601, "holds private keys" },
};

static void expect_both(const char *fragment)
{
    if (fragment != NULL) {
        sp_expect_refusal(place, SP_KEYRING_READ, fragment);
        sp_expect_refusal(place, SP_KEYRING_WRITE, fragment);
    } else {
        sp_keyring_close(sp_must_open(place, SP_KEYRING_READ));
        /* What was not found before does not matter. */
        errno = ENOENT;
        sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
    }
}

START_TEST(permissions)
{
    char *path = sp_store_file(place, modes[_i].name);

    make();
    ck_assert_int_eq(chmod(path, modes[_i].mode), 0);
    expect_both(modes[_i].fragment);
    ck_assert_int_eq(chmod(path, 0700), 0);
    OPENSSL_free(path);
}
END_TEST

static const char *const files[] = { SP_CERTIFICATES, SP_KEYS };

START_TEST(symbolic_link)
{
    char *path = sp_store_file(place, files[_i]);
    char *elsewhere = sp_store_file(place, "elsewhere");

    make();
    ck_assert_int_eq(rename(path, elsewhere), 0);
    ck_assert_int_eq(symlink("elsewhere", path), 0);
    expect_both("is not a regular file; put the file itself there");
    ck_assert_int_eq(unlink(elsewhere), 0);
    expect_both("is not a regular file");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    expect_both("is not a regular file");
    OPENSSL_free(path);
    OPENSSL_free(elsewhere);
}
END_TEST

/* A keyring may have any owner, but all its files must have the same. */
START_TEST(owner)
{
    char *path = sp_store_file(place, files[_i]);

    if (geteuid() == 0) {
        make();
        ck_assert_int_eq(chown(path, 12345, 0), 0);
        expect_both("belongs to somebody else than its directory; correct its owner");
        ck_assert_int_eq(chown(place, 12345, 0), 0);
        expect_both(NULL);
        ck_assert_int_eq(chown(path, 0, 0), 0);
        expect_both(NULL);
        ck_assert_int_eq(chown(path, 12346, 0), 0);
        expect_both("belongs to somebody else");
    }
    OPENSSL_free(path);
}
END_TEST

/* The keyring |place|/a/b/c, where |place| or |place|/a has another mode or owner. */
static const struct {
    const char *name;
    mode_t mode;
    uid_t uid;
    const char *fragment;
} above[] = {
    { "", 0755, 0, NULL },
    { "", 01777, 0, NULL },
    { "", 0777, 0, "/keyring, on the way to " },
    { "", 0775, 0, "chmod go-w " },
    { "a", 0757, 0, "/keyring/a, on the way to " },
    { "a", 0755, 12345, "belongs to somebody else (uid 12345)" },
    { "a", 01777, 12345, "belongs to somebody else (uid 12345)" },
    { "a/b", 0755, 12345, "/keyring/a/b, on the way to " },
};

START_TEST(directories_above)
{
    char *deep = sp_store_file(place, "a/b/c");
    char *path = sp_store_file(place, above[_i].name);

    sp_keyring_close(sp_must_open(deep, SP_KEYRING_WRITE));
    ck_assert_int_eq(chmod(path, above[_i].mode), 0);
    if (above[_i].uid != 0 && geteuid() == 0)
        ck_assert_int_eq(chown(path, above[_i].uid, 0), 0);
    if (above[_i].fragment != NULL && (above[_i].uid == 0 || geteuid() == 0))
        sp_expect_refusal(deep, SP_KEYRING_READ, above[_i].fragment);
    else
        sp_keyring_close(sp_must_open(deep, SP_KEYRING_READ));
    ck_assert_int_eq(chmod(path, 0700), 0);
    OPENSSL_free(path);
    OPENSSL_free(deep);
}
END_TEST

/* Nothing is made below a directory that others may write. */
START_TEST(made_below_others)
{
    char *deep = sp_store_file(place, "a/b/c");
    char *first = sp_store_file(place, "a");

    ck_assert_int_eq(mkdir(place, 0700), 0);
    ck_assert_int_eq(chmod(place, 0777), 0);
    sp_expect_refusal(deep, SP_KEYRING_WRITE, "chmod go-w ");
    ck_assert_int_ne(access(first, F_OK), 0);
    ck_assert_int_eq(chmod(place, 0700), 0);
    OPENSSL_free(first);
    OPENSSL_free(deep);
}
END_TEST

/*
 * The keyring |place|/a/keyring, opened by |place|/link.  One of them is below a
 * directory of |mode|.
 */
static const struct {
    const char *name;
    mode_t mode;
    uid_t uid; /* of the link */
    const char *fragment;
} links[] = {
    { "", 0755, 0, NULL },
    { "", 01777, 0, NULL },
    { "", 0777, 0, "on the way to " },
    { "", 01777, 12345, "a symbolic link on the way to " },
    { "a", 0777, 0, "/keyring/a, on the way to " },
    { "a", 01777, 0, NULL },
};

START_TEST(linked)
{
    char *real = sp_store_file(place, "a/keyring");
    char *link = sp_store_file(place, "link");
    char *path = sp_store_file(place, links[_i].name);

    if (links[_i].uid == 0 || geteuid() == 0) {
        sp_keyring_close(sp_must_open(real, SP_KEYRING_WRITE));
        ck_assert_int_eq(symlink("./a/../a/keyring", link), 0);
        ck_assert_int_eq(lchown(link, links[_i].uid == 0 ? geteuid() : links[_i].uid, 0), 0);
        ck_assert_int_eq(chmod(path, links[_i].mode), 0);
        if (links[_i].fragment != NULL)
            sp_expect_refusal(link, SP_KEYRING_READ, links[_i].fragment);
        else
            sp_keyring_close(sp_must_open(link, SP_KEYRING_READ));
        ck_assert_int_eq(chmod(path, 0700), 0);
    }
    OPENSSL_free(path);
    OPENSSL_free(link);
    OPENSSL_free(real);
}
END_TEST

/* A missing keys.db is made again; a reader works without it. */
START_TEST(without_keys)
{
    char *path = sp_store_file(place, SP_KEYS);

    make();
    ck_assert_int_eq(unlink(path), 0);
    sp_keyring_close(sp_must_open(place, SP_KEYRING_READ));
    ck_assert_int_ne(access(path, F_OK), 0);
    make();
    ck_assert_uint_eq(mode_of(SP_KEYS), 0600);
    OPENSSL_free(path);
}
END_TEST

START_TEST(one_question)
{
    X509 *cert = sp_make_contact(7, "Bob", "email:bob@example.org", NULL), *empty = X509_new();
    struct sp_keyring *keyring;
    char *why;

    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, SP_ROLE_NONE);
    ck_assert_ptr_nonnull(strstr(why, "there is no keyring in "));
    OPENSSL_free(why);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, SP_ROLE_NONE);
    ck_assert_ptr_null(why);
    sp_store(keyring, cert, SP_ROLE_CA);
    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, SP_ROLE_CA);
    ck_assert_ptr_null(why);
    /* What has no encoding has no fingerprint to ask for. */
    ck_assert_int_eq(sp_keyring_standing_in(place, empty, &why).role, SP_ROLE_NONE);
    ck_assert_str_eq(why, "keyring: out of memory");
    OPENSSL_free(why);
    X509_free(empty);
    sp_keyring_close(keyring);
    X509_free(cert);
}
END_TEST

/* How SQLite is told to go about it.  A reader has the cache that SQLite has by itself. */
static const struct {
    const char *question;
    int64_t by_reader, by_writer;
} manners[] = {
    { "PRAGMA main.synchronous", 3, 3 },     { "PRAGMA trusted_schema", 0, 0 },
    { "PRAGMA cell_size_check", 1, 1 },      { "PRAGMA query_only", 1, 0 },
    { "PRAGMA cache_size", -2000, -32768 },  { "PRAGMA keys.synchronous", 3, 3 },
    { "PRAGMA busy_timeout", 60000, 60000 },
};

START_TEST(manner)
{
    static const enum sp_access accesses[] = { SP_KEYRING_READ, SP_KEYRING_WRITE };

    make();
    for (int i = 0; i < SP_ROWS(accesses); i++) {
        struct sp_keyring *keyring = sp_must_open(place, accesses[i]);
        const int64_t expected = i == 0 ? manners[_i].by_reader : manners[_i].by_writer;
        int64_t is = -1;

        ck_assert(sp_keys_attach(sp_database(keyring)));
        ck_assert(sp_store_number(sp_database(keyring), manners[_i].question, &is));
        ck_assert_int_eq(is, expected);
        sp_keyring_close(keyring);
    }
}
END_TEST

/* A reader cannot write, and the reason says so. */
START_TEST(reader_writes)
{
    X509 *cert = sp_make_contact(7, "Bob", "email:bob@example.org", NULL);
    unsigned char fingerprint[1][SP_SHA256_LENGTH];
    struct sp_keyring *keyring;

    make();
    keyring = sp_must_open(place, SP_KEYRING_READ);
    sp_fingerprint(cert, fingerprint[0]);
    ck_assert_ptr_null(sp_upload_begin(keyring));
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), place));
    sp_expect_all(keyring, "");
    sp_keyring_close(keyring);
    X509_free(cert);
}
END_TEST

/* Why an upload into |keyring| fails. */
static const char *why_not_stored(struct sp_keyring *keyring)
{
    X509 *cert = sp_make_contact(7, "Bob", "email:bob@example.org", NULL);
    struct sp_upload *upload = sp_upload_begin(keyring);

    ck_assert(upload == NULL || sp_add(upload, cert, SP_ROLE_CONTACT, false, NULL) != SP_ADD_NEW ||
              !sp_upload_commit(upload));
    sp_upload_free(upload);
    X509_free(cert);
    return sp_keyring_why(keyring);
}

static void expect_words(const char *what, const char *words)
{
    ck_assert_msg(strstr(what, words) != NULL, "%s, not: %s", what, words);
}

/* What SQLite says, what the system said of the file, and the way out that is named for it. */
static int said, said_by_system;

static int say_code(sqlite3 *db)
{
    (void)db;
    return said;
}

static int say_reason(sqlite3 *db)
{
    (void)db;
    return said_by_system;
}

#define AS_IT_WAS   "; the keyring is as it was"
#define PERMISSIONS "correct the permissions of the file and its directory"
#define UNDO        "its owner has to undo it: 'smime-policy keyring check'"

static const struct {
    int code, reason;
    const char *why; /* NULL: out of memory */
} reasons[] = {
    { SQLITE_NOMEM, 0, NULL },
    { SQLITE_IOERR_NOMEM, 0, "disk I/O error" AS_IT_WAS },
    { SQLITE_IOERR, 0, "disk I/O error" AS_IT_WAS },
    { SQLITE_IOERR_WRITE, EIO, "disk I/O error: Input/output error" AS_IT_WAS },
    { SQLITE_IOERR_WRITE, EPERM, "disk I/O error: Operation not permitted" AS_IT_WAS },
    { SQLITE_IOERR_WRITE, ENOSPC,
      "database or disk is full; make room on the disk; the keyring is as it was" },
    { SQLITE_FULL, 0, "database or disk is full; make room on the disk; the keyring is as it was" },
    { SQLITE_ERROR, ENOSPC, "SQL logic error" AS_IT_WAS },
    { SQLITE_BUSY, 0,
      "database is locked; another program is writing to it; try again when it is done" },
    { SQLITE_BUSY_SNAPSHOT, 0,
      "database is locked; another program is writing to it; try again when it is done" },
    { SQLITE_LOCKED, 0,
      "database table is locked; another program is writing to it; try again when it is done" },
    { SQLITE_CORRUPT, 0,
      "database disk image is malformed; it is damaged: 'smime-policy keyring check' tells where, "
      "and how to go on" },
    { SQLITE_NOTADB, 0,
      "file is not a database; it is damaged: 'smime-policy keyring check' tells where, and how "
      "to go on" },
    { SQLITE_READONLY, EACCES,
      "attempt to write a readonly database; it cannot be written; " PERMISSIONS },
    { SQLITE_READONLY_DBMOVED, 0,
      "attempt to write a readonly database; another program has moved or removed it meanwhile; "
      "try again" },
    { SQLITE_READONLY_ROLLBACK, 0,
      "attempt to write a readonly database; a write was interrupted and " UNDO },
    { SQLITE_READONLY_RECOVERY, 0,
      "attempt to write a readonly database; a write was interrupted and " UNDO },
    { SQLITE_CANTOPEN, ENOENT,
      "unable to open database file; " PERMISSIONS "; if a write was interrupted, " UNDO },
};

START_TEST(reason_and_way_out)
{
    struct sp_keyring *keyring;
    struct sp_sqlite table;
    char expected[512];

    make();
    keyring = sp_must_open(place, SP_KEYRING_READ);
    table = *sp_database(keyring)->sq;
    table.extended_errcode = say_code;
    table.system_errno = say_reason;
    said = reasons[_i].code;
    said_by_system = reasons[_i].reason;
    sp_database(keyring)->sq = &table;
    ck_assert(!sp_store_failed(sp_database(keyring), "do it"));
    (void)snprintf(expected, sizeof(expected), "keyring %s: cannot do it: %s", place,
                   reasons[_i].why);
    ck_assert_str_eq(sp_keyring_why(keyring), reasons[_i].why == NULL ? "out of memory" : expected);
    sp_keyring_close(keyring);
}
END_TEST

/* No journal can be made: what the system said last is no part of SQLite's reason. */
START_TEST(journal_in_the_way)
{
    char *journal = sp_store_file(place, SP_CERTIFICATES "-journal");
    struct sp_keyring *keyring;

    make();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    ck_assert_int_eq(symlink("nowhere", journal), 0);
    expect_words(why_not_stored(keyring),
                 ": unable to open database file; correct the permissions of the file and its "
                 "directory; if a write was interrupted");
    ck_assert_int_eq(unlink(journal), 0);
    sp_keyring_close(keyring);
    OPENSSL_free(journal);
}
END_TEST

/* An error of the disk: what the system said of it is. */
START_TEST(file_that_may_not_grow)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = RLIM_INFINITY };
    const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    struct sp_keyring *keyring;
    const char *why;

    make();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    why = why_not_stored(keyring);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    expect_words(why, ": disk I/O error: File too large; the keyring is as it was");
    sp_expect_all(keyring, "");
    sp_keyring_close(keyring);
}
END_TEST

START_TEST(nothing)
{
    sp_keyring_close(NULL);
    sp_cursor_free(NULL);
    sp_upload_free(NULL);
}
END_TEST

/* Where the keyring is if nobody says it: the first variable with a usable value. */
static const struct {
    const char *named, *data, *home, *path;
} defaults[] = {
    { "/n", "/d", "/h", "/n" },
    { "n", "/d", "/h", "n" },
    { "", "/d", "/h", "/d/smime-policy" },
    { NULL, "/d", "/h", "/d/smime-policy" },
    { NULL, "d/", "/h", "/h/.local/share/smime-policy" },
    { NULL, "", "/h", "/h/.local/share/smime-policy" },
    { NULL, NULL, "/h", "/h/.local/share/smime-policy" },
    { NULL, NULL, "/", "//.local/share/smime-policy" },
    { NULL, NULL, "h", NULL },
    { NULL, NULL, NULL, NULL },
};

static void set_variable(const char *name, const char *value)
{
    ck_assert_int_eq(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

START_TEST(by_default)
{
    char *path;

    set_variable("SMIME_POLICY_KEYRING", defaults[_i].named);
    set_variable("XDG_DATA_HOME", defaults[_i].data);
    set_variable("HOME", defaults[_i].home);
    ck_assert(sp_keyring_place(NULL, &path));
    ck_assert_pstr_eq(path, defaults[_i].path);
    OPENSSL_free(path);
}
END_TEST

/* What somebody names goes before all of these. */
static const struct {
    const char *named, *path;
} named[] = { { "/other", "/other" }, { "other", "other" }, { "", "/n" }, { NULL, "/n" } };

START_TEST(by_name)
{
    char *path;

    set_variable("SMIME_POLICY_KEYRING", "/n");
    ck_assert(sp_keyring_place(named[_i].named, &path));
    ck_assert_str_eq(path, named[_i].path);
    OPENSSL_free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: open");
    TCase *tests = tcase_create("open");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, made, 0, 3);
    tcase_add_test(tests, made_with_parents);
    tcase_add_test(tests, made_in_the_working_directory);
    tcase_add_test(tests, made_in_a_private_directory);
    tcase_add_test(tests, made_without_input);
    tcase_add_test(tests, absent);
    tcase_add_loop_test(tests, permissions, 0, SP_ROWS(modes));
    tcase_add_loop_test(tests, symbolic_link, 0, SP_ROWS(files));
    tcase_add_loop_test(tests, owner, 0, SP_ROWS(files));
    tcase_add_loop_test(tests, directories_above, 0, SP_ROWS(above));
    tcase_add_test(tests, made_below_others);
    tcase_add_loop_test(tests, linked, 0, SP_ROWS(links));
    tcase_add_test(tests, without_keys);
    tcase_add_test(tests, one_question);
    tcase_add_loop_test(tests, manner, 0, SP_ROWS(manners));
    tcase_add_test(tests, reader_writes);
    tcase_add_loop_test(tests, reason_and_way_out, 0, SP_ROWS(reasons));
    tcase_add_test(tests, journal_in_the_way);
    tcase_add_test(tests, file_that_may_not_grow);
    tcase_add_test(tests, nothing);
    tcase_add_loop_test(tests, by_default, 0, SP_ROWS(defaults));
    tcase_add_loop_test(tests, by_name, 0, SP_ROWS(named));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
