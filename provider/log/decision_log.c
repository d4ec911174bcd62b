/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log/decision_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/path_owners.h"
#include "base/quiet_write.h"
#include "base/sha256.h"
#include "base/text.h"
#include "settings/rule_ids.h"
#include "rules/verdict.h"

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
    char text[SP_FINGERPRINT_TEXT];

    if (decision->certificate == NULL) {
        (void)json_object_set_new(line, "certificate", json_null());
        return;
    }
    sp_fingerprint_text(decision->certificate, text);
    (void)json_object_set_new(line, "certificate", json_string(text));
}

/* Put the documented JSON of the verdict into the line. */
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

/* Put each rule into the line once, however many findings it has. */
static void put_rules(json_t *line, const smimepolicy_verdict *verdict)
{
    size_t count = verdict != NULL ? smimepolicy_verdict_count(verdict) : 0;
    json_t *findings = json_array();
    bool told[SP_RULE_COUNT] = { false };

    for (size_t i = 0; i < count; i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        if (told[finding->rule])
            continue;
        told[finding->rule] = true;
        (void)json_array_append_new(
            findings, json_pack("{s:s, s:s}", "rule", smimepolicy_finding_rule(finding), "severity",
                                sp_severity_name(smimepolicy_finding_severity(finding))));
    }
    (void)json_object_set_new(line, "findings", findings);
}

/*
 * May we write to this file?  In a directory where others may make files it must not
 * be theirs, and must have no second name.
 */
static bool is_log(int file, bool shared, struct stat *is)
{
    if (fstat(file, is) != 0)
        return false;
    /* Not to a pipe: without its reader, writing waits or fails. */
    if (!S_ISREG(is->st_mode) && (shared || !S_ISCHR(is->st_mode)))
        return false;
    return !shared || ((is->st_uid == 0 || is->st_uid == geteuid()) && is->st_nlink == 1);
}

/*
 * Open the log.  It is opened for each line, so that a rotated file is followed and
 * no descriptor stays open.
 */
static int open_log(const char *path, struct stat *is)
{
    const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
    struct sp_place place;
    int file = -1;

    if (sp_place_find(&place, path, geteuid()) && !place.redirected) {
        /*
         * Opened for reading, too, to see how the last line ends.  Some logs can only be
         * written.
         */
        file = openat(place.dir, place.name, O_RDWR | flags, 0600);
        if (file < 0)
            file = openat(place.dir, place.name, O_WRONLY | flags, 0600);
    }
    if (file >= 0 && !is_log(file, place.shared || place.unsafe != NULL, is)) {
        (void)close(file);
        file = -1;
    }
    sp_place_clear(&place);
    return file;
}

/* Why the log at |place| cannot be opened; it is not created. */
static const char *fault_at(const struct sp_place *place)
{
    struct stat is;
    const char *why = NULL;
    int file;

    if (place->redirected)
        return "others could have made a symbolic link on its way";
    file = openat(place->dir, place->name,
                  O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT && faccessat(place->dir, ".", W_OK | X_OK, AT_EACCESS) == 0)
        return NULL;
    if (file < 0)
        return strerror(errno);
    if (!is_log(file, place->shared || place->unsafe != NULL, &is))
        why = S_ISREG(is.st_mode) ? "it belongs to another user, or has a second name, in a "
                                    "directory that others may write"
                                  : "it is no regular file";
    (void)close(file);
    return why;
}

char *sp_decision_log_fault(const char *path)
{
    struct sp_place place;
    const char *why = NULL;

    if (strcmp(path, "syslog") == 0)
        return NULL;
    why = sp_place_find(&place, path, geteuid()) ? fault_at(&place) : strerror(errno);
    sp_place_clear(&place);
    return why == NULL ? NULL
                       : sp_format("decision_log %s: %s: what this user decides is not logged; "
                                   "give each user a log, or one below a directory that its "
                                   "owner alone may write",
                                   path, why);
}

/* Is there a file-size limit that would cut the line? */
static bool has_limit(const struct stat *is, size_t length)
{
    struct rlimit limit = { .rlim_cur = RLIM_INFINITY };

    (void)getrlimit(RLIMIT_FSIZE, &limit);
    return S_ISREG(is->st_mode) && (rlim_t)is->st_size + length > limit.rlim_cur;
}

/* What is empty, or is not to be read, has no last line. */
static bool ends_in_a_line(int file, const struct stat *is)
{
    char last;

    return pread(file, &last, sizeof(last), is->st_size - 1) == 1 && last != '\n';
}

/*
 * Is the last line incomplete, because a disk was full or a writer was killed?  A
 * line that is being written grows: wait for it a little.
 */
static bool ends_torn(int file, struct stat *is)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    off_t before = -1;

    for (int i = 0; i < 10 && ends_in_a_line(file, is); i++) {
        if (is->st_size == before)
            return true;
        before = is->st_size;
        (void)nanosleep(&moment, NULL);
        if (fstat(file, is) != 0)
            return false;
    }
    return false;
}

static void append_to_file(const char *path, const char *text)
{
    struct stat is;
    int file = open_log(path, &is);
    char *line = file < 0 ? NULL : sp_format("%s%s\n", ends_torn(file, &is) ? "\n" : "", text);

    /* If the disk is full the line is lost; the mail goes on. */
    if (line != NULL && !has_limit(&is, strlen(line)))
        (void)sp_quiet_write(file, line, strlen(line));
    OPENSSL_free(line);
    if (file >= 0)
        (void)close(file);
}

/* Not with syslog(3), which waits for a daemon that hangs; a datagram need not. */
static bool send_to_syslog(const char *text)
{
    const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char head[64];
    struct iovec parts[2] = { { .iov_base = head }, { 0 } };
    struct msghdr message = { 0 };
    bool fits = true;
    union {
        const char *in;
        void *out;
    } cast = { .in = text };

    (void)snprintf(head, sizeof(head), "<%d>smimepolicy[%ld]: ", LOG_AUTHPRIV | LOG_INFO,
                   (long)getpid());
    parts[0].iov_len = strlen(head);
    parts[1].iov_base = cast.out;
    parts[1].iov_len = strlen(text);
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    /* A socket that there is not connects to nothing. */
    if (connect(s, (const struct sockaddr *)&log, sizeof(log)) == 0)
        fits = sendmsg(s, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EMSGSIZE;
    (void)close(s);
    return fits;
}

static void put_text(json_t *line, const char *key, const char *text)
{
    (void)json_object_set_new(line, key, sp_json_text(text));
}

/* Format the line.  |whole|: with the parts that a sender may have made very long. */
static char *format(const struct sp_decision *decision, bool whole)
{
    json_t *line = json_object();
    char *text;

    put_time(line);
    (void)json_object_set_new(line, "pid", json_integer((json_int_t)getpid()));
    put_text(line, "program", program_invocation_short_name);
    put_text(line, "operation", decision->operation);
    put_text(line, "verdict", outcome(decision));
    put_certificate(line, decision);
    if (whole)
        put_verdict(line, decision->verdict);
    else
        put_rules(line, decision->verdict);
    if (whole && decision->note != NULL)
        put_text(line, "note", decision->note);
    else if (!whole)
        put_text(line, "note", "too long for syslog: subject, serial and texts are left out");
    put_text(line, "policy", SMIMEPOLICY_VERSION);
    text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(line);
    return text;
}

static void log_to_syslog(const char *text, const struct sp_decision *decision)
{
    char *less;

    if (send_to_syslog(text))
        return;
    less = format(decision, false);
    if (less != NULL)
        (void)send_to_syslog(less);
    free(less);
}

void sp_decision_log(const smimepolicy_settings *settings, const struct sp_decision *decision)
{
    const int saved = errno;
    char *text;

    if (settings == NULL || settings->decision_log == NULL)
        return;
    text = format(decision, true);
    if (text != NULL && strcmp(settings->decision_log, "syslog") == 0)
        log_to_syslog(text, decision);
    else if (text != NULL)
        append_to_file(settings->decision_log, text);
    free(text);
    errno = saved;
}
