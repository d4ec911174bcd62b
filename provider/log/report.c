/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
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

/* Whether it can be written to, the first line tells. */
static bool is_pipe(int fd)
{
    struct stat is;

    return fstat(fd, &is) == 0 && S_ISFIFO(is.st_mode);
}

/* The length of |line| cut to |most| bytes, between two characters of UTF-8. */
static size_t cut_length(const char *line, size_t most)
{
    while (most > 0 && ((unsigned char)line[most] & 0xc0) == 0x80)
        most--;
    return most;
}

/* Lines that are written together: for each one the writer and its reader would take turns. */
static struct sp_text held;
static bool holds;

static bool write_out(const char *bytes, size_t length)
{
    ssize_t written;

    do
        written = sp_quiet_write(atomic_load(&report), bytes, length);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)length;
}

/* Write what is held. */
static bool flush_held(void)
{
    char *text = sp_text_take(&held);
    bool done = text != NULL && write_out(text, strlen(text));

    OPENSSL_free(text);
    return done;
}

static bool hold(const char *bytes, size_t length)
{
    if (held.len + length > SP_REPORT_LINE_MAX && !flush_held())
        return false;
    sp_text_add_bytes(&held, bytes, length);
    return !held.failed;
}

/* Write |line|, which has no line end, in one piece.  It ends in no NUL. */
static bool put(const char *line)
{
    char whole[SP_REPORT_LINE_MAX];
    size_t length = strlen(line);

    if (length < sizeof(whole)) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
        memcpy(whole, line, length);
    } else {
        length = cut_length(line, sizeof(whole) - sizeof(CUT));
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
        memcpy(whole, line, length);
        memcpy(whole + length, CUT, sizeof(CUT) - 1);
        length += sizeof(CUT) - 1;
    }
    whole[length++] = '\n';
    return holds ? hold(whole, length) : write_out(whole, length);
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
    if (is_nonce(nonce) && is_pipe(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
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
    OPENSSL_free(sp_text_take(&held));
    held = (struct sp_text){ 0 };
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

void sp_report_hold(void)
{
    holds = sp_report_is_on();
}

void sp_report_release(void)
{
    if (holds && !flush_held())
        atomic_store(&failed, true);
    holds = false;
}

struct fingerprint {
    char text[SP_FINGERPRINT_TEXT];
};

static struct fingerprint fingerprint(const unsigned char *certificate)
{
    struct fingerprint print = { "-" };

    if (certificate != NULL)
        sp_fingerprint_text(certificate, print.text);
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

void sp_report_vouched(const unsigned char *certificate)
{
    sp_report_line("vouched %s", fingerprint(certificate).text);
}

void sp_report_verified(const unsigned char *certificate, const char *text)
{
    sp_report_line("verified %s %s", fingerprint(certificate).text, text);
}
