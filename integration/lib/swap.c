/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * swap HOW NUMBER PATH OTHER LOG PROGRAM ARGUMENT...
 *
 * Runs a program and follows it and its children.  Before the system call NUMBER of
 * those that name PATH, or a descriptor of it, the file OTHER takes its place.  HOW:
 *   once   they are exchanged
 *   again  they are exchanged before each such call from then on
 *   over   the bytes of OTHER are written over those of PATH
 * How many such calls there were is written to LOG.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *how, *path, *other;
static unsigned long wanted, seen;

static void give_up(const char *what)
{
    fprintf(stderr, "swap: %s: %s\n", what, strerror(errno));
    exit(99);
}

static void write_over(void)
{
    static char bytes[1 << 20];
    int from = open(other, O_RDONLY);
    int to = open(path, O_WRONLY | O_TRUNC);
    ssize_t got = read(from, bytes, sizeof(bytes));

    if (from < 0 || to < 0 || got < 0 || write(to, bytes, (size_t)got) != got)
        give_up(path);
    close(from);
    close(to);
}

static void swap(void)
{
    if (strcmp(how, "over") == 0)
        write_over();
    else if (renameat2(AT_FDCWD, other, AT_FDCWD, path, RENAME_EXCHANGE) != 0)
        give_up(path);
}

/* Is the path at |address| of the process? */
static bool is_named(pid_t pid, uint64_t address)
{
    char text[PATH_MAX];
    const size_t len = strlen(path) + 1;
    struct iovec here = { text, len };
    struct iovec there = { (void *)(uintptr_t)address, len };

    return address > 4096 && process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)len &&
           memcmp(text, path, len) == 0;
}

/* Is it a descriptor of the file? */
static bool is_open(pid_t pid, uint64_t fd)
{
    char link[64];
    char target[PATH_MAX];
    ssize_t len;

    if (fd > 1024)
        return false;
    (void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)fd);
    len = readlink(link, target, sizeof(target));
    return len == (ssize_t)strlen(path) && memcmp(target, path, (size_t)len) == 0;
}

static void enter(pid_t pid)
{
    struct __ptrace_syscall_info call;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call) <= 0 ||
        call.op != PTRACE_SYSCALL_INFO_ENTRY ||
        !(is_named(pid, call.entry.args[0]) || is_named(pid, call.entry.args[1]) ||
          is_open(pid, call.entry.args[0])))
        return;
    seen++;
    if (wanted > 0 && (seen == wanted || (seen > wanted && strcmp(how, "again") == 0)))
        swap();
}

static pid_t begin(char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            give_up("ptrace");
        raise(SIGSTOP);
        execv(argv[0], argv);
        give_up(argv[0]);
    }
    if (waitpid(pid, NULL, __WALL) != pid ||
        ptrace(PTRACE_SETOPTIONS, pid, 0,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0 ||
        ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0)
        give_up("ptrace");
    return pid;
}

/* The signal that a process which has stopped goes on with. */
static int passed_on(pid_t pid, int status)
{
    int stopped = WSTOPSIG(status);

    if (stopped == (SIGTRAP | 0x80))
        enter(pid);
    return stopped == (SIGTRAP | 0x80) || stopped == SIGTRAP || stopped == SIGSTOP ? 0 : stopped;
}

static int follow(pid_t first)
{
    int code = 99;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, __WALL)) > 0)
        if (WIFSTOPPED(status))
            (void)ptrace(PTRACE_SYSCALL, pid, 0, passed_on(pid, status));
        else if (pid == first)
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code;
}

int main(int argc, char **argv)
{
    FILE *log;
    int code;

    if (argc < 7)
        return 99;
    how = argv[1];
    wanted = strtoul(argv[2], NULL, 10);
    path = argv[3];
    other = argv[4];
    code = follow(begin(argv + 6));
    log = fopen(argv[5], "w");
    if (log == NULL || fprintf(log, "%lu\n", seen) < 0 || fclose(log) != 0)
        give_up(argv[5]);
    return code;
}
