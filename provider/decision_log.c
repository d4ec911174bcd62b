/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "decision_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <jansson.h>

#include "sha256.h"

static void put_time(json_t *line)
{
    char text[32] = "";
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    (void)json_object_set_new(line, "time", json_string(text));
}

static void put_certificate(json_t *line, const struct sp_decision *decision)
{
    char text[2 * SP_SHA256_LENGTH + 1];

    if (decision->certificate == NULL) {
        (void)json_object_set_new(line, "certificate", json_null());
        return;
    }
    for (size_t i = 0; i < SP_SHA256_LENGTH; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", decision->certificate[i]);
    (void)json_object_set_new(line, "certificate", json_string(text));
}

/* The verdict's own JSON has the findings in the form that is documented. */
static void put_verdict(json_t *line, const smimepolicy_verdict *verdict)
{
    char *text = verdict != NULL ? smimepolicy_verdict_json(verdict) : NULL;
    json_t *object = text != NULL ? json_loads(text, 0, NULL) : NULL;
    json_t *findings = json_object_get(object, "findings");
    json_t *certificate = json_object_get(object, "certificate");

    (void)json_object_set(line, "subject", json_object_get(certificate, "subject"));
    (void)json_object_set(line, "serial", json_object_get(certificate, "serial"));
    (void)json_object_set_new(line, "findings",
                              findings != NULL ? json_incref(findings) : json_array());
    json_decref(object);
    smimepolicy_free(text);
}

static const char *outcome(const struct sp_decision *decision)
{
    if (decision->refused)
        return "refused";
    return decision->denied ? "observed" : "allowed";
}

static char *format(const struct sp_decision *decision)
{
    json_t *line = json_object();
    char *text;

    put_time(line);
    (void)json_object_set_new(line, "pid", json_integer((json_int_t)getpid()));
    (void)json_object_set_new(line, "program", json_string(program_invocation_short_name));
    (void)json_object_set_new(line, "operation", json_string(decision->operation));
    (void)json_object_set_new(line, "verdict", json_string(outcome(decision)));
    put_certificate(line, decision);
    put_verdict(line, decision->verdict);
    if (decision->note != NULL)
        (void)json_object_set_new(line, "note", json_string(decision->note));
    (void)json_object_set_new(line, "policy", json_string(SMIMEPOLICY_VERSION));
    text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(line);
    return text;
}

/* Opened for each line, so that a rotated file is followed and no descriptor is kept. */
static void append_to_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    size_t length = strlen(text);
    struct stat status;
    char *line = NULL;

    if (file < 0)
        return;
    /* A pipe whose reader went away would kill the program with SIGPIPE. */
    if (fstat(file, &status) == 0 && (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)))
        line = OPENSSL_malloc(length + 1);
    if (line != NULL) {
        memcpy(line, text, length);
        line[length] = '\n';
        /* A full disk loses the line, not the mail. */
        if (write(file, line, length + 1) < 0)
            errno = 0;
        OPENSSL_free(line);
    }
    (void)close(file);
}

/* syslog(3) would wait for a daemon that is stuck; a datagram need not. */
static void send_to_syslog(const char *text)
{
    const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char head[64];
    struct iovec parts[2] = { { .iov_base = head }, { 0 } };
    struct msghdr message = { 0 };
    union {
        const char *in;
        void *out;
    } cast = { .in = text };

    if (s < 0)
        return;
    (void)snprintf(head, sizeof(head), "<%d>smimepolicy[%ld]: ", LOG_AUTHPRIV | LOG_INFO,
                   (long)getpid());
    parts[0].iov_len = strlen(head);
    parts[1].iov_base = cast.out;
    parts[1].iov_len = strlen(text);
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    if (connect(s, (const struct sockaddr *)&log, sizeof(log)) == 0)
        (void)sendmsg(s, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(s);
}

void sp_decision_log(const smimepolicy_settings *settings, const struct sp_decision *decision)
{
    const int saved = errno;
    char *text;

    if (settings == NULL || settings->decision_log == NULL)
        return;
    text = format(decision);
    if (text != NULL && strcmp(settings->decision_log, "syslog") == 0)
        send_to_syslog(text);
    else if (text != NULL)
        append_to_file(settings->decision_log, text);
    free(text);
    errno = saved;
}
