/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/output.h"
#include "base/allocate.h"
#include "common/message.h"

static mode_t mode_of_new_file(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

/*
 * Is it one of our open streams?  /dev/stdout may be a regular file, and must then
 * stay the one that is open.
 */
static bool is_stream(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

/*
 * Does it name a descriptor that the caller does not have?  Ours are closed by exec,
 * and those that were inherited are not.
 */
static bool is_our_own(const char *path)
{
    static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
    int flags = 0;

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (strncmp(path, dirs[i], strlen(dirs[i])) == 0)
            flags = fcntl((int)strtol(path + strlen(dirs[i]), NULL, 10), F_GETFD);
    return flags == FD_CLOEXEC;
}

#define BY_OTHERS (S_IRGRP | S_IROTH)

/* Is it a device that stores nothing: /dev/null, zero, full, or the terminal /dev/tty? */
static bool keeps_nothing(const struct stat *is)
{
    unsigned number = minor(is->st_rdev);

    if (!S_ISCHR(is->st_mode))
        return false;
    return major(is->st_rdev) == 1 ? number == 3 || number == 5 || number == 7
                                   : major(is->st_rdev) == 5 && number == 0;
}

static bool is_device(const struct stat *is)
{
    return S_ISCHR(is->st_mode) || S_ISBLK(is->st_mode);
}

static bool is_of_another(const struct stat *is)
{
    return S_ISREG(is->st_mode) && is->st_uid != geteuid();
}

/*
 * May others read it?  With an access control list the group's bits are its mask.
 * The bits of a socket mean nothing.
 */
static bool is_readable(const struct stat *is, enum shim_secrecy secrecy)
{
    if (secrecy == SHIM_KEYS && is_of_another(is))
        return true;
    return !S_ISSOCK(is->st_mode) && !keeps_nothing(is) && (is->st_mode & BY_OTHERS) != 0;
}

/*
 * Take read access from others.  If the file has content, those who share it may
 * still write to it.  A device is not changed.
 */
static bool take_from_others(int fd, const struct stat *is)
{
    mode_t left = is->st_size > 0 ? 07777 & ~(mode_t)BY_OTHERS : 0700;

    return !is_device(is) && fchmod(fd, is->st_mode & left) == 0;
}

bool shim_make_private(int fd, enum shim_secrecy secrecy, const char *name)
{
    struct stat is;

    if (secrecy == SHIM_PUBLIC)
        return true;
    if (fstat(fd, &is) != 0) {
        shim_error("cannot write %s: %s", name, strerror(errno));
        return false;
    }
    if (!is_readable(&is, secrecy) || (secrecy == SHIM_MAIL && take_from_others(fd, &is)))
        return true;
    if (is_of_another(&is))
        shim_error("cannot write %s: it belongs to another user, who may read it; name a new file",
                   name);
    else if (is_device(&is))
        shim_error("cannot write %s: others may read the device; name a new file", name);
    else
        shim_error("cannot write %s: others may read it; name a new file, or make this one yours "
                   "alone before (chmod 600, or umask 077 where the shell makes it)",
                   name);
    return false;
}

/*
 * Find out how to replace the target.  Renaming would destroy a device or pipe, and
 * replace a symbolic link instead of its file.
 */
static bool settle_target(struct shim_output *output, const char *path)
{
    char target[PATH_MAX];
    struct stat is;

    output->mode = mode_of_new_file();
    if (is_our_own(path)) {
        errno = EBADF;
        return false;
    }
    if (stat(path, &is) != 0) {
        /* If stat() fails it may be a device, too. */
        if (errno != ENOENT)
            return false;
    } else {
        if (S_ISDIR(is.st_mode)) {
            errno = EISDIR;
            return false;
        }
        /* A file that was private stays private. */
        output->mode = is.st_mode & 0777;
        output->in_place =
            !S_ISREG(is.st_mode) || is_stream(path) || realpath(path, target) == NULL;
        /* Keys are not written into a file that others may have open. */
        output->fill =
            is.st_size == 0 && (output->secrecy != SHIM_KEYS || !is_readable(&is, output->secrecy));
        if (!output->in_place)
            path = target;
    }
    if (output->secrecy != SHIM_PUBLIC)
        output->mode = (output->mode & 0700) | 0600;
    output->wanted = OPENSSL_strdup(path);
    return output->wanted != NULL;
}

/* Make the temporary file beside the target, to rename it; false with errno set. */
static bool make_beside(struct shim_output *output)
{
    const char *slash = strrchr(output->wanted, '/');
    char *dir = slash == NULL ? OPENSSL_strdup(".")
                              : OPENSSL_strndup(output->wanted, (size_t)(slash - output->wanted));
    int fd = -1;

    if (dir != NULL)
        fd = shim_temporary(&output->temporary, "/.smime-policy.XXXXXX",
                            output->in_place ? shim_spool_dir() : dir);
    OPENSSL_free(dir);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/*
 * Make the temporary file elsewhere.  Mailers and services may write a file but not
 * its directory; then it is filled in place, as openssl does it.
 */
static bool make_elsewhere(struct shim_output *output)
{
    int reason = errno;

    if ((reason == EACCES || reason == EROFS || reason == EPERM) &&
        faccessat(AT_FDCWD, output->wanted, W_OK, AT_EACCESS) == 0) {
        output->in_place = true;
        return make_beside(output);
    }
    errno = reason;
    return false;
}

bool shim_output_begin(struct shim_output *output, const char *path, enum shim_secrecy secrecy)
{
    *output = (struct shim_output){ .secrecy = secrecy, .holds = true };
    shim_hold_signals(&output->before);
    if (settle_target(output, path) && (make_beside(output) || make_elsewhere(output)))
        return true;
    shim_error("cannot write %s: %s", path, strerror(errno));
    return false;
}

/*
 * Is there space for what is longer than the file?  Asked before its content is
 * lost; false with errno set.
 */
static bool has_space(int to, const struct stat *is, off_t length)
{
    int why = length <= is->st_size ? 0 : posix_fallocate(to, is->st_size, length - is->st_size);

    if (why == 0 || why == EOPNOTSUPP || why == EINVAL)
        return true;
    (void)!ftruncate(to, is->st_size);
    errno = why;
    return false;
}

static bool is_fifo(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 && S_ISFIFO(is.st_mode);
}

/*
 * Open the target to write over it, and wait for the reader of a FIFO.  -1 with errno set; errno is
 * 0 if the reason was printed.
 */
static int open_over(const struct shim_output *output)
{
    int to;

    do
        to = open(output->wanted, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (to < 0 && errno == ENXIO && is_fifo(output->wanted) && shim_wait_to_write(-1));

    if (to < 0 || shim_make_private(to, output->secrecy, output->wanted))
        return to;
    close(to);
    errno = 0;
    return -1;
}

/* Copy |from| over |to|.  |*begun|: the old content of the file is lost. */
static bool fill(int from, int to, bool *begun)
{
    struct stat is;
    struct stat source;

    if (fstat(to, &is) != 0 || fstat(from, &source) != 0)
        return false;
    if (!S_ISREG(is.st_mode))
        return shim_copy_all(from, to);
    if (!has_space(to, &is, source.st_size))
        return false;
    *begun = true;
    return shim_copy_all(from, to) && ftruncate(to, source.st_size) == 0;
}

static bool copy_over(const struct shim_output *output)
{
    int from = open(output->temporary, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : open_over(output);
    bool begun = false;
    bool done = to >= 0 && fill(from, to, &begun);
    int reason = errno;

    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    /* Truncate after a failure: no old content is lost by that, and no partial one stays. */
    if (!done && begun)
        (void)!truncate(output->wanted, 0);
    errno = reason;
    return done;
}

static bool move_over(struct shim_output *output)
{
    if (chmod(output->temporary, output->mode) != 0 ||
        rename(output->temporary, output->wanted) != 0)
        return false;
    OPENSSL_free(output->temporary);
    output->temporary = NULL;
    return true;
}

int shim_output_open(const struct shim_output *output)
{
    int fd = open(output->temporary, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        shim_error("cannot write %s: %s", output->wanted, strerror(errno));
    return fd;
}

static void remove_temporary(struct shim_output *output)
{
    if (output->temporary != NULL)
        unlink(output->temporary);
    OPENSSL_free(output->temporary);
    output->temporary = NULL;
}

static bool commit(struct shim_output *output)
{
    enum shim_written written =
        output->look != NULL ? output->look(output->temporary) : SHIM_WRITTEN;

    if (written == SHIM_NOTHING_WRITTEN)
        return true;
    if (written == SHIM_WRITTEN &&
        (output->in_place || output->fill ? copy_over(output) : move_over(output)))
        return true;
    if (errno != 0)
        shim_error("cannot write %s: %s", output->wanted, strerror(errno));
    return false;
}

bool shim_output_commit(struct shim_output *output)
{
    bool done = commit(output);

    if (!done || output->in_place)
        remove_temporary(output);
    return done;
}

void shim_output_end(struct shim_output *output)
{
    remove_temporary(output);
    OPENSSL_free(output->wanted);
    if (output->holds)
        sigprocmask(SIG_SETMASK, &output->before, NULL);
}
