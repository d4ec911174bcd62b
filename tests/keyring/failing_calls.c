/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "failing_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static long left; /* calls until one fails; 0: none will */
static int why;   /* it will */
static int syncs;
static bool has_failed, sends_nothing, takes_for_files;

void sp_fail_call(long number, int reason)
{
    left = number;
    why = reason;
    syncs = 0;
    has_failed = false;
}

bool sp_fail_end(void)
{
    left = 0;
    return has_failed;
}

int sp_syncs(void)
{
    return syncs;
}

void sp_send_nothing(bool nothing)
{
    sends_nothing = nothing;
}

void sp_take_for_files(bool take)
{
    takes_for_files = take;
}

static bool fails(void)
{
    const bool now = left == 1;

    left -= left > 0;
    has_failed = has_failed || now;
    if (now)
        errno = why;
    return now;
}

/* The linker calls the second of each in the place of libc's function, which is the first. */
#define X(result, name, parameters, arguments, failed)                                             \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return fails() ? (failed) : __real_##name arguments;                                       \
    }

X(int, stat, (const char *path, struct stat *is), (path, is), -1)
X(int, lstat, (const char *path, struct stat *is), (path, is), -1)
X(int, fstat, (int fd, struct stat *is), (fd, is), -1)
X(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
X(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), -1)
X(char *, mkdtemp, (char *path), (path), NULL)
X(int, chmod, (const char *path, mode_t mode), (path, mode), -1)
X(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
X(int, futimens, (int fd, const struct timespec *times), (fd, times), -1)
X(int, renameat2, (int at, const char *from, int to_at, const char *to, unsigned flags),
  (at, from, to_at, to, flags), -1)
X(DIR *, fdopendir, (int fd), (fd), NULL)
X(DIR *, opendir, (const char *path), (path), NULL)
X(struct dirent *, readdir, (DIR * folder), (folder), NULL)

#undef X

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fstatat(int at, const char *path, struct stat *is, int flags);
int __wrap_fstatat(int at, const char *path, struct stat *is, int flags);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
ssize_t __real_sendfile(int to, int from, off_t *offset, size_t count);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t count);

int __wrap_fsync(int fd)
{
    syncs++;
    return fails() ? -1 : __real_fsync(fd);
}

int __wrap_fstatat(int at, const char *path, struct stat *is, int flags)
{
    const int code = fails() ? -1 : __real_fstatat(at, path, is, flags);

    if (code == 0 && takes_for_files)
        is->st_mode = S_IFREG | 0600;
    return code;
}

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode;
    va_list more;

    va_start(more, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return fails() ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int at, const char *path, int flags, ...)
{
    mode_t mode;
    va_list more;

    va_start(more, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return fails() ? -1 : __real_openat(at, path, flags, mode);
}

ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t count)
{
    if (sends_nothing)
        return 0;
    return fails() ? -1 : __real_sendfile(to, from, offset, count);
}
