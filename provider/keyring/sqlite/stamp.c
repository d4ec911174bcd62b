/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A database that stays open between two questions, in a process that is not ours.
 *
 * The program may close every descriptor that it does not know, as daemons do, and
 * open files of its own under their numbers.  So SQLite's descriptor is found out, and
 * before the next question it must still be open on the same file.  Otherwise the
 * database is left as it is, not even closed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "keyring/forks.h"
#include "keyring/sqlite/store.h"

static void take_stamp(struct sp_stamp *stamp, const char *file)
{
    *stamp = (struct sp_stamp){ .user = geteuid(), .process = getpid() };
    /* If it cannot be found out it stays that of no file. */
    (void)statx(AT_FDCWD, file, 0, STATX_BASIC_STATS, &stamp->file);
}

/*
 * Is it unchanged, and seen by the same user of the same process?  The time of change
 * is set by whatever is done to a file.
 */
static bool same_stamp(const struct sp_stamp *one, const struct sp_stamp *other)
{
    return one->file.stx_ctime.tv_sec == other->file.stx_ctime.tv_sec &&
           one->file.stx_ctime.tv_nsec == other->file.stx_ctime.tv_nsec &&
           one->user == other->user && one->process == other->process;
}

static bool is_open_on(int fd, const struct statx *file)
{
    struct statx is;

    return statx(fd, "", AT_EMPTY_PATH, STATX_INO, &is) == 0 &&
           is.stx_dev_major == file->stx_dev_major && is.stx_dev_minor == file->stx_dev_minor &&
           is.stx_ino == file->stx_ino;
}

/* The number of the next descriptor, unless another thread is faster. */
static int next_descriptor(void)
{
    int fd = open("/", O_PATH | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd;
}

int sp_stamp_open(struct sp_database *keyring, const char *file, int flags)
{
    /* Two threads that open the same database must not take each other's descriptor. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    int code;

    take_stamp(&keyring->stamp, file);
    (void)pthread_mutex_lock(&one_at_a_time);
    keyring->fd = next_descriptor();
    code = keyring->sq->open_v2(file, &keyring->db, flags, NULL);
    if (!is_open_on(keyring->fd, &keyring->stamp.file))
        keyring->fd = -1;
    (void)pthread_mutex_unlock(&one_at_a_time);
    return code;
}

bool sp_stamp_may_close(const struct sp_database *keyring)
{
    return keyring->fd < 0 ||
           (keyring->stamp.process == getpid() && is_open_on(keyring->fd, &keyring->stamp.file));
}

bool sp_sqlite_may_stay(struct sp_keyring *opened)
{
    struct sp_database *keyring = sp_database(opened);

    /* A store may have had it open for long.  The descriptor of the private keys is not known. */
    if (keyring->has_keys || !sp_stamp_may_close(keyring))
        return false;
    /* These pages are enough for many questions, and little for a daemon. */
    if (!keyring->stayed && !sp_keyring_is_in_command())
        (void)sp_store_run(keyring, "PRAGMA main.cache_size = -256");
    keyring->stayed = true;
    return keyring->fd >= 0 && keyring->why == NULL;
}

bool sp_sqlite_is_current(struct sp_keyring *opened, const char *path)
{
    const struct sp_database *keyring = sp_database(opened);
    char *file = sp_store_file(path, SP_CERTIFICATES);
    char *fault = NULL;
    struct sp_stamp now;
    bool is = file != NULL && strcmp(keyring->path, path) == 0 && sp_files_safe(path, &fault) &&
              eaccess(file, R_OK) == 0;

    if (is) {
        take_stamp(&now, file);
        is = same_stamp(&keyring->stamp, &now) && is_open_on(keyring->fd, &now.file);
    }
    OPENSSL_free(fault);
    OPENSSL_free(file);
    return is;
}
