/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The decision log as datagrams to /dev/log.  The superuser has a /dev of his own for
 * that; else there is nothing to test.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "log/decision_log.h"
#include "mail.h"
#include "smimepolicy.h"

enum { LONG = 400000 };

static int daemon_socket = -1;
static smimepolicy_settings *settings;
static smimepolicy_verdict *verdict;

/* Put an empty directory in the place of /dev; false if we may not. */
static bool has_own_dev(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/dev", "tmpfs", 0, NULL) == 0;
}

static void listen_there(void)
{
    const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

    daemon_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(daemon_socket, (const struct sockaddr *)&log, sizeof(log)), 0);
}

/* A verdict with findings, two of them under one rule. */
static void set_up(void)
{
    X509 *cert;

    sp_start(NULL);
    settings = smimepolicy_settings_new();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", "syslog", NULL), 1);
    cert = sp_read_cert("no-address-rsa");
    verdict = sp_evaluate(settings, cert, NULL, SMIMEPOLICY_SIGN, (time_t)4102444800);
    ck_assert_ptr_nonnull(verdict);
    ck_assert_uint_gt(smimepolicy_verdict_count(verdict), 1);
    X509_free(cert);
}

/* The next datagram as JSON; NULL: there is none. */
static json_t *received(void)
{
    static char text[LONG * 2];
    char head[40];
    ssize_t length = recv(daemon_socket, text, sizeof(text) - 1, 0);
    json_t *object;

    if (length < 0)
        return NULL;
    text[length] = '\0';
    (void)snprintf(head, sizeof(head), "<86>smimepolicy[%d]: ", (int)getpid());
    ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%.60s", text);
    object = json_loads(text + strlen(head), 0, NULL);
    ck_assert_ptr_nonnull(object);
    return object;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "%s", key);
    return text;
}

START_TEST(a_datagram)
{
    struct sp_decision decision = { .operation = "sign", .refused = true };
    json_t *line, *findings;

    if (!has_own_dev())
        return;
    set_up();
    decision.verdict = verdict;
    /* Nobody listens. */
    errno = 77;
    sp_decision_log(settings, &decision);
    ck_assert_int_eq(errno, 77);
    listen_there();
    decision.note = "it is short";
    /* The socket gets the number of a stream that the program has closed. */
    close(STDIN_FILENO);
    sp_decision_log(settings, &decision);
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    line = received();
    ck_assert_ptr_nonnull(line);
    ck_assert_ptr_null(received());
    findings = json_object_get(line, "findings");
    ck_assert_uint_eq(json_array_size(findings), smimepolicy_verdict_count(verdict));
    ck_assert_ptr_nonnull(json_object_get(json_array_get(findings, 0), "fault"));
    ck_assert_str_eq(text_of(line, "verdict"), "refused");
    ck_assert_str_eq(text_of(line, "note"), "it is short");
    ck_assert_ptr_nonnull(json_object_get(line, "subject"));
    json_decref(line);
}
END_TEST

/* The rules of |verdict|, each once, with what they say. */
static void expect_rules(const json_t *findings)
{
    size_t next = 0;

    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);
        const json_t *told = json_array_get(findings, next);
        bool again = false;

        for (size_t before = 0; before < i; before++)
            again = again || strcmp(smimepolicy_finding_rule(finding),
                                    smimepolicy_finding_rule(
                                        smimepolicy_verdict_get0_finding(verdict, before))) == 0;
        if (again)
            continue;
        ck_assert_str_eq(text_of(told, "rule"), smimepolicy_finding_rule(finding));
        ck_assert_str_eq(text_of(told, "severity"),
                         smimepolicy_finding_severity(finding) == SMIMEPOLICY_DENY ? "deny"
                                                                                   : "warn");
        ck_assert_uint_eq(json_object_size(told), 2);
        next++;
    }
    ck_assert_uint_eq(json_array_size(findings), next);
}

/* What does not fit in a datagram is left out, with a word about it. */
START_TEST(too_long)
{
    char *note = malloc(LONG + 1);
    struct sp_decision decision = { .operation = "sign", .denied = true, .note = note };
    json_t *line;

    ck_assert_ptr_nonnull(note);
    memset(note, 'x', LONG);
    note[LONG] = '\0';
    if (!has_own_dev()) {
        free(note);
        return;
    }
    set_up();
    listen_there();
    for (int i = 0; i < 2; i++) {
        decision.verdict = i == 0 ? verdict : NULL;
        sp_decision_log(settings, &decision);
        line = received();
        ck_assert_ptr_nonnull(line);
        ck_assert_ptr_null(received());
        ck_assert_str_eq(text_of(line, "note"),
                         "too long for syslog: subject, serial and texts are left out");
        ck_assert_str_eq(text_of(line, "operation"), "sign");
        ck_assert_str_eq(text_of(line, "verdict"), "observed");
        ck_assert(json_is_null(json_object_get(line, "certificate")));
        ck_assert_ptr_null(json_object_get(line, "subject"));
        if (i == 0)
            expect_rules(json_object_get(line, "findings"));
        else
            ck_assert_uint_eq(json_array_size(json_object_get(line, "findings")), 0);
        json_decref(line);
    }
    free(note);
}
END_TEST

/* A daemon that reads nothing is not waited for. */
START_TEST(full)
{
    const struct sp_decision decision = { .operation = "sign" };
    json_t *line;
    int count = 0;

    if (!has_own_dev())
        return;
    set_up();
    listen_there();
    for (int i = 0; i < 2000; i++)
        sp_decision_log(settings, &decision);
    while ((line = received()) != NULL) {
        ck_assert_str_eq(text_of(line, "verdict"), "allowed");
        ck_assert_ptr_null(json_object_get(line, "note"));
        json_decref(line);
        count++;
    }
    ck_assert_int_gt(count, 0);
    ck_assert_int_lt(count, 2000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log to syslog");
    TCase *tests = sp_case(suite, "syslog");

    tcase_add_test(tests, a_datagram);
    tcase_add_test(tests, too_long);
    tcase_add_test(tests, full);
    return sp_run_forked(suite);
}
