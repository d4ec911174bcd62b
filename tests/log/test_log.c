/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The decision log: a line of JSON for each decision, in a file that may be
 * rotated.  It never delays the mail.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "log/decision_log.h"
#include "mail.h"
#include "rules/rules.h"
#include "smimepolicy.h"
#include "starve.h"

static char directory[] = "/tmp/sp-log-XXXXXX", path[64], rotated[64];

static void remove_directory(void)
{
    (void)unlink(path);
    (void)unlink(rotated);
    (void)rmdir(directory);
}

static void make_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)snprintf(rotated, sizeof(rotated), "%s/log.1", directory);
    ck_assert_int_eq(atexit(remove_directory), 0);
}

/* Start with a log in a directory of its own, and with |more| settings. */
static void start_logging(const char *more)
{
    char settings[256];

    make_directory();
    (void)snprintf(settings, sizeof(settings), "decision_log = %s\n%s", path, more);
    sp_start(settings);
}

/* The lines of |file| as a JSON array; empty if the file is missing. */
static json_t *read_log(const char *file)
{
    FILE *in = fopen(file, "r");
    json_t *all = json_array();
    char line[8192];

    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        json_t *object = json_loads(line, 0, NULL);

        ck_assert_msg(object != NULL && line[strlen(line) - 1] == '\n', "%s", line);
        ck_assert_int_eq(json_array_append_new(all, object), 0);
    }
    if (in != NULL)
        (void)fclose(in);
    return all;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "%s", key);
    return text;
}

static bool encrypt_to(const char *name)
{
    return sp_encrypt_to(name);
}

static bool verify(const char *name)
{
    return sp_cms_verify(name, 0);
}

static bool sign_stranger(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    bool done = sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));

    EVP_PKEY_free(key);
    return done;
}

static const struct row {
    bool (*use)(const char *name);
    const char *name, *settings, *operation, *verdict, *rule;
} rows[] = {
    { sp_sign_as, "good-rsa", "", "sign", "allowed", NULL },
    { sp_sign_as, "good-ec", "", "sign", "allowed", NULL },
    { sp_sign_as, "expired-rsa", "", "sign", "refused", "expired" },
    { sp_sign_as, "expired-ec", "mode = observe", "sign", "observed", "expired" },
    { encrypt_to, "good-ec", "", "encrypt", "allowed", NULL },
    { encrypt_to, "no-address-rsa", "", "encrypt", "refused", "san-email" },
    { encrypt_to, "no-address-ec", "mode = observe", "encrypt", "observed", "san-email" },
    { verify, "good-rsa", "", "verify", "allowed", NULL },
    { verify, "no-address-rsa", "", "verify", "refused", "signer-certificate" },
    { verify, "no-address-ec", "mode = observe", "verify", "observed", "signer-certificate" },
    { sign_stranger, "stranger-ec", "", "sign", "refused", "certificate-required" },
};

static void expect_line(const json_t *line, const struct row *row)
{
    const json_t *certificate = json_object_get(line, "certificate");
    const json_t *findings = json_object_get(line, "findings");
    const json_t *first = json_array_get(findings, 0);

    ck_assert_uint_eq(strlen(text_of(line, "time")), strlen("2026-01-01T00:00:00Z"));
    ck_assert_int_eq(json_integer_value(json_object_get(line, "pid")), getpid());
    ck_assert_str_eq(text_of(line, "program"), program_invocation_short_name);
    ck_assert_str_eq(text_of(line, "policy"), SMIMEPOLICY_VERSION);
    ck_assert_str_eq(text_of(line, "operation"), row->operation);
    ck_assert_str_eq(text_of(line, "verdict"), row->verdict);
    ck_assert(json_is_array(findings));
    if (strcmp(row->verdict, "allowed") == 0)
        ck_assert_ptr_null(json_object_get(line, "note"));
    if (row->rule != NULL)
        ck_assert_str_eq(text_of(first, "rule"), row->rule);
    if (row->use == sign_stranger)
        ck_assert(json_is_null(certificate));
    else
        ck_assert_uint_eq(json_string_length(certificate), 64);
}

START_TEST(one_line_a_decision)
{
    const struct row *row = &rows[_i];
    json_t *log;

    start_logging(row->settings);
    ck_assert_int_eq(row->use(row->name), strcmp(row->verdict, "refused") != 0);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    expect_line(json_array_get(log, 0), row);
    json_decref(log);
}
END_TEST

START_TEST(one_line_a_recipient)
{
    X509 *first, *second;
    json_t *log;

    start_logging("");
    first = sp_read_cert("good-rsa");
    second = sp_read_cert("good-ec");
    EXPECT_DONE(sp_cms_encrypt(first, second, 0));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    ck_assert(strcmp(text_of(json_array_get(log, 0), "certificate"),
                     text_of(json_array_get(log, 1), "certificate")) != 0);
    json_decref(log);
    X509_free(first);
    X509_free(second);
}
END_TEST

/* Parsed before the provider came: there is no fingerprint to name it by. */
START_TEST(certificate_without_a_fingerprint)
{
    char settings[256], *text, *file;
    X509 *before, *after;
    json_t *log;

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    before = sp_read_cert("good-rsa");
    make_directory();
    (void)snprintf(settings, sizeof(settings), "decision_log = %s", path);
    text = sp_configuration(settings);
    file = sp_temporary(text);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(NULL, file), 1);
    EXPECT_DONE(X509_check_purpose(before, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    after = sp_read_cert("good-rsa");
    EXPECT_DONE(X509_check_purpose(after, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    ck_assert(json_is_null(json_object_get(json_array_get(log, 0), "certificate")));
    ck_assert_uint_eq(strlen(text_of(json_array_get(log, 1), "certificate")), 64);
    json_decref(log);
    X509_free(before);
    X509_free(after);
    free(file);
    free(text);
}
END_TEST

/* A thread that parses a certificate, and does nothing more until it is told to end. */
static pthread_barrier_t parsed, over;
static X509 *elsewhere;

static void *parse_and_wait(void *arg)
{
    elsewhere = sp_read_cert("good-rsa");
    (void)pthread_barrier_wait(&parsed);
    (void)pthread_barrier_wait(&over);
    return arg;
}

/* It is judged, and nobody knows yet whether what is there of it is all: no fingerprint. */
START_TEST(certificate_of_another_thread)
{
    pthread_t thread;
    json_t *log;

    start_logging("");
    ck_assert_int_eq(pthread_barrier_init(&parsed, NULL, 2), 0);
    ck_assert_int_eq(pthread_barrier_init(&over, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, parse_and_wait, NULL), 0);
    (void)pthread_barrier_wait(&parsed);
    EXPECT_DONE(X509_check_purpose(elsewhere, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    (void)pthread_barrier_wait(&over);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    EXPECT_DONE(X509_check_purpose(elsewhere, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    ck_assert(json_is_null(json_object_get(json_array_get(log, 0), "certificate")));
    ck_assert_uint_eq(strlen(text_of(json_array_get(log, 1), "certificate")), 64);
    json_decref(log);
    X509_free(elsewhere);
}
END_TEST

/* What is not mail is not logged either. */
START_TEST(silent_about_other_work)
{
    static const unsigned char premaster[48] = { 3, 3 };
    X509 *cert;
    EVP_PKEY *key;

    start_logging("");
    cert = sp_read_cert("server-rsa");
    key = sp_read_key("server-rsa");
    EXPECT_DONE(sp_sign_data(key, "SHA256", "hello", 5));
    EXPECT_DONE(sp_rsa_encrypt(key, premaster, sizeof(premaster)));
    EXPECT_DONE(sp_cms_decrypt("expired-rsa"));
    ck_assert_int_ne(access(path, F_OK), 0);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

START_TEST(locked)
{
    json_t *log;

    start_logging("mode = nonsense");
    EXPECT_REFUSED(sp_sign_as("good-ec"), "mode = nonsense");
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    ck_assert_str_eq(text_of(json_array_get(log, 0), "verdict"), "refused");
    ck_assert_ptr_nonnull(strstr(text_of(json_array_get(log, 0), "note"), "mode = nonsense"));
    json_decref(log);
}
END_TEST

START_TEST(rotated_while_running)
{
    struct stat status;
    json_t *log;

    start_logging("");
    EXPECT_DONE(sp_sign_as("good-ec"));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(rename(path, rotated), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 2);
    json_decref(log);
    log = read_log(rotated);
    ck_assert_uint_eq(json_array_size(log), 1);
    json_decref(log);
    ck_assert_int_eq(unlink(path), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 1);
    json_decref(log);
}
END_TEST

/* Files that take no line; decisions are the same. */
static const char *const nowhere[] = { "/nonexistent/log",  "/tmp",  "/dev/full", "/proc/version",
                                       "/etc/hostname/log", "syslog" };

START_TEST(cannot_be_written)
{
    char settings[128];

    (void)snprintf(settings, sizeof(settings), "decision_log = %s", nowhere[_i]);
    sp_start(settings);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_encrypt_to("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
}
END_TEST

/* With a reader that never reads, and without one. */
START_TEST(pipe_does_not_block)
{
    FILE *reader = NULL;

    start_logging("");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    if (_i == 1)
        reader = fopen(path, "r+");
    alarm(SP_PATIENCE);
    for (int i = 0; i < 5; i++)
        EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    if (reader != NULL)
        (void)fclose(reader);
}
END_TEST

#define THREADS 4
#define ROUNDS  25

static void *sign_many(void *arg)
{
    bool *fine = arg;

    *fine = true;
    for (int i = 0; i < ROUNDS; i++)
        *fine = *fine && sp_sign_as("good-ec");
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    bool fine[THREADS];
    json_t *log;

    start_logging("");
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sign_many, &fine[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(fine[i]);
    }
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), THREADS * ROUNDS);
    json_decref(log);
}
END_TEST

static off_t size_of(const char *file)
{
    struct stat status;

    return stat(file, &status) == 0 ? status.st_size : -1;
}

static void write_file(const char *file, const char *content)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(content, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

static bool ends_whole(const char *file)
{
    FILE *in = fopen(file, "r");
    bool whole = in != NULL && fseek(in, -1, SEEK_END) == 0 && fgetc(in) == '\n';

    if (in != NULL)
        (void)fclose(in);
    return whole;
}

/* With the default SIGXFSZ, which would end the program. */
START_TEST(beyond_the_limit_of_files)
{
    /* Enough for what the test itself writes. */
    const struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
    const off_t room = 600;
    const off_t before = (off_t)limit.rlim_cur - room;

    start_logging("");
    write_file(path, "");
    ck_assert_int_eq(truncate(path, before), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 5; i++)
        EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    ck_assert_int_gt(size_of(path), before);
    ck_assert_int_le(size_of(path), (off_t)limit.rlim_cur);
    ck_assert(ends_whole(path));
}
END_TEST

/* A signal that the program blocks and waits for is still pending afterwards. */
START_TEST(signals_stay_the_programs)
{
    const struct timespec now = { 0 };
    sigset_t own, after;
    int reader[2];

    start_logging("trace = yes");
    ck_assert_int_eq(pipe(reader), 0);
    ck_assert_int_eq(dup2(reader[1], STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(reader[0]) | close(reader[1]), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    (void)sigemptyset(&own);
    (void)sigaddset(&own, SIGPIPE);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &own, NULL), 0);
    ck_assert_int_eq(raise(SIGPIPE), 0);
    EXPECT_DONE(sp_sign_as("good-ec"));
    ck_assert_int_eq(sigtimedwait(&own, NULL, &now), SIGPIPE);
    EXPECT_DONE(sp_sign_as("good-ec"));
    ck_assert_int_eq(sigtimedwait(&own, NULL, &now), -1);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &after), 0);
    ck_assert_int_eq(sigismember(&after, SIGPIPE), 1);
    ck_assert_int_eq(sigismember(&after, SIGXFSZ), 0);
}
END_TEST

/* After a full disk has left half a line. */
START_TEST(after_half_a_line)
{
    char line[8192];
    FILE *in;

    start_logging("");
    write_file(path, "{\"time\":\"2026");
    EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    in = fopen(path, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
    ck_assert_str_eq(line, "{\"time\":\"2026\n");
    for (int i = 0; i < 2; i++) {
        json_t *object;

        ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
        object = json_loads(line, 0, NULL);
        ck_assert_msg(object != NULL, "%s", line);
        json_decref(object);
    }
    ck_assert_ptr_null(fgets(line, sizeof(line), in));
    ck_assert_int_eq(fclose(in), 0);
}
END_TEST

#define OTHER 12345

/* A file at the path of the log, in a directory of |mode|, and whether it is written to. */
static const struct other {
    const char *kind;
    mode_t mode;
    uid_t uid; /* the owner of the link or file; 0, or the test needs the superuser */
    bool written;
} others[] = {
    { "link", 0755, 0, true },
    { "link", 01777, 0, true },
    { "link", 01777, OTHER, false },
    { "link", 0777, 0, false },
    { "link", 0775, 0, false },
    { "hard link", 0755, 0, true },
    { "hard link", 01777, 0, false },
    { "hard link", 0777, 0, false },
    { "file", 0755, OTHER, true },
    { "file", 01777, OTHER, false },
    { "file", 0777, OTHER, false },
    { "file", 01777, 0, true },
    { "file", 0777, 0, true },
    { "file in a link", 0755, 0, true },
    { "file in a link", 0777, 0, false },
    { "file in a link", 01777, OTHER, false },
};

static void put(const char *kind)
{
    static char here[] = "/tmp/sp-log-XXXXXX";

    write_file(rotated, "");
    if (strcmp(kind, "link") == 0)
        ck_assert_int_eq(symlink("log.1", path), 0);
    else if (strcmp(kind, "hard link") == 0)
        ck_assert_int_eq(link(rotated, path), 0);
    else if (strcmp(kind, "file") == 0)
        ck_assert_int_eq(rename(rotated, path), 0);
    else
        ck_assert_int_eq(symlink(strcpy(here, directory), path), 0);
}

START_TEST(where_others_may_write)
{
    const struct other *other = &others[_i];
    bool below = strcmp(other->kind, "file in a link") == 0;
    bool moved = strcmp(other->kind, "file") == 0;
    bool linked = strcmp(other->kind, "hard link") != 0;
    char settings[128], *fault;

    if (other->uid != 0 && geteuid() != 0)
        return;
    make_directory();
    put(other->kind);
    if (other->uid != 0)
        ck_assert_int_eq(lchown(path, other->uid, (gid_t)-1), 0);
    ck_assert_int_eq(chmod(directory, other->mode), 0);
    (void)snprintf(settings, sizeof(settings), "decision_log = %s%s", path, below ? "/log.1" : "");
    /* It is told beforehand, and nothing is made for that. */
    fault = sp_decision_log_fault(settings + strlen("decision_log = "));
    ck_assert_msg((fault == NULL) == other->written, "%s", fault);
    if (fault != NULL)
        ck_assert_ptr_nonnull(strstr(fault, strstr(other->kind, "link") == NULL || !linked
                                                ? "it belongs to another user, or has a second "
                                                  "name, in a directory that others may write: "
                                                : "others could have made a symbolic link on its "
                                                  "way: "));
    OPENSSL_free(fault);
    sp_start(settings);
    EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    ck_assert_int_eq(size_of(moved ? path : rotated) > 0, other->written);
}
END_TEST

static const char *const sayings[][2] = {
    { "syslog", NULL },
    { "/dev/null", NULL },
    { "/nonexistent/log", "No such file or directory" },
    { "/tmp", "Is a directory" },
    { "/etc/hostname/log", "Not a directory" },
};

START_TEST(fault_of_a_place)
{
    char *fault = sp_decision_log_fault(sayings[_i][0]);
    char expected[256];

    (void)snprintf(expected, sizeof(expected),
                   "decision_log %s: %s: what this user decides is not logged; give each user a "
                   "log, or one below a directory that its owner alone may write",
                   sayings[_i][0], sayings[_i][1]);
    ck_assert_pstr_eq(fault, sayings[_i][1] == NULL ? NULL : expected);
    OPENSSL_free(fault);
}
END_TEST

/* One that can be made, one that is there, and a pipe, which is none. */
START_TEST(fault_of_a_file)
{
    char *fault;

    make_directory();
    ck_assert_ptr_null(sp_decision_log_fault(path));
    ck_assert_int_ne(access(path, F_OK), 0);
    write_file(path, "");
    ck_assert_ptr_null(sp_decision_log_fault(path));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    fault = sp_decision_log_fault(path);
    ck_assert_ptr_nonnull(fault);
    /* Without a reader it cannot even be opened. */
    ck_assert_ptr_nonnull(strstr(fault, "No such device or address"));
    OPENSSL_free(fault);
}
END_TEST

/* One that cannot be made. */
START_TEST(fault_of_a_directory)
{
    char *fault;

    make_directory();
    ck_assert_int_eq(chmod(directory, 0555), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(12345), 0);
    fault = sp_decision_log_fault(path);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(directory, 0755), 0);
    ck_assert_ptr_nonnull(fault);
    ck_assert_ptr_nonnull(strstr(fault, "Permission denied"));
    OPENSSL_free(fault);
}
END_TEST

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 200; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A log of a user who may write it, and not read. */
START_TEST(that_can_only_be_written)
{
    const struct sp_decision decision = { .operation = "sign" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    int before;
    json_t *log;

    make_directory();
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0200));
    if (geteuid() == 0) {
        ck_assert(chown(directory, 12345, 12345) == 0 && chown(path, 12345, 12345) == 0);
        ck_assert_int_eq(seteuid(12345), 0);
    }
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", path, NULL), 1);
    before = count_descriptors();
    for (int i = 0; i < 2; i++) {
        errno = EACCES;
        sp_decision_log(settings, &decision);
        ck_assert_int_eq(errno, EACCES);
    }
    ck_assert_int_eq(chmod(path, 0600), 0);
    errno = EACCES;
    sp_decision_log(settings, &decision);
    ck_assert_int_eq(count_descriptors(), before);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 3);
    json_decref(log);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    smimepolicy_settings_free(settings);
}
END_TEST

/* The directory of the log is one's own, in another one that others may write. */
START_TEST(below_where_others_may_write)
{
    const bool has_second_name = _i == 0;
    char settings[128], *fault;
    const char *file = settings + strlen("decision_log = ");

    make_directory();
    ck_assert_int_eq(mkdir(path, 0755), 0);
    (void)snprintf(settings, sizeof(settings), "decision_log = %s/log", path);
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (has_second_name)
        ck_assert_int_eq(link(file, rotated), 0);
    ck_assert_int_eq(chmod(directory, 0777), 0);
    fault = sp_decision_log_fault(file);
    ck_assert_int_eq(fault != NULL && strstr(fault, "has a second name") != NULL, has_second_name);
    ck_assert_int_eq(fault != NULL, has_second_name);
    OPENSSL_free(fault);
    sp_start(settings);
    EXPECT_DONE(sp_sign_as("good-ec"));
    ck_assert_int_eq(size_of(file) == 0, has_second_name);
    ck_assert(unlink(file) == 0 && rmdir(path) == 0);
}
END_TEST

/* Where others may make files too, a user's own file is a log, and that of a third one is none. */
START_TEST(of_a_user_where_others_may_write)
{
    static const struct {
        uid_t owner;
        size_t lines;
    } owners[] = { { 12345, 1 }, { 0, 1 }, { 1, 0 } };
    const struct sp_decision decision = { .operation = "sign" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    json_t *log;

    if (geteuid() != 0)
        return;
    make_directory();
    ck_assert_int_eq(chmod(directory, 01777), 0);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ck_assert(chown(path, owners[_i].owner, 0) == 0 && chmod(path, 0666) == 0);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", path, NULL), 1);
    ck_assert_int_eq(seteuid(12345), 0);
    sp_decision_log(settings, &decision);
    ck_assert_int_eq(seteuid(0), 0);
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), owners[_i].lines);
    json_decref(log);
    smimepolicy_settings_free(settings);
}
END_TEST

/* What is no log is told again and again, with its reason, and stays neither open nor written. */
static void expect_no_log(const char *file, const char *reason)
{
    const struct sp_decision decision = { .operation = "sign" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    const int before = count_descriptors();

    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", file, NULL), 1);
    for (int i = 0; i < 2; i++) {
        char *fault;

        sp_decision_log(settings, &decision);
        /* What an earlier call left there is no reason. */
        errno = ENOENT;
        fault = sp_decision_log_fault(file);
        ck_assert_msg(fault != NULL && strstr(fault, reason) != NULL, "%s", fault);
        ck_assert_int_eq(count_descriptors(), before);
        OPENSSL_free(fault);
    }
    smimepolicy_settings_free(settings);
}

START_TEST(of_another_kind)
{
    FILE *reader;
    int written = -1;

    make_directory();
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    reader = fopen(path, "r+");
    ck_assert_ptr_nonnull(reader);
    expect_no_log(path, "it is no regular file");
    ck_assert_int_eq(ioctl(fileno(reader), FIONREAD, &written), 0);
    ck_assert_int_eq(written, 0);
    (void)fclose(reader);
    expect_no_log("/tmp", "Is a directory");
    expect_no_log("/nonexistent/log", "No such file or directory");
}
END_TEST

/* Where others may make files a device is no log, whoever made it. */
START_TEST(device_where_others_may_write)
{
    make_directory();
    /* Only the superuser may make one, and not everywhere. */
    if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) != 0 || open(path, O_WRONLY | O_CLOEXEC) < 0)
        return;
    ck_assert_ptr_null(sp_decision_log_fault(path));
    ck_assert_int_eq(chmod(directory, 01777), 0);
    expect_no_log(path, "it is no regular file");
}
END_TEST

/* The line after which the file has just the size of the limit is whole. */
START_TEST(up_to_the_limit_of_files)
{
    const struct sp_decision decision = { .operation = "sign" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct rlimit limit = { .rlim_max = RLIM_INFINITY };
    off_t line;

    make_directory();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", path, NULL), 1);
    sp_decision_log(settings, &decision);
    line = size_of(path);
    limit.rlim_cur = 2 * (rlim_t)line;
    /* libcheck writes to a file for each assertion: none while there is a limit. */
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 3; i++)
        sp_decision_log(settings, &decision);
    (void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    ck_assert_int_gt(line, 1);
    ck_assert_int_eq(size_of(path), 2 * line);
    smimepolicy_settings_free(settings);
}
END_TEST

/* Without settings there is no log. */
START_TEST(without_settings)
{
    errno = 7;
    sp_decision_log(NULL, &(struct sp_decision){ .operation = "sign" });
    ck_assert_int_eq(errno, 7);
}
END_TEST

/* The log may get the number of a standard stream that the program has closed. */
START_TEST(as_standard_input)
{
    const struct sp_decision decision = { .operation = "sign" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    json_t *log;

    make_directory();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", path, NULL), 1);
    close(STDIN_FILENO);
    for (int i = 0; i < 3; i++) {
        sp_decision_log(settings, &decision);
        ck_assert_ptr_null(sp_decision_log_fault(path));
        ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
        ck_assert_int_eq(chmod(path, 0600), 0);
    }
    log = read_log(path);
    ck_assert_uint_eq(json_array_size(log), 3);
    json_decref(log);
    smimepolicy_settings_free(settings);
}
END_TEST

/* A limit of files cuts no device. */
START_TEST(device_beyond_the_limit)
{
    const struct sp_decision decision = { .operation = "sign" };
    const struct rlimit none = { .rlim_cur = 1, .rlim_max = RLIM_INFINITY };
    int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), held;
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char text[4000] = "";

    ck_assert(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
    held = open(ptsname(pty), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", ptsname(pty), NULL), 1);
    /* libcheck writes to a file for each assertion: none while there is a limit. */
    (void)setrlimit(RLIMIT_FSIZE, &none);
    sp_decision_log(settings, &decision);
    (void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    ck_assert_int_gt(read(pty, text, sizeof(text) - 1), 1);
    ck_assert_int_eq(text[0], '{');
    close(held);
    close(pty);
    smimepolicy_settings_free(settings);
}
END_TEST

/* What a program is called is bytes. */
START_TEST(program_that_is_no_text)
{
    static char name[] = "caf\xe9\x1b[31m";
    json_t *log;

    start_logging("");
    program_invocation_short_name = name;
    EXPECT_DONE(sp_sign_as("good-ec"));
    log = read_log(path);
    ck_assert_str_eq(text_of(json_array_get(log, 0), "program"), "caf\\E9\x1b[31m");
    json_decref(log);
}
END_TEST

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

/* A line for which memory runs out is whole, or is not there: of ours, and then of jansson. */
START_TEST(memory_runs_out)
{
    struct sp_decision decision = { .operation = "sign", .note = "why" };
    smimepolicy_settings *settings;
    smimepolicy_verdict *verdict;
    long number = 0;
    json_t *log;

    ck_assert(sp_starve_watch());
    make_directory();
    settings = smimepolicy_settings_new();
    verdict = sp_refuse_unknown_key(SMIMEPOLICY_SIGN, false);
    decision.verdict = verdict;
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", path, NULL), 1);
    do {
        sp_starve(++number);
        sp_decision_log(settings, &decision);
    } while (sp_starve_end());
    ck_assert_int_gt(number, 2);
    log = read_log(path);
    ck_assert_uint_gt(json_array_size(log), 0);
    ck_assert_int_lt((long)json_array_size(log), number);
    for (size_t i = 0; i < json_array_size(log); i++)
        ck_assert(json_is_array(json_object_get(json_array_get(log, i), "findings")));
    number = (long)json_array_size(log);
    json_decref(log);
    json_set_alloc_funcs(no_memory, free);
    sp_decision_log(settings, &decision);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", "syslog", NULL), 1);
    sp_decision_log(settings, &decision);
    json_set_alloc_funcs(malloc, free);
    log = read_log(path);
    ck_assert_int_eq((long)json_array_size(log), number);
    json_decref(log);
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = sp_case(suite, "log");

    tcase_add_loop_test(tests, one_line_a_decision, 0, SP_ROWS(rows));
    tcase_add_test(tests, one_line_a_recipient);
    tcase_add_test(tests, certificate_without_a_fingerprint);
    tcase_add_test(tests, certificate_of_another_thread);
    tcase_add_test(tests, silent_about_other_work);
    tcase_add_test(tests, locked);
    tcase_add_test(tests, rotated_while_running);
    tcase_add_loop_test(tests, cannot_be_written, 0, SP_ROWS(nowhere));
    tcase_add_loop_test(tests, pipe_does_not_block, 0, 2);
    tcase_add_test(tests, lines_of_threads_do_not_mix);
    tcase_add_test(tests, beyond_the_limit_of_files);
    tcase_add_test(tests, signals_stay_the_programs);
    tcase_add_test(tests, after_half_a_line);
    tcase_add_loop_test(tests, where_others_may_write, 0, SP_ROWS(others));
    tcase_add_loop_test(tests, fault_of_a_place, 0, SP_ROWS(sayings));
    tcase_add_test(tests, fault_of_a_file);
    tcase_add_test(tests, fault_of_a_directory);
    tcase_add_test(tests, that_can_only_be_written);
    tcase_add_loop_test(tests, below_where_others_may_write, 0, 2);
    tcase_add_loop_test(tests, of_a_user_where_others_may_write, 0, 3);
    tcase_add_test(tests, of_another_kind);
    tcase_add_test(tests, device_where_others_may_write);
    tcase_add_test(tests, up_to_the_limit_of_files);
    tcase_add_test(tests, without_settings);
    tcase_add_test(tests, as_standard_input);
    tcase_add_test(tests, device_beyond_the_limit);
    tcase_add_test(tests, program_that_is_no_text);
    tcase_add_test(tests, memory_runs_out);
    return sp_run_forked(suite);
}
