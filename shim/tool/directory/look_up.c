/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "common/output.h"
#include "common/progress.h"
#include "tool/directory/source.h"

/*
 * Who is asked, by the scheme of the URL.  Another kind of source, such as SMIMEA records
 * (RFC 8162) or a directory of keys on the web, is a function and a row here, and its scheme in
 * provider/settings/directories.c: what it gives is judged and kept in the same way.
 */
static const struct source {
    const char *scheme;
    shim_source_fn *ask;
} sources[] = {
    { "ldap://", shim_ldap_ask },
    { "ldaps://", shim_ldap_ask },
    { "ldapi://", shim_ldap_ask },
};

/* Before each part of an answer. */
struct head {
    uint32_t kind;
    uint32_t length;
};

/* The longest answer: every value, and some texts. */
#define LONGEST_ANSWER                                                                             \
    ((size_t)SHIM_MOST_VALUES * (SHIM_LONGEST_VALUE + sizeof(struct head)) + 65536)

bool shim_give(int to, enum shim_given_kind kind, const void *data, size_t length)
{
    const struct head head = { (uint32_t)kind, (uint32_t)length };

    return shim_write_all(to, &head, sizeof(head)) && shim_write_all(to, data, length);
}

/* |to| is above the other end of the pipe, which is above the standard streams. */
static _Noreturn void ask(const struct shim_question *question, int to, pid_t parent)
{
    const char *why = "no such kind of directory is known";

    /* Neither the keyring nor the output is to be had here. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
        close_range(STDERR_FILENO + 1, (unsigned)to - 1, 0) != 0 ||
        close_range((unsigned)to + 1, ~0U, 0) != 0)
        _exit(1);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (strncmp(question->url, sources[i].scheme, strlen(sources[i].scheme)) == 0)
            why = sources[i].ask(question, to);
    if (why != NULL)
        (void)shim_give(to, SHIM_GIVEN_FAILURE, why, strlen(why));
    else
        (void)shim_give(to, SHIM_GIVEN_ALL, "", 0);
    _exit(0);
}

/* Why there is no answer: |text|, owned. */
static bool fail(char **why, char *text)
{
    *why = text;
    return false;
}

/* Read until the end of |from|; false with |*why| if the time is over before, or at a fault. */
static bool read_all(int from, BUF_MEM *bytes, char **why)
{
    const int64_t end = shim_milliseconds() + (int64_t)SHIM_PATIENCE * 1000;
    char block[16384];
    size_t used = 0;

    for (;;) {
        struct pollfd poller = { .fd = from, .events = POLLIN };
        int64_t left = end - shim_milliseconds();
        int ready = left > 0 ? poll(&poller, 1, (int)left) : 0;
        ssize_t got;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return fail(why, sp_format("it cannot be waited for: %s", strerror(errno)));
        if (ready == 0)
            return fail(why, sp_format("it did not answer within %d seconds", SHIM_PATIENCE));
        got = read(from, block, sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(why, sp_format("its answer cannot be read: %s", strerror(errno)));
        if (got == 0)
            return true;
        if (used + (size_t)got > LONGEST_ANSWER ||
            BUF_MEM_grow(bytes, used + (size_t)got) != used + (size_t)got)
            return fail(why, sp_format("its answer is too long"));
        memcpy(bytes->data + used, block, (size_t)got);
        used += (size_t)got;
    }
}

bool shim_answer_next(struct shim_answer *answer, enum shim_given_kind *kind, const char **data,
                      size_t *length)
{
    const size_t left = answer->bytes->length - answer->at;
    struct head head;

    if (left < sizeof(head))
        return false;
    memcpy(&head, answer->bytes->data + answer->at, sizeof(head));
    if (head.length > left - sizeof(head) || head.kind > SHIM_GIVEN_ALL)
        return false;
    *kind = (enum shim_given_kind)head.kind;
    *data = answer->bytes->data + answer->at + sizeof(head);
    *length = head.length;
    answer->at += sizeof(head) + head.length;
    return true;
}

/* Is the answer complete?  If not, |*why| there is none. */
static bool is_complete(struct shim_answer *answer, char **why)
{
    enum shim_given_kind kind = SHIM_GIVEN_VALUE;
    const char *data = NULL;
    size_t length = 0;

    while (shim_answer_next(answer, &kind, &data, &length) && kind < SHIM_GIVEN_FAILURE)
        ;
    answer->at = 0;
    if (kind == SHIM_GIVEN_FAILURE)
        *why = OPENSSL_strndup(data, length);
    else if (kind != SHIM_GIVEN_ALL)
        *why = sp_format("the process that asked it ended early");
    return kind == SHIM_GIVEN_ALL;
}

bool shim_look_up(const struct shim_question *question, struct shim_answer *answer, int64_t *spent,
                  char **why)
{
    const int64_t begun = shim_milliseconds();
    const pid_t parent = getpid();
    int ends[2] = { -1, -1 };
    pid_t child = -1;
    bool is_read = false;

    *why = NULL;
    *answer = (struct shim_answer){ .bytes = BUF_MEM_new() };
    if (answer->bytes == NULL)
        return false;
    if (pipe2(ends, O_CLOEXEC) == 0)
        child = fork();
    if (child == 0)
        ask(question, ends[1], parent);
    if (child < 0)
        *why = sp_format("no process can be started: %s", strerror(errno));
    if (ends[1] >= 0)
        close(ends[1]);
    if (child > 0) {
        is_read = read_all(ends[0], answer->bytes, why);
        (void)kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (ends[0] >= 0)
        close(ends[0]);
    *spent += shim_milliseconds() - begun;
    return is_read && is_complete(answer, why);
}
