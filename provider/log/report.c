/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/quiet_write.h"
#include "base/sha256.h"
#include "base/shown.h"
#include "base/text.h"
#include "log/decision_log.h"

#define NO_REPORT (-1)
#define CUT       "..."

/* Written by sp_report_open() and sp_report_close() alone. */
static atomic_int report = NO_REPORT;
static pid_t writer;
static char known_nonce[SP_REPORT_NONCE + 1];

static atomic_bool is_on, failed;
static atomic_uint lines;

static bool is_nonce(const char *nonce)
{
    return nonce != NULL && strlen(nonce) == SP_REPORT_NONCE &&
           strspn(nonce, "0123456789abcdefABCDEF") == SP_REPORT_NONCE;
}

static bool is_writable_pipe(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    struct stat is;

    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &is) == 0 &&
           S_ISFIFO(is.st_mode);
}

/* The length of |line| cut to |most| bytes, between two characters of UTF-8. */
static size_t cut_length(const char *line, size_t most)
{
    while (most > 0 && ((unsigned char)line[most] & 0xc0) == 0x80)
        most--;
    return most;
}

/* Write |line|, which has no line end, in one piece. */
static bool put(const char *line)
{
    char whole[SP_REPORT_LINE_MAX];
    size_t length = strlen(line);
    ssize_t written;

    if (length < sizeof(whole)) {
        memcpy(whole, line, length);
    } else {
        length = cut_length(line, sizeof(whole) - sizeof(CUT));
        memcpy(whole, line, length);
        memcpy(whole + length, CUT, sizeof(CUT) - 1);
        length += sizeof(CUT) - 1;
    }
    whole[length++] = '\n';
    do
        written = sp_quiet_write(atomic_load(&report), whole, length);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)length;
}

static bool put_text(const char *text)
{
    char *line = text == NULL ? NULL : sp_shown(text);
    bool done = line != NULL && put(line);

    OPENSSL_free(line);
    return done;
}

void sp_report_open(int fd, const char *nonce)
{
    if (atomic_load(&is_on)) {
        if (fd != atomic_load(&report) || !is_nonce(nonce) || strcmp(nonce, known_nonce) != 0)
            atomic_store(&failed, true);
        return;
    }
    atomic_store(&lines, 0);
    writer = getpid();
    if (is_nonce(nonce) && is_writable_pipe(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
        memcpy(known_nonce, nonce, sizeof(known_nonce));
        atomic_store(&report, fd);
    } else {
        atomic_store(&failed, true);
    }
    atomic_store(&is_on, true);
    sp_report_line("hello %s %s", known_nonce, SMIMEPOLICY_VERSION);
}

void sp_report_close(void)
{
    atomic_store(&is_on, false);
    atomic_store(&failed, false);
    atomic_store(&report, NO_REPORT);
}

bool sp_report_is_on(void)
{
    return atomic_load_explicit(&is_on, memory_order_relaxed);
}

bool sp_report_failed(void)
{
    return atomic_load_explicit(&failed, memory_order_relaxed);
}

void sp_report_line(const char *format, ...)
{
    const int saved = errno;
    char *text;
    va_list args;

    if (!sp_report_is_on() || sp_report_failed())
        return;
    ERR_set_mark();
    va_start(args, format);
    text = sp_vformat(format, args);
    va_end(args);
    if (getpid() != writer) {
        atomic_store(&failed, true);
    } else if (atomic_fetch_add(&lines, 1) >= SP_REPORT_LINES_MAX) {
        if (!atomic_exchange(&failed, true))
            (void)put("report-overflow");
    } else if (!put_text(text)) {
        atomic_store(&failed, true);
    }
    OPENSSL_free(text);
    ERR_pop_to_mark();
    errno = saved;
}

struct fingerprint {
    char text[2 * SP_SHA256_LENGTH + 1];
};

static struct fingerprint fingerprint(const unsigned char *certificate)
{
    struct fingerprint print = { "-" };

    for (size_t i = 0; certificate != NULL && i < SP_SHA256_LENGTH; i++)
        (void)snprintf(print.text + 2 * i, 3, "%02x", certificate[i]);
    return print;
}

static const char *outcome(const struct sp_decision *decision, const smimepolicy_finding *finding)
{
    if (finding != NULL && smimepolicy_finding_severity(finding) != SMIMEPOLICY_DENY)
        return "note";
    return decision->refused ? "refused" : "observed";
}

static void report_finding(const struct sp_decision *decision, const smimepolicy_finding *finding)
{
    const struct fingerprint print = fingerprint(decision->certificate);
    char *text = smimepolicy_finding_text(decision->verdict, finding);

    sp_report_line("%s %s %s %s %s", outcome(decision, finding), decision->operation, print.text,
                   smimepolicy_finding_rule(finding), text != NULL ? text : "out of memory");
    smimepolicy_free(text);
}

void sp_report_decision(const struct sp_decision *decision)
{
    const size_t count = decision->verdict != NULL && sp_report_is_on()
                             ? smimepolicy_verdict_count(decision->verdict)
                             : 0;

    for (size_t i = 0; i < count; i++)
        report_finding(decision, smimepolicy_verdict_get0_finding(decision->verdict, i));
    if (decision->note != NULL)
        sp_report_line("%s %s %s - refused: %s: %s", outcome(decision, NULL), decision->operation,
                       fingerprint(decision->certificate).text, decision->operation,
                       decision->note);
}

void sp_report_allowed(const char *use, const unsigned char *certificate)
{
    if (sp_report_is_on())
        sp_report_line("allowed %s %s", use, fingerprint(certificate).text);
}
