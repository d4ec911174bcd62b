/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An output appears whole or not at all, and only those read it who may.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/output.h"
#include "keyrings.h"
#include "tool/run/run.h"

#define NEW "the new content\n"

/* The name of the output; its directory is empty. */
static char *place;

static void set_up(void)
{
    umask(022);
    place = sp_make_place();
}

static void tear_down(void)
{
    sp_remove_place(place);
}

static void write_file(const char *path, const char *content, mode_t mode)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(content, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void expect_content(const char *path, const char *expected)
{
    char content[200] = "";
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_lt(fread(content, 1, sizeof(content) - 1, file), sizeof(content) - 1);
    fclose(file);
    ck_assert_str_eq(content, expected);
}

static struct stat status(const char *path)
{
    struct stat is;

    ck_assert_int_eq(lstat(path, &is), 0);
    return is;
}

/* There are |count| files beside each other, temporary ones included. */
static void expect_files(int count)
{
    char *slash = strrchr(place, '/');
    DIR *dir;

    *slash = '\0';
    dir = opendir(place);
    *slash = '/';
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count--;
    closedir(dir);
    ck_assert_int_eq(count, 0);
}

/* As stock writes |content|, up to where it is handed over. */
static bool prepare_output(struct shim_output *output, const char *path, enum shim_secrecy secrecy,
                           const char *content)
{
    int fd;

    if (!shim_output_begin(output, path, secrecy))
        return false;
    fd = shim_output_open(output);
    ck_assert_int_ge(fd, 0);
    ck_assert(shim_write_all(fd, content, strlen(content)));
    close(fd);
    return true;
}

/* The number that the next file gets. */
static int next_descriptor(void)
{
    const int fd = dup(STDIN_FILENO);

    close(fd);
    return fd;
}

/* Whether it is done or not, no file stays open. */
static bool write_output(const char *path, enum shim_secrecy secrecy, bool certificates,
                         const char *content)
{
    const int next = next_descriptor();
    struct shim_output output;
    bool done = prepare_output(&output, path, secrecy, content);

    output.look = certificates ? shim_certificates_written : NULL;
    done = done && shim_output_commit(&output);
    shim_output_end(&output);
    ck_assert_int_eq(next_descriptor(), next);
    return done;
}

/* Handing 4 KB over to |path| fails where no file may be as long. */
static void expect_no_room(const char *path)
{
    struct rlimit before, limit;
    struct shim_output output;
    char content[4096];

    memset(content, 'x', sizeof(content) - 1);
    content[sizeof(content) - 1] = '\0';
    ck_assert(prepare_output(&output, path, SHIM_PUBLIC, content));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){ 1000, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_output_commit(&output));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    sp_expect_captured(STDERR_FILENO, "File too large");
    shim_output_end(&output);
}

/* What was there, NULL for nothing, and what mode the output has then.  The inode is told from
 * another, because whoever has the file open reads on in it. */
static const struct {
    const char *before;
    mode_t before_mode;
    enum shim_secrecy secrecy;
    mode_t mode;
    bool same_inode;
} written[] = {
    { NULL, 0, SHIM_PUBLIC, 0644, false },     { NULL, 0, SHIM_MAIL, 0600, false },
    { NULL, 0, SHIM_KEYS, 0600, false },       { "old", 0640, SHIM_PUBLIC, 0640, false },
    { "old", 0400, SHIM_PUBLIC, 0400, false }, { "old", 0666, SHIM_MAIL, 0600, false },
    { "old", 0644, SHIM_KEYS, 0600, false },   { "", 0644, SHIM_PUBLIC, 0644, true },
    { "", 0664, SHIM_MAIL, 0600, true },       { "", 0600, SHIM_KEYS, 0600, true },
    { "", 0604, SHIM_KEYS, 0600, false },
};

START_TEST(is_written)
{
    int fd = -1;
    struct stat is;

    if (written[_i].before != NULL) {
        write_file(place, written[_i].before, written[_i].before_mode);
        /* Held open, so that its inode is not used again. */
        fd = open(place, O_RDONLY | O_CLOEXEC);
    }
    ck_assert(write_output(place, written[_i].secrecy, false, NEW));
    expect_content(place, NEW);
    ck_assert_uint_eq(status(place).st_mode & 07777, written[_i].mode);
    if (fd >= 0) {
        ck_assert_int_eq(fstat(fd, &is), 0);
        ck_assert_int_eq(is.st_ino == status(place).st_ino, written[_i].same_inode);
        close(fd);
    }
    expect_files(1);
}
END_TEST

START_TEST(is_not_there_before_it_is_handed_over)
{
    struct shim_output output;

    if (_i == 1)
        write_file(place, "old", 0644);
    ck_assert(prepare_output(&output, place, SHIM_PUBLIC, NEW));
    if (_i == 1)
        expect_content(place, "old");
    shim_output_end(&output);
    expect_files(_i);
    if (_i == 1)
        expect_content(place, "old");
}
END_TEST

START_TEST(a_link_stays)
{
    char link[200];

    snprintf(link, sizeof(link), "%s.link", place);
    write_file(place, "old", 0644);
    ck_assert_int_eq(symlink(place, link), 0);
    ck_assert(write_output(link, SHIM_PUBLIC, false, NEW));
    ck_assert(S_ISLNK(status(link).st_mode));
    expect_content(place, NEW);
    expect_files(2);
}
END_TEST

/* Certificates as stock writes them: it does not look whether they reached the disk. */
#define END "-----END CERTIFICATE-----\n"
static const struct {
    const char *content;
    bool done;
    const char *after;
} certificates[] = {
    { "x\n" END, true, "x\n" END },
    { END, true, END },
    { "", true, "old" },
    { "x\n-----END CERTIFICATE-----", false, "old" },
    { "x\n" END "-----BEGIN", false, "old" },
    { "x", false, "old" },
};

START_TEST(certificates_end_whole)
{
    write_file(place, "old", 0644);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(write_output(place, SHIM_PUBLIC, true, certificates[_i].content),
                     certificates[_i].done);
    sp_expect_captured(STDERR_FILENO, certificates[_i].done ? NULL : "No space left on device");
    expect_content(place, certificates[_i].after);
    expect_files(1);
}
END_TEST

START_TEST(a_target_that_cannot_be_written_is_named)
{
    static const struct {
        const char *path;
        const char *why;
    } rows[] = {
        { "/nonexistent/x", "cannot write /nonexistent/x: No such file or directory" },
        { "/", "cannot write /: Is a directory" },
        { "/dev/null/x", "cannot write /dev/null/x: Not a directory" },
        { "/dev/full", "cannot write /dev/full: No space left on device" },
    };
    struct shim_output output;

    for (int i = 0; i < SP_ROWS(rows); i++) {
        /* The last one is written when it is handed over. */
        sp_capture_begin(STDERR_FILENO);
        ck_assert_int_eq(shim_output_begin(&output, rows[i].path, SHIM_PUBLIC),
                         i == SP_ROWS(rows) - 1);
        shim_output_end(&output);
        free(sp_capture_end(STDERR_FILENO));
        sp_capture_begin(STDERR_FILENO);
        ck_assert(!write_output(rows[i].path, SHIM_PUBLIC, false, NEW));
        sp_expect_captured(STDERR_FILENO, rows[i].why);
    }
    ck_assert(write_output("/dev/null", SHIM_KEYS, false, NEW));
    ck_assert(S_ISCHR(status("/dev/null").st_mode));
}
END_TEST

START_TEST(a_pipe_is_written_to_and_stays)
{
    char content[100] = "", *said;
    int reader;

    ck_assert_int_eq(mkfifo(place, 0644), 0);
    reader = open(place, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!write_output(place, SHIM_KEYS, false, NEW));
    said = sp_capture_end(STDERR_FILENO);
    ck_assert_ptr_nonnull(strstr(said, "others may read it; name a new file"));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    free(said);
    ck_assert_int_eq(read(reader, content, sizeof(content)), 0);

    ck_assert(write_output(place, SHIM_PUBLIC, false, NEW));
    ck_assert_int_eq(read(reader, content, sizeof(content)), (ssize_t)strlen(NEW));
    ck_assert_str_eq(content, NEW);
    ck_assert(S_ISFIFO(status(place).st_mode));
    close(reader);
}
END_TEST

/* What was copied is removed at once, while signals are held back. */
START_TEST(a_copy_leaves_no_file)
{
    struct shim_output output;
    char *temporary;

    ck_assert(prepare_output(&output, "/dev/null", SHIM_PUBLIC, NEW));
    temporary = strdup(output.temporary);
    ck_assert_int_eq(access(temporary, F_OK), 0);
    ck_assert(shim_output_commit(&output));
    ck_assert_int_eq(access(temporary, F_OK), -1);
    shim_output_end(&output);
    free(temporary);
}
END_TEST

/* The pipe that somebody opens as soon as he is waited for, and what he reads from then. */
static const char *awaited;
static int late_reader;

int __real_poll(struct pollfd *on, nfds_t count, int patience);
int __wrap_poll(struct pollfd *on, nfds_t count, int patience);

int __wrap_poll(struct pollfd *on, nfds_t count, int patience)
{
    if (awaited != NULL) {
        /* No descriptor of ours tells that he has come. */
        ck_assert_int_eq(on->fd, -1);
        late_reader = open(awaited, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        awaited = NULL;
    }
    return __real_poll(on, count, patience);
}

START_TEST(a_reader_is_waited_for)
{
    char content[100] = "";

    ck_assert_int_eq(mkfifo(place, 0644), 0);
    awaited = place;
    ck_assert(write_output(place, SHIM_PUBLIC, false, NEW));
    ck_assert_ptr_null(awaited);
    ck_assert_int_eq(read(late_reader, content, sizeof(content)), (ssize_t)strlen(NEW));
    ck_assert_str_eq(content, NEW);
    close(late_reader);
}
END_TEST

/* A signal ends the wait, and nothing is left. */
START_TEST(no_reader_is_waited_for)
{
    struct shim_output output;
    char *temporary;

    ck_assert_int_eq(mkfifo(place, 0644), 0);
    ck_assert(prepare_output(&output, place, SHIM_PUBLIC, NEW));
    temporary = strdup(output.temporary);
    ck_assert_int_eq(raise(SIGTERM), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_output_commit(&output));
    sp_expect_captured(STDERR_FILENO, ": Interrupted system call\n");
    ck_assert_int_eq(access(temporary, F_OK), -1);
    /* It is not to end the test. */
    ck_assert(signal(SIGTERM, SIG_IGN) != SIG_ERR);
    shim_output_end(&output);
    free(temporary);
}
END_TEST

/* What is neither a file nor a pipe is not waited for. */
START_TEST(a_socket_is_not_written)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int ends_of_it[2], server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_uint_lt(strlen(place), sizeof(at.sun_path));
    strcpy(at.sun_path, place);
    ck_assert_int_eq(bind(server, (const struct sockaddr *)&at, sizeof(at)), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!write_output(place, SHIM_PUBLIC, false, NEW));
    sp_expect_captured(STDERR_FILENO, ": No such device or address\n");
    close(server);
    /* The bits of one that is open mean nothing. */
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_of_it), 0);
    ck_assert(shim_make_private(ends_of_it[0], SHIM_KEYS, "it"));
    close(ends_of_it[0]);
    close(ends_of_it[1]);
}
END_TEST

/* The temporary file is gone before it is written, or handed over. */
START_TEST(a_temporary_file_that_is_gone)
{
    struct shim_output output;
    int next = dup(STDIN_FILENO);

    close(next);
    if (_i == 1)
        ck_assert_int_eq(mkfifo(place, 0600), 0);
    ck_assert(prepare_output(&output, place, SHIM_PUBLIC, NEW));
    ck_assert_int_eq(unlink(output.temporary), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_open(&output), -1);
    sp_expect_captured(STDERR_FILENO, ": No such file or directory\n");
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_output_commit(&output));
    sp_expect_captured(STDERR_FILENO, ": No such file or directory\n");
    ck_assert_ptr_null(output.temporary);
    shim_output_end(&output);
    ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
    ck_assert_int_eq(dup(STDIN_FILENO), next);
    close(next);
    expect_files(_i);
}
END_TEST

/* A link that leads to itself is no place for a file, and stays. */
START_TEST(a_link_without_end)
{
    ck_assert_int_eq(symlink(place, place), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!write_output(place, SHIM_PUBLIC, false, NEW));
    sp_expect_captured(STDERR_FILENO, ": Too many levels of symbolic links\n");
    ck_assert(S_ISLNK(status(place).st_mode));
    expect_files(1);
}
END_TEST

/* A name without a directory is of the current one. */
START_TEST(a_bare_name)
{
    char *slash = strrchr(place, '/');

    *slash = '\0';
    ck_assert_int_eq(chdir(place), 0);
    *slash = '/';
    ck_assert(write_output(slash + 1, SHIM_PUBLIC, false, NEW));
    expect_content(place, NEW);
    expect_files(1);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Where no temporary file can be beside it for another reason than that of its directory. */
START_TEST(a_name_that_is_too_long)
{
    char *folder = malloc(PATH_MAX), *link = malloc(PATH_MAX);
    size_t length = (size_t)(strrchr(place, '/') - place);
    struct stat before;

    memcpy(folder, place, length);
    while (length < 4080) {
        size_t more = 4080 - length > 250 + 2 ? 250 : 4080 - length - 1;

        folder[length++] = '/';
        memset(folder + length, 'd', more);
        folder[length += more] = '\0';
        ck_assert_int_eq(mkdir(folder, 0700), 0);
    }
    ck_assert_int_eq(snprintf(link, PATH_MAX, "%s/x", folder), 4082);
    write_file(link, "old", 0644);
    before = status(link);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!write_output(link, SHIM_PUBLIC, false, NEW));
    sp_expect_captured(STDERR_FILENO, ": File name too long\n");
    expect_content(link, "old");
    ck_assert_uint_eq(status(link).st_ino, before.st_ino);
    free(folder);
    free(link);
}
END_TEST

/* A file that has no name any more is written where it is. */
START_TEST(a_file_without_a_name)
{
    char path[40], content[100] = "";
    int fd;

    write_file(place, "old", 0644);
    fd = open(place, O_RDWR);
    ck_assert_int_eq(unlink(place), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ck_assert(write_output(path, SHIM_PUBLIC, false, NEW));
    ck_assert_int_eq(pread(fd, content, sizeof(content) - 1, 0), (ssize_t)strlen(NEW));
    ck_assert_str_eq(content, NEW);
    close(fd);
    expect_files(0);
}
END_TEST

/* A reader is waited for, but no descriptor. */
START_TEST(a_pipe_that_cannot_be_opened)
{
    struct rlimit before, limit;
    struct shim_output output;
    int next, reader;

    ck_assert_int_eq(mkfifo(place, 0644), 0);
    reader = open(place, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert(prepare_output(&output, place, SHIM_MAIL, NEW));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    sp_capture_begin(STDERR_FILENO);
    next = dup(reader);
    close(next);
    limit = (struct rlimit){ (rlim_t)(next + _i), before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(!shim_output_commit(&output));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    sp_expect_captured(STDERR_FILENO, ": Too many open files\n");
    shim_output_end(&output);
    close(reader);
}
END_TEST

/* An empty file is filled in its place: without room it is empty again, and not half full. */
START_TEST(half_a_file_is_taken_back)
{
    write_file(place, "", 0644);
    expect_no_room(place);
    ck_assert_int_eq(status(place).st_size, 0);
    expect_files(1);
}
END_TEST

/* What the kernel refuses once: to make a file, or to keep room for it. */
static int no_file, no_room;

int __real_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags);
int __real_posix_fallocate(int fd, off_t at, off_t length);
int __wrap_posix_fallocate(int fd, off_t at, off_t length);

int __wrap_mkostemp(char *path, int flags)
{
    errno = no_file;
    no_file = 0;
    return errno != 0 ? -1 : __real_mkostemp(path, flags);
}

int __wrap_posix_fallocate(int fd, off_t at, off_t length)
{
    const int why = no_room;

    no_room = 0;
    return why != 0 ? why : __real_posix_fallocate(fd, at, length);
}

/* Where nobody may make a file beside it, it is filled; what may pass is a failure. */
START_TEST(a_file_beside_it_is_refused)
{
    static const struct {
        int why;
        bool done;
    } rows[] = { { EACCES, true }, { EROFS, true }, { EPERM, true }, { ENOSPC, false } };

    for (int i = 0; i < SP_ROWS(rows); i++) {
        struct stat before;

        write_file(place, "old", 0644);
        before = status(place);
        sp_capture_begin(STDERR_FILENO);
        no_file = rows[i].why;
        ck_assert_int_eq(write_output(place, SHIM_PUBLIC, false, NEW), rows[i].done);
        sp_expect_captured(STDERR_FILENO, rows[i].done ? NULL : ": No space left on device\n");
        expect_content(place, rows[i].done ? NEW : "old");
        ck_assert_uint_eq(status(place).st_ino, before.st_ino);
        expect_files(1);
    }
}
END_TEST

/* A file system that keeps no room is written to; one that has none loses nothing. */
START_TEST(room_for_it_is_refused)
{
    static const struct {
        int why;
        bool done;
    } rows[] = { { EOPNOTSUPP, true }, { EINVAL, true }, { ENOSPC, false } };

    for (int i = 0; i < SP_ROWS(rows); i++) {
        char path[30];
        int fd;

        write_file(place, "old", 0644);
        fd = open(place, O_RDWR);
        snprintf(path, sizeof(path), "/dev/fd/%d", fd);
        sp_capture_begin(STDERR_FILENO);
        no_room = rows[i].why;
        ck_assert_int_eq(write_output(path, SHIM_PUBLIC, false, NEW), rows[i].done);
        sp_expect_captured(STDERR_FILENO, rows[i].done ? NULL : ": No space left on device\n");
        expect_content(place, rows[i].done ? NEW : "old");
        close(fd);
    }
}
END_TEST

/* Files in memory have names below /dev, and are replaced as others are. */
START_TEST(a_file_is_replaced)
{
    char paths[2][30] = { "/dev/shm/test_output.XXXXXX", "/tmp/test_output.XXXXXX" };
    char *path = paths[_i];
    const int fd = mkstemp(path);
    struct stat before;

    if (fd < 0)
        return; /* in a container */
    ck_assert(shim_write_all(fd, "old", 3));
    ck_assert_int_eq(fstat(fd, &before), 0);
    ck_assert(write_output(path, SHIM_PUBLIC, false, NEW));
    expect_content(path, NEW);
    ck_assert_uint_ne(status(path).st_ino, before.st_ino);
    ck_assert_int_eq(unlink(path), 0);
    close(fd);
}
END_TEST

/* What is open already, as standard output may be: the file stays, and is all new or all old. */
START_TEST(an_open_file_is_written_in_its_place)
{
    static const char old[] = "the old content, which is longer\n";
    char path[30];
    int fd;

    write_file(place, old, 0644);
    fd = open(place, O_RDWR);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    if (_i == 0) {
        ck_assert(write_output(path, SHIM_PUBLIC, false, NEW));
        expect_content(path, NEW);
    } else {
        expect_no_room(path);
        expect_content(path, old);
    }
    close(fd);
    expect_files(1);
}
END_TEST

/* Once the old content is lost, no part of the new one stays. */
START_TEST(half_a_file_is_no_file)
{
    static char old[8192];
    char path[30];
    int fd;

    memset(old, 'o', sizeof(old) - 1);
    write_file(place, old, 0644);
    fd = open(place, O_RDWR);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    expect_no_room(path);
    ck_assert_int_eq(status(place).st_size, 0);
    close(fd);
    expect_files(1);
}
END_TEST

/* The caller cannot mean a descriptor that is ours. */
START_TEST(a_file_of_our_own_is_not_written)
{
    static const char *const dirs[] = { "/dev/fd", "/proc/self/fd", "/proc/thread-self/fd" };
    char path[40];
    int fd;

    write_file(place, "old", 0644);
    fd = open(place, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(dup3(fd, 20, O_CLOEXEC), 20);
    close(fd);
    fd = 20;
    snprintf(path, sizeof(path), "%s/%d", dirs[_i], fd);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!write_output(path, SHIM_PUBLIC, false, NEW));
    sp_expect_captured(STDERR_FILENO, "Bad file descriptor");
    expect_content(place, "old");
    close(fd);
    expect_files(1);
}
END_TEST

/* What is written to a descriptor that was there before. */
static const struct {
    mode_t before;
    const char *content;
    enum shim_secrecy secrecy;
    bool done;
    mode_t after;
} private[] = {
    { 0644, "", SHIM_PUBLIC, true, 0644 },   { 0644, "", SHIM_MAIL, true, 0600 },
    { 0666, "mine", SHIM_MAIL, true, 0622 }, { 0666, "x", SHIM_MAIL, true, 0622 },
    { 0640, "", SHIM_KEYS, false, 0640 },    { 0604, "x", SHIM_KEYS, false, 0604 },
    { 0600, "", SHIM_KEYS, true, 0600 },     { 0622, "mine", SHIM_KEYS, true, 0622 },
};

START_TEST(others_do_not_read_it)
{
    int fd;

    write_file(place, private[_i].content, private[_i].before);
    fd = open(place, O_WRONLY | O_CLOEXEC);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_make_private(fd, private[_i].secrecy, "it"), private[_i].done);
    sp_expect_captured(STDERR_FILENO, private[_i].done ? NULL : "cannot write it: others may read");
    ck_assert_uint_eq(status(place).st_mode & 07777, private[_i].after);
    close(fd);
}
END_TEST

/* A device is not changed; what it is given is stored nowhere, or others may read it. */
START_TEST(a_device_is_not_made_private)
{
    static const char *const stores_nothing[] = { "/dev/null", "/dev/zero", "/dev/full" };
    int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct stat is;
    int fd;

    ck_assert_int_ge(pty, 0);
    ck_assert(grantpt(pty) == 0 && unlockpt(pty) == 0);
    fd = open(ptsname(pty), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    for (enum shim_secrecy secrecy = SHIM_MAIL; secrecy <= SHIM_KEYS; secrecy++) {
        ck_assert_int_eq(fchmod(fd, 0604), 0);
        sp_capture_begin(STDERR_FILENO);
        ck_assert(!shim_make_private(fd, secrecy, "it"));
        sp_expect_captured(STDERR_FILENO, "cannot write it: others may read the device; name a");
        ck_assert_int_eq(fstat(fd, &is), 0);
        ck_assert_uint_eq(is.st_mode & 07777, 0604);
        ck_assert_int_eq(fchmod(fd, 0622), 0);
        ck_assert(shim_make_private(fd, secrecy, "it"));
    }
    close(fd);
    close(pty);
    for (int i = 0; i < SP_ROWS(stores_nothing); i++) {
        fd = open(stores_nothing[i], O_WRONLY | O_CLOEXEC);
        ck_assert(shim_make_private(fd, SHIM_KEYS, "it"));
        close(fd);
    }
}
END_TEST

static int ends[2];

static void nothing(int number)
{
    (void)number;
}

static pthread_t waiting;

/* Interrupt who waits for the pipe.  Then write to it, or read all that is written. */
static void *interrupt(void *content)
{
    const struct timespec moment = { .tv_nsec = 100000 };
    static char buffer[1 << 16];

    for (int i = 0; i < 200; i++) {
        (void)pthread_kill(waiting, SIGUSR1);
        (void)nanosleep(&moment, NULL);
    }
    if (content != NULL)
        ck_assert(shim_write_all(ends[1], content, strlen(content)));
    if (content != NULL)
        close(ends[1]);
    while (content == NULL && read(ends[0], buffer, sizeof(buffer)) > 0)
        ;
    return NULL;
}

/* A signal that comes while the pipe is full, or empty, loses nothing. */
START_TEST(interrupted)
{
    static const char block[1 << 18];
    const struct sigaction action = { .sa_handler = nothing };
    static char content[] = NEW;
    pthread_t other;
    int fd;

    waiting = pthread_self();
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    if (_i == 0) {
        ck_assert_int_eq(pthread_create(&other, NULL, interrupt, NULL), 0);
        ck_assert(shim_write_all(ends[1], block, sizeof(block)));
        close(ends[1]);
    } else {
        fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_eq(pthread_create(&other, NULL, interrupt, content), 0);
        ck_assert(shim_copy_rest(ends[0], fd));
        close(fd);
        expect_content(place, NEW);
    }
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    close(ends[0]);
}
END_TEST

static const struct {
    int signal;
    void (*handler)(int);
    bool ends;
} waits[] = {
    { SIGINT, SIG_DFL, true },  { SIGTERM, SIG_DFL, true }, { SIGHUP, nothing, true },
    { SIGHUP, SIG_IGN, false }, { SIGINT, SIG_IGN, false }, { SIGUSR1, SIG_DFL, false },
};

/* A signal that is held back ends the wait for a reader, unless it is ignored. */
START_TEST(a_wait_is_ended)
{
    const struct sigaction action = { .sa_handler = waits[_i].handler };
    sigset_t held;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert(shim_wait_to_write(ends[1]));
    ck_assert(shim_wait_to_write(-1));
    ck_assert_int_eq(sigemptyset(&held), 0);
    ck_assert_int_eq(sigaddset(&held, waits[_i].signal), 0);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &held, NULL), 0);
    ck_assert_int_eq(sigaction(waits[_i].signal, &action, NULL), 0);
    ck_assert_int_eq(raise(waits[_i].signal), 0);
    errno = 0;
    ck_assert_int_eq(shim_wait_to_write(ends[1]), !waits[_i].ends);
    ck_assert_int_eq(errno, waits[_i].ends ? EINTR : 0);
    ck_assert_int_eq(shim_wait_to_write(-1), !waits[_i].ends);
    ck_assert(!shim_signal_ends(0)); /* which is none */
    /* It is not to end the test. */
    ck_assert(signal(waits[_i].signal, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &held, NULL), 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* By its number: a terminal that is not there cannot be opened, but looked at. */
START_TEST(a_device_by_its_number)
{
    static const struct {
        const char *name;
        bool stores_nothing;
    } devices[] = { { "/dev/null", true },     { "/dev/zero", true },    { "/dev/full", true },
                    { "/dev/tty", true },      { "/dev/random", false }, { "/dev/urandom", false },
                    { "/dev/console", false }, { "/dev/ptmx", false } };
    struct stat is;

    for (int i = 0; i < SP_ROWS(devices); i++) {
        const int fd = open(devices[i].name, O_PATH | O_CLOEXEC);

        if (fd >= 0 && fstat(fd, &is) == 0 && S_ISCHR(is.st_mode) && (is.st_mode & S_IROTH) != 0) {
            sp_capture_begin(STDERR_FILENO);
            ck_assert_int_eq(shim_make_private(fd, SHIM_KEYS, "it"), devices[i].stores_nothing);
            sp_expect_captured(STDERR_FILENO,
                               devices[i].stores_nothing ? NULL : "others may read the device");
        }
        close(fd);
    }
}
END_TEST

/* Devices that a system may not have, by the numbers that they would have. */
START_TEST(a_device_that_is_made_up)
{
    static const struct {
        mode_t kind;
        unsigned major, minor;
        bool stores_nothing;
    } devices[] = { { S_IFCHR, 1, 3, true },  { S_IFCHR, 1, 4, false }, { S_IFCHR, 2, 0, false },
                    { S_IFCHR, 5, 0, true },  { S_IFCHR, 5, 3, false }, { S_IFBLK, 1, 3, false },
                    { S_IFBLK, 5, 0, false }, { S_IFCHR, 3, 7, false } };

    for (int i = 0; i < SP_ROWS(devices); i++) {
        int fd;

        if (mknod(place, devices[i].kind | 0644, makedev(devices[i].major, devices[i].minor)) != 0)
            return; /* in a container, or not as root */
        fd = open(place, O_PATH | O_CLOEXEC);
        sp_capture_begin(STDERR_FILENO);
        ck_assert_int_eq(shim_make_private(fd, SHIM_KEYS, "it"), devices[i].stores_nothing);
        sp_expect_captured(STDERR_FILENO,
                           devices[i].stores_nothing ? NULL : "others may read the device");
        close(fd);
        ck_assert_int_eq(unlink(place), 0);
    }
}
END_TEST

/* Keys are not written into a file of another user, whatever its mode. */
START_TEST(a_file_of_another)
{
    int fd;

    if (geteuid() != 0)
        return;
    write_file(place, "", 0600);
    ck_assert_int_eq(chown(place, 12345, 0), 0);
    fd = open(place, O_WRONLY | O_CLOEXEC);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_make_private(fd, SHIM_KEYS, "it"));
    sp_expect_captured(STDERR_FILENO, "cannot write it: it belongs to another user, who may read");
    ck_assert(shim_make_private(fd, SHIM_MAIL, "it"));
    close(fd);
    /* A pipe keeps nothing that its owner could read later. */
    ck_assert_int_eq(unlink(place) | mkfifo(place, 0600) | chown(place, 12345, 0), 0);
    fd = open(place, O_RDWR | O_CLOEXEC);
    ck_assert(shim_make_private(fd, SHIM_KEYS, "it"));
    close(fd);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_make_private(-1, SHIM_MAIL, "it"));
    sp_expect_captured(STDERR_FILENO, "cannot write it: Bad file descriptor");
}
END_TEST

START_TEST(a_spool_has_no_name)
{
    static const struct {
        const char *dir;
        const char *used;
    } rows[] = { { "/dev/shm", "/dev/shm" }, { "relative", "/tmp" }, { "", "/tmp" } };
    struct stat is;
    char text[10];
    int fd;

    for (int i = 0; i < SP_ROWS(rows); i++) {
        ck_assert_int_eq(setenv("TMPDIR", rows[i].dir, 1), 0);
        ck_assert_str_eq(shim_spool_dir(), rows[i].used);
    }
    unsetenv("TMPDIR");
    fd = shim_spool();
    ck_assert_int_eq(fstat(fd, &is), 0);
    ck_assert_uint_eq(is.st_nlink, 0);
    ck_assert_uint_eq(is.st_mode & 07777, 0600);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);

    /* It is copied from its start, wherever it stands. */
    ck_assert(shim_write_all(fd, NEW, strlen(NEW)));
    write_file(place, "", 0600);
    close(STDIN_FILENO);
    ck_assert_int_eq(open(place, O_RDWR), STDIN_FILENO);
    ck_assert(shim_copy_all(fd, STDIN_FILENO));
    expect_content(place, NEW);
    close(fd);
    ck_assert(!shim_copy_all(fd, STDIN_FILENO));
    ck_assert_int_eq(read(STDIN_FILENO, text, sizeof(text)), 0);
}
END_TEST

/* Whose directory may not be written is filled where it is; and nothing is made beside it. */
START_TEST(a_file_in_a_closed_folder)
{
    char *folder = OPENSSL_strdup(place);
    const bool is_root = geteuid() == 0, may = _i == 0;
    struct shim_output output;
    struct stat before;
    bool done;

    *strrchr(folder, '/') = '\0';
    write_file(place, "the old content, which is longer\n", may ? 0666 : 0444);
    before = status(place);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    ck_assert(!is_root || seteuid(65534) == 0);
    sp_capture_begin(STDERR_FILENO);
    done = shim_output_begin(&output, place, SHIM_PUBLIC);
    shim_output_end(&output);
    free(sp_capture_end(STDERR_FILENO));
    ck_assert_int_eq(done, may);
    sp_capture_begin(STDERR_FILENO);
    done = write_output(place, SHIM_PUBLIC, false, NEW);
    sp_expect_captured(STDERR_FILENO, may ? NULL : ": Permission denied");
    ck_assert(!is_root || seteuid(0) == 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(done, may);
    ck_assert_uint_eq(status(place).st_ino, before.st_ino);
    expect_content(place, may ? NEW : "the old content, which is longer\n");
    expect_files(1);
    (void)unlink(place);
    OPENSSL_free(folder);
}
END_TEST

/* What cannot be read is no content. */
START_TEST(a_folder_is_not_copied)
{
    const int from = open("/", O_RDONLY), to = fileno(tmpfile());
    char byte;

    errno = 0;
    ck_assert(!shim_copy_all(from, to));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert_int_eq(pread(to, &byte, 1, 0), 0);
    close(from);
}
END_TEST

/* Streams that are closed become /dev/null, and the others stay. */
START_TEST(streams_are_open)
{
    struct stat before, is;
    const int file = open(place, O_RDWR | O_CREAT, 0600);

    for (int fd = 0; fd < 3; fd++) {
        if (fd == _i)
            ck_assert_int_eq(close(fd), 0);
        else
            ck_assert_int_eq(dup2(file, fd), fd);
    }
    ck_assert_int_eq(fstat(file, &before), 0);
    ck_assert(shim_open_streams());
    for (int fd = 0; fd < 3; fd++) {
        ck_assert_int_eq(fstat(fd, &is), 0);
        ck_assert_int_eq(S_ISCHR(is.st_mode), fd == _i);
        ck_assert(fd == _i || is.st_ino == before.st_ino);
    }
    ck_assert_int_eq(fcntl(_i, F_GETFL) & O_ACCMODE, O_RDWR);
    close(file);
    (void)unlink(place);
}
END_TEST

/* Read all that comes, and return how much. */
static void *read_all(void *count)
{
    static char buffer[1 << 12];
    ssize_t got;

    while ((got = read(ends[0], buffer, sizeof(buffer))) > 0)
        *(size_t *)count += (size_t)got;
    return NULL;
}

/* A pipe that does not block takes all in the end. */
START_TEST(a_full_pipe_is_waited_for)
{
    static const char block[1 << 18];
    size_t count = 0;
    pthread_t other;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, read_all, &count), 0);
    ck_assert(shim_write_all(ends[1], block, sizeof(block)));
    close(ends[1]);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert_uint_eq(count, sizeof(block));
    close(ends[0]);
}
END_TEST

/* A stream that cannot be opened is said, where it is not the one to say it on. */
START_TEST(streams_cannot_be_open)
{
    struct rlimit before, limit;
    bool done;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (struct rlimit){ 0, before.rlim_max };
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(close(STDIN_FILENO), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    done = shim_open_streams();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    sp_expect_captured(STDERR_FILENO, "cannot open /dev/null: Too many open files\n");
    ck_assert(!done);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tests = tcase_create("output");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, is_written, 0, SP_ROWS(written));
    tcase_add_loop_test(tests, is_not_there_before_it_is_handed_over, 0, 2);
    tcase_add_test(tests, a_link_stays);
    tcase_add_loop_test(tests, certificates_end_whole, 0, SP_ROWS(certificates));
    tcase_add_test(tests, a_target_that_cannot_be_written_is_named);
    tcase_add_test(tests, a_pipe_is_written_to_and_stays);
    tcase_add_test(tests, a_copy_leaves_no_file);
    tcase_add_test(tests, a_reader_is_waited_for);
    tcase_add_test(tests, no_reader_is_waited_for);
    tcase_add_test(tests, a_socket_is_not_written);
    tcase_add_loop_test(tests, a_temporary_file_that_is_gone, 0, 2);
    tcase_add_test(tests, a_link_without_end);
    tcase_add_test(tests, a_bare_name);
    tcase_add_test(tests, a_name_that_is_too_long);
    tcase_add_test(tests, a_file_without_a_name);
    tcase_add_test(tests, half_a_file_is_no_file);
    tcase_add_test(tests, a_device_that_is_made_up);
    tcase_add_test(tests, a_full_pipe_is_waited_for);
    tcase_add_test(tests, streams_cannot_be_open);
    tcase_add_loop_test(tests, a_pipe_that_cannot_be_opened, 0, 2);
    tcase_add_test(tests, half_a_file_is_taken_back);
    tcase_add_test(tests, a_file_beside_it_is_refused);
    tcase_add_test(tests, room_for_it_is_refused);
    tcase_add_loop_test(tests, a_file_is_replaced, 0, 2);
    tcase_add_loop_test(tests, an_open_file_is_written_in_its_place, 0, 2);
    tcase_add_loop_test(tests, a_file_of_our_own_is_not_written, 0, 3);
    tcase_add_loop_test(tests, others_do_not_read_it, 0, SP_ROWS(private));
    tcase_add_test(tests, a_device_is_not_made_private);
    tcase_add_test(tests, a_device_by_its_number);
    tcase_add_loop_test(tests, interrupted, 0, 2);
    tcase_add_loop_test(tests, a_wait_is_ended, 0, SP_ROWS(waits));
    tcase_add_test(tests, a_file_of_another);
    tcase_add_test(tests, a_spool_has_no_name);
    tcase_add_loop_test(tests, a_file_in_a_closed_folder, 0, 2);
    tcase_add_test(tests, a_folder_is_not_copied);
    tcase_add_loop_test(tests, streams_are_open, 0, 3);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
