/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keyring that a process keeps open between its questions: one open serves many,
 * and the answer is always that of a keyring opened now.
 */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/forks.h"
#include "keyrings.h"

#define NOBODY  65534
#define GROUP   4242
#define FOREIGN 40

static char *place;
static char *file; /* certificates.db */
static X509 *cert;
static int watch; /* tells of each open of |file| */

/* Begin to count the opens of what is |file| now. */
static void watch_opens(void)
{
    watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    /* Two equal events in a row would be told as one, so it tells when it is closed too. */
    ck_assert_int_ge(inotify_add_watch(watch, file, IN_OPEN | IN_CLOSE), 0);
}

/* The opens since the last call. */
static int opens(void)
{
    struct inotify_event event;
    char events[512 * sizeof(event)];
    ssize_t length = read(watch, events, sizeof(events));
    int count = 0;

    for (ssize_t at = 0; at < length; at += (ssize_t)sizeof(event)) {
        memcpy(&event, events + at, sizeof(event));
        count += (event.mask & IN_OPEN) != 0;
    }
    return count;
}

static void make(const char *where, enum sp_role role)
{
    struct sp_keyring *keyring = sp_must_open(where, SP_KEYRING_WRITE);

    sp_store(keyring, cert, role);
    sp_keyring_close(keyring);
}

static void set_up(void)
{
    place = sp_make_place();
    file = sp_store_file(place, SP_CERTIFICATES);
    cert = sp_make_contact(7, "Bob", "email:bob@example.org", NULL);
    make(place, SP_ROLE_CA);
    watch_opens();
}

static void tear_down(void)
{
    sp_keyring_keep_none();
    close(watch);
    X509_free(cert);
    OPENSSL_free(file);
    sp_remove_place(place);
}

static void expect_role(enum sp_role expected)
{
    char *why;

    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, expected);
    ck_assert_msg(why == NULL, "%s", why);
}

static void expect_fault(const char *fragment)
{
    char *why;

    ck_assert_int_eq(sp_keyring_standing_in(place, cert, &why).role, SP_ROLE_NONE);
    ck_assert_msg(why != NULL && strstr(why, fragment) != NULL, "%s", why);
    OPENSSL_free(why);
}

/* Expect that the child |pid| has ended well. */
static void expect_good_end(pid_t pid)
{
    int status;

    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* For a child, which does not return to libcheck. */
static bool is_answered(void)
{
    char *why;

    return sp_keyring_standing_in(place, cert, &why).role == SP_ROLE_CA && why == NULL;
}

/* Which keyring the settings lead to, and what a missing one means. */
static const struct {
    bool is_set, exists;
    const char *trust;
    enum sp_role role;
    const char *why;
} by_settings[] = {
    { true, true, "caller", SP_ROLE_CA, NULL },
    { true, true, "keyring", SP_ROLE_CA, NULL },
    { true, false, "caller", SP_ROLE_NONE, NULL },
    { true, false, "keyring", SP_ROLE_NONE, "no keyring" },
    { false, true, "caller", SP_ROLE_NONE, NULL },
};

START_TEST(settings_of_the_program)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *path = sp_format("%s%s", place, by_settings[_i].exists ? "" : "/none");
    struct sp_standing standing;
    char *why;

    if (by_settings[_i].is_set)
        ck_assert_int_eq(smimepolicy_settings_set(settings, "keyring", path, NULL), 1);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "trust", by_settings[_i].trust, NULL), 1);
    standing = sp_keyring_standing_by(settings, cert, &why);
    ck_assert_int_eq(standing.role, by_settings[_i].role);
    ck_assert_int_eq(why != NULL, by_settings[_i].why != NULL);
    ck_assert_msg(why == NULL || strstr(why, by_settings[_i].why) != NULL, "%s", why);
    OPENSSL_free(why);
    OPENSSL_free(path);
    smimepolicy_settings_free(settings);
}
END_TEST

START_TEST(many_questions)
{
    int fd = -1;

    for (int i = 0; i < 50; i++)
        expect_role(SP_ROLE_CA);
    ck_assert_int_eq(opens(), 1);
    ck_assert_int_eq(sp_descriptors(place, &fd), 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    sp_keyring_keep_none();
    ck_assert_int_eq(sp_descriptors(place, &fd), 0);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(opens(), 1);
}
END_TEST

/* Nothing waits for the one that is kept, and what another writes is known at once. */
START_TEST(written)
{
    struct sp_keyring *writer = sp_must_open(place, SP_KEYRING_WRITE);
    unsigned char fingerprint[1][SP_SHA256_LENGTH];

    sp_fingerprint(cert, fingerprint[0]);
    sp_database(writer)->sq->busy_timeout(sp_database(writer)->db, 0);
    for (int i = 0; i < 20; i++) {
        expect_role(SP_ROLE_CA);
        ck_assert(
            sp_keyring_remove(writer, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprint, 1));
        expect_role(SP_ROLE_NONE);
        sp_store(writer, cert, SP_ROLE_CA);
    }
    sp_keyring_close(writer);
}
END_TEST

START_TEST(replaced)
{
    char *other = sp_make_place();
    char *aside = sp_store_file(other, "../aside");

    make(other, SP_ROLE_CONTACT);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(rename(place, aside), 0);
    expect_fault("there is no keyring in ");
    ck_assert_int_eq(rename(other, place), 0);
    expect_role(SP_ROLE_CONTACT);
    ck_assert_int_eq(rename(place, other), 0);
    ck_assert_int_eq(rename(aside, place), 0);
    expect_role(SP_ROLE_CA);
    sp_remove_place(other);
    OPENSSL_free(aside);
}
END_TEST

/* Two keyrings in turn: each answers for itself.  So does another name of one. */
START_TEST(another_path)
{
    char *other = sp_make_place();
    char *link = sp_store_file(other, "../link");
    char *why;

    make(other, SP_ROLE_CONTACT);
    for (int i = 0; i < 3; i++) {
        expect_role(SP_ROLE_CA);
        ck_assert_int_eq(sp_keyring_standing_in(other, cert, &why).role, SP_ROLE_CONTACT);
    }
    ck_assert_int_eq(symlink(place, link), 0);
    (void)opens();
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(sp_keyring_standing_in(link, cert, &why).role, SP_ROLE_CA);
    ck_assert_int_eq(opens(), 2);
    ck_assert_int_eq(unlink(link), 0);
    sp_remove_place(other);
    OPENSSL_free(link);
}
END_TEST

START_TEST(made_unsafe)
{
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(chmod(place, 0777), 0);
    expect_fault("can be written by others than its owner");
    ck_assert_int_eq(chmod(place, 0755), 0);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(chmod(file, 0666), 0);
    expect_fault("can be written by others than its owner");
}
END_TEST

/* A view that somebody adds later is found, as by opening it. */
START_TEST(changed_form)
{
    const struct timespec tick = { .tv_nsec = 50000000 };

    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(nanosleep(&tick, NULL), 0);
    sp_run_sql(place, SP_CERTIFICATES, "CREATE VIEW v AS SELECT 1");
    expect_fault("views or triggers");
}
END_TEST

/* What was opened as one user does not serve another. */
START_TEST(another_user)
{
    char *parent = sp_store_file(place, "..");

    if (geteuid() == 0) {
        expect_role(SP_ROLE_CA);
        ck_assert_int_eq(seteuid(NOBODY), 0);
        expect_fault("Permission denied");
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(chmod(parent, 0711), 0);
        expect_role(SP_ROLE_CA);
        ck_assert_int_eq(opens(), 2);
        ck_assert_int_eq(seteuid(NOBODY), 0);
        expect_role(SP_ROLE_CA);
        ck_assert_int_eq(opens(), 1);
        ck_assert_int_eq(seteuid(0), 0);
    }
    OPENSSL_free(parent);
}
END_TEST

/* Nor after the user has left the group that may read it. */
START_TEST(another_group)
{
    char *parent = sp_store_file(place, "..");

    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(parent, 0711), 0);
        ck_assert_int_eq(chown(file, 0, GROUP), 0);
        ck_assert_int_eq(chmod(file, 0640), 0);
        ck_assert_int_eq(setgroups(1, &(gid_t){ GROUP }), 0);
        ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
        ck_assert_int_eq(seteuid(NOBODY), 0);
        expect_role(SP_ROLE_CA);
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(setgroups(0, NULL), 0);
        ck_assert_int_eq(seteuid(NOBODY), 0);
        expect_fault("unable to open database file");
        ck_assert_int_eq(seteuid(0), 0);
    }
    OPENSSL_free(parent);
}
END_TEST

static int in_another_root(void)
{
    char *why;
    bool is_missing;

    if (!is_answered() || chroot(place) != 0)
        return 1;
    (void)sp_keyring_standing_in(place, cert, &why).role;
    is_missing = why != NULL && strstr(why, "there is no keyring in ") != NULL;
    OPENSSL_free(why);
    return is_missing ? 0 : 2;
}

START_TEST(another_root)
{
    pid_t pid;

    if (geteuid() != 0)
        return;
    pid = fork();
    if (pid == 0)
        _exit(in_another_root());
    expect_good_end(pid);
}
END_TEST

/* As daemons do: close everything, and open files of one's own under the same numbers. */
static int with_foreign_descriptors(void)
{
    struct stat before[FOREIGN], after;
    char *name = sp_store_file(place, "foreign");

    if (!is_answered() || syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
        return 1;
    /* An unsound database: who reads it gives no answer. */
    for (int fd = 3; fd < FOREIGN; fd++)
        if (open(name, O_RDWR | O_CREAT, 0600) != fd || write(fd, name, 1) != 1 ||
            fstat(fd, &before[fd]) != 0)
            return 2;
    for (int i = 0; i < 3; i++)
        if (!is_answered())
            return 3;
    sp_keyring_keep_none();
    for (int fd = 3; fd < FOREIGN; fd++)
        if (fstat(fd, &after) != 0 || after.st_ino != before[fd].st_ino ||
            after.st_size != before[fd].st_size)
            return 4;
    if (unlink(name) != 0)
        return 5;
    OPENSSL_free(name);
    return 0;
}

START_TEST(descriptors_closed)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(with_foreign_descriptors());
    expect_good_end(pid);
}
END_TEST

/*
 * SQLite uses no descriptor below 3, and puts /dev/null there if one is free.  Then its
 * own number is not the next one: it is not known, and nothing stays open.
 */
START_TEST(descriptor_not_known)
{
    int fd;

    close(STDIN_FILENO);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(sp_descriptors(place, &fd), 0);
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFL) & O_PATH, 0);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(sp_descriptors(place, &fd), 1);
}
END_TEST

static atomic_int started;

/*
 * Wait for threads before a fork: one that starts may hold the lock of AddressSanitizer's
 * allocator, and the child would wait for it for ever.
 */
static void await_start(int count)
{
    while (atomic_load(&started) < count)
        (void)sched_yield();
    atomic_store(&started, 0);
}

static void *wait_for_end(void *pipe)
{
    char byte;

    atomic_fetch_add(&started, 1);
    ck_assert_int_eq(read(*(int *)pipe, &byte, 1), 0);
    return NULL;
}

START_TEST(forked)
{
    pthread_t other; /* a process with threads is what the lock is for */
    int pipes[2], fd;
    pid_t pid;

    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, wait_for_end, pipes), 0);
    await_start(1);
    expect_role(SP_ROLE_CA);
    pid = fork();
    if (pid == 0)
        _exit(sp_descriptors(place, &fd) != 0 || !is_answered() || sp_descriptors(place, &fd) != 1);
    expect_good_end(pid);
    expect_role(SP_ROLE_CA);
    close(pipes[1]);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    close(pipes[0]);
}
END_TEST

/* A fork that no handler was told of: the child leaves the parent's database alone. */
START_TEST(forked_unheard)
{
    int fd;
    pid_t pid;

    expect_role(SP_ROLE_CA);
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(!is_answered() || sp_descriptors(place, &fd) != 2);
    expect_good_end(pid);
    (void)opens();
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(opens(), 0);
}
END_TEST

/* What has no DER is in no keyring, and the answer says that it was not found out. */
START_TEST(cannot_be_asked)
{
    X509 *empty = X509_new();
    char *why;

    ck_assert_int_eq(sp_keyring_standing_in(place, empty, &why).role, SP_ROLE_NONE);
    ck_assert_pstr_eq(why, "keyring: out of memory");
    OPENSSL_free(why);
    X509_free(empty);
}
END_TEST

/* The key is not decoded. */
START_TEST(read_without_key)
{
    unsigned char *der = NULL;
    long length = i2d_X509(cert, &der);
    const unsigned char *at = der;
    X509 *read = sp_cert_without_key(&at, length);

    ck_assert_int_gt(length, 0);
    ck_assert_ptr_nonnull(read);
    ck_assert_ptr_null(X509_get0_pubkey(read));
    ck_assert_int_eq(X509_cmp(read, cert), 0);
    at = der;
    ck_assert_ptr_null(sp_cert_without_key(&at, length - 1));
    X509_free(read);
    OPENSSL_free(der);
}
END_TEST

/* Trust settings behind a certificate are read as well, and what is behind these is none. */
START_TEST(record_without_key)
{
    struct sp_record record = { 0 };
    X509 *trusted = X509_dup(cert);
    X509 *read;
    int length;

    ck_assert_int_eq(X509_add1_trust_object(trusted, OBJ_nid2obj(NID_email_protect)), 1);
    for (int turn = 0; turn < 2; turn++) {
        length = i2d_X509_AUX(turn == 0 ? cert : trusted, &record.der);
        ck_assert_int_gt(length, 0);
        record.der_length = (size_t)length;
        read = sp_record_cert_without_key(&record);
        ck_assert_ptr_nonnull(read);
        ck_assert_int_eq(X509_cmp(read, cert), 0);
        ck_assert_int_eq(X509_get0_trust_objects(read) != NULL, turn);
        ck_assert_int_eq(X509_get0_pubkey(read) != NULL, turn);
        X509_free(read);
        record.der_length--;
        ck_assert_ptr_null(sp_record_cert_without_key(&record));
        sp_record_clear(&record);
    }
    X509_free(trusted);
}
END_TEST

/* After a fault it is opened anew. */
START_TEST(failed_before)
{
    struct sp_quiet quiet;
    char *why;
    struct sp_keyring *keyring = sp_keyring_borrow(place, &quiet, &why);

    ck_assert_ptr_nonnull(keyring);
    (void)sp_store_set_why(sp_database(keyring), OPENSSL_strdup("a fault of before"));
    sp_keyring_give_back(keyring, &quiet);
    ck_assert_int_eq(opens(), 1);
    expect_role(SP_ROLE_CA);
    ck_assert_int_eq(opens(), 1);
}
END_TEST

/* The private keys do not stay open. */
START_TEST(asked_for_a_key)
{
    struct sp_private_key key;
    struct sp_quiet quiet;
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);
    unsigned char name[SP_SHA256_LENGTH];
    char *why;
    int fd;

    sp_store_key(keyring, cert, "key", true, NULL);
    sp_keyring_close(keyring);
    sp_key_name(cert, name);
    keyring = sp_keyring_borrow(place, &quiet, &why);
    ck_assert_ptr_nonnull(keyring);
    ck_assert_int_eq(sp_keyring_key(keyring, name, &key), 1);
    sp_private_key_clear(&key);
    sp_keyring_give_back(keyring, &quiet);
    ck_assert_int_eq(sp_descriptors(place, &fd), 0);
}
END_TEST

/* It is known again by its file, its user and its process, all of them. */
START_TEST(known_again)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
    struct sp_stamp *stamp = &sp_database(keyring)->stamp;
    const struct sp_stamp is = *stamp;

    ck_assert(sp_sqlite_is_current(keyring, place));
    stamp->file.stx_ctime.tv_sec++;
    ck_assert(!sp_sqlite_is_current(keyring, place));
    *stamp = is;
    stamp->file.stx_ctime.tv_nsec++;
    ck_assert(!sp_sqlite_is_current(keyring, place));
    *stamp = is;
    stamp->user++;
    ck_assert(!sp_sqlite_is_current(keyring, place));
    *stamp = is;
    stamp->process++;
    ck_assert(!sp_sqlite_is_current(keyring, place));
    ck_assert(!sp_sqlite_may_stay(keyring));
    *stamp = is;
    /* The file, by which its descriptor is known. */
    stamp->file.stx_ino++;
    ck_assert(!sp_sqlite_may_stay(keyring));
    *stamp = is;
    stamp->file.stx_dev_major++;
    ck_assert(!sp_sqlite_may_stay(keyring));
    *stamp = is;
    stamp->file.stx_dev_minor++;
    ck_assert(!sp_sqlite_may_stay(keyring));
    *stamp = is;
    ck_assert(sp_sqlite_is_current(keyring, place) && sp_sqlite_may_stay(keyring));
    sp_keyring_close(keyring);
}
END_TEST

/* What somebody has closed is not open any more. */
START_TEST(descriptor_gone)
{
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_READ);
    int fd = -1;

    ck_assert(sp_sqlite_is_current(keyring, place) && sp_sqlite_may_stay(keyring));
    ck_assert_int_eq(sp_descriptors(place, &fd), 1);
    close(fd);
    ck_assert(!sp_sqlite_may_stay(keyring));
    ck_assert(!sp_sqlite_is_current(keyring, place));
    sp_keyring_close(keyring);
}
END_TEST

/* What stays in memory is little. */
START_TEST(little_memory)
{
    struct sp_quiet quiet;
    char *why;
    struct sp_keyring *keyring;
    int64_t pages = 0;

    expect_role(SP_ROLE_CA);
    keyring = sp_keyring_borrow(place, &quiet, &why);
    ck_assert_ptr_nonnull(keyring);
    ck_assert(sp_store_number(sp_database(keyring), "PRAGMA main.cache_size", &pages));
    sp_keyring_give_back(keyring, &quiet);
    ck_assert_int_eq(pages, -256);
    ck_assert_int_eq(opens(), 1);
    /* That is said once. */
    keyring = sp_keyring_borrow(place, &quiet, &why);
    ck_assert(sp_store_run(sp_database(keyring), "PRAGMA main.cache_size = -100"));
    sp_keyring_give_back(keyring, &quiet);
    keyring = sp_keyring_borrow(place, &quiet, &why);
    ck_assert(sp_store_number(sp_database(keyring), "PRAGMA main.cache_size", &pages));
    sp_keyring_give_back(keyring, &quiet);
    ck_assert_int_eq(pages, -100);
}
END_TEST

/* A command ends soon: it keeps the memory that it has. */
START_TEST(in_a_command)
{
    struct sp_quiet quiet;
    char *why;
    struct sp_keyring *keyring;
    int64_t pages = -256;

    ck_assert(!sp_keyring_is_in_command());
    sp_keyring_in_command();
    ck_assert(sp_keyring_is_in_command());
    expect_role(SP_ROLE_CA);
    keyring = sp_keyring_borrow(place, &quiet, &why);
    ck_assert_ptr_nonnull(keyring);
    ck_assert(sp_store_number(sp_database(keyring), "PRAGMA main.cache_size", &pages));
    sp_keyring_give_back(keyring, &quiet);
    ck_assert_int_ne(pages, -256);
}
END_TEST

static atomic_int wrong;
static atomic_bool enough;

static void *ask_often(void *unused)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&enough))
        if (!is_answered())
            atomic_fetch_add(&wrong, 1);
    return unused;
}

START_TEST(asked_by_threads)
{
    pthread_t threads[8];
    int fd;

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    await_start(8);
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(!is_answered());
        expect_good_end(pid);
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_le(sp_descriptors(place, &fd), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: questions");
    TCase *tests = tcase_create("questions");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, settings_of_the_program, 0, SP_ROWS(by_settings));
    tcase_add_test(tests, many_questions);
    tcase_add_test(tests, written);
    tcase_add_test(tests, replaced);
    tcase_add_test(tests, another_path);
    tcase_add_test(tests, made_unsafe);
    tcase_add_test(tests, changed_form);
    tcase_add_test(tests, another_user);
    tcase_add_test(tests, another_group);
    tcase_add_test(tests, another_root);
    tcase_add_test(tests, descriptors_closed);
    tcase_add_test(tests, descriptor_not_known);
    tcase_add_test(tests, forked);
    tcase_add_test(tests, forked_unheard);
    tcase_add_test(tests, cannot_be_asked);
    tcase_add_test(tests, read_without_key);
    tcase_add_test(tests, record_without_key);
    tcase_add_test(tests, failed_before);
    tcase_add_test(tests, asked_for_a_key);
    tcase_add_test(tests, known_again);
    tcase_add_test(tests, descriptor_gone);
    tcase_add_test(tests, little_memory);
    tcase_add_test(tests, in_a_command);
    tcase_add_test(tests, asked_by_threads);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
