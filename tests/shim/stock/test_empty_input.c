/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Input that is no message: an empty pipe, a directory, a device.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "keyrings.h"
#include "tool/run/ciphers.h"
#include "stock/empty_input.h"

/* What standard input is. */
enum input {
    EMPTY_PIPE,
    FULL_PIPE,
    OPEN_PIPE,
    EMPTY_FILE,
    EMPTY_SOCKET,
    NOTHING,
    FOLDER,
    ZERO,
    BLOCKS,
    TERMINAL,
    CLOSED
};

static int pretended = -1; /* a descriptor that is said to be a block device */
static char *terminal;     /* the path of a terminal; "TERMINAL" stands for it */

int __real_fstat(int fd, struct stat *is);
int __wrap_fstat(int fd, struct stat *is);

int __wrap_fstat(int fd, struct stat *is)
{
    const int code = __real_fstat(fd, is);

    if (code == 0 && fd == pretended)
        is->st_mode = S_IFBLK | 0600;
    return code;
}

static int open_terminal(void)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    terminal = ptsname(master);
    return open(terminal, O_RDWR | O_NOCTTY);
}

static void become(int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

/* Somebody may still write to |*kept|. */
static void make_input(enum input input, int *kept)
{
    int ends[2];

    *kept = -1;
    switch (input) {
    case EMPTY_PIPE:
    case FULL_PIPE:
    case OPEN_PIPE:
        ck_assert_int_eq(pipe(ends), 0);
        if (input != EMPTY_PIPE)
            ck_assert_int_eq(write(ends[1], "x", 1), 1);
        become(ends[0]);
        if (input == OPEN_PIPE)
            *kept = ends[1];
        else
            close(ends[1]);
        break;
    case EMPTY_SOCKET:
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        become(ends[0]);
        close(ends[1]);
        break;
    case EMPTY_FILE:
        become(fileno(tmpfile()));
        break;
    case NOTHING:
        become(open("/dev/null", O_RDONLY));
        break;
    case BLOCKS:
        become(fileno(tmpfile()));
        pretended = STDIN_FILENO;
        break;
    case TERMINAL:
        become(open_terminal());
        break;
    case CLOSED:
        close(STDIN_FILENO);
        break;
    case FOLDER:
        become(open("/", O_RDONLY));
        break;
    default:
        become(open("/dev/zero", O_RDONLY));
    }
}

static const struct {
    enum input input;
    const char *words[6];
    const char *empty; /* what is said of an input without content, or NULL */
    const char *unfit; /* and of one that is no file; under a verb */
    const char *under_stock;
} rows[] = {
    { EMPTY_PIPE, { "-sign" }, "nothing to sign: standard input is an empty pipe", NULL, NULL },
    { EMPTY_PIPE, { "-encrypt" }, "nothing to encrypt: standard input", NULL, NULL },
    { EMPTY_PIPE, { "-sign", "-in", "-" }, "nothing to sign", NULL, NULL },
    { EMPTY_PIPE, { "-sign", "-in", "x", "-in=-" }, "nothing to sign", NULL, NULL },
    { EMPTY_PIPE,
      { "-sign", "-in", "/dev/null" },
      NULL,
      "cannot read the message from /dev/null: it is a device, and no terminal",
      NULL },
    { EMPTY_PIPE, { "-verify" }, NULL, NULL, NULL },
    { EMPTY_PIPE, { "-sign", "-help" }, NULL, NULL, NULL },
    { EMPTY_PIPE, { "-out", "x" }, NULL, NULL, NULL },
    { FULL_PIPE, { "-sign" }, NULL, NULL, NULL },
    { OPEN_PIPE, { "-sign" }, NULL, NULL, NULL },
    { EMPTY_FILE, { "-sign" }, NULL, NULL, NULL },
    { EMPTY_SOCKET, { "-sign" }, NULL, NULL, NULL },
    { NOTHING,
      { "-sign" },
      NULL,
      "cannot read the message from standard input: it is a device",
      NULL },
    { FOLDER, { "-sign" }, NULL, "from standard input: it is a directory", "it is a directory" },
    { ZERO, { "-decrypt" }, NULL, "from standard input: it is a device", "it is a device" },
    { ZERO, { "-decrypt", "-help" }, NULL, NULL, NULL },
    { ZERO, { "-in", "-" }, NULL, NULL, NULL },
    { ZERO,
      { "-sign", "-in", "/nonexistent" },
      NULL,
      "cannot read the message from /nonexistent: No such file or directory",
      NULL },
    /* A person may type the message. */
    { TERMINAL, { "-sign" }, NULL, NULL, NULL },
    { TERMINAL, { "-sign", "-in", "TERMINAL" }, NULL, NULL, NULL },
    { ZERO, { "-sign", "-in", "TERMINAL" }, NULL, NULL, NULL },
    { BLOCKS, { "-sign" }, NULL, "from standard input: it is a device;", "it is a device;" },
    { CLOSED, { "-sign" }, NULL, NULL, NULL },
    { ZERO, { "-sign", "-in", "/etc/passwd" }, NULL, NULL, NULL },
    { ZERO, { "-sign", "-in", "/etc/passwd", "-content", "/etc/passwd" }, NULL, NULL, NULL },
    { FULL_PIPE,
      { "-verify", "-content", "/" },
      NULL,
      "from /: it is a directory",
      "from /: it is a directory" },
    { FULL_PIPE,
      { "-verify", "-content", "/dev/zero" },
      NULL,
      "from /dev/zero: it is a device",
      "from /dev/zero: it is a device" },
};

static void expect(bool found, const char *said)
{
    ck_assert_int_eq(found, said != NULL);
    sp_expect_captured(STDERR_FILENO, said);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

START_TEST(is_told)
{
    struct shim_request request;
    struct shim_args args;
    char *words[6];
    int kept, descriptors;

    memcpy(words, rows[_i].words, sizeof(words));
    make_input(rows[_i].input, &kept);
    for (int i = 0; i < SP_ROWS(words); i++)
        if (words[i] != NULL && strcmp(words[i], "TERMINAL") == 0)
            words[i] = terminal != NULL ? terminal : (close(open_terminal()), terminal);
    descriptors = count_descriptors();
    ck_assert_int_eq(shim_request_parse(SHIM_CMS, words, shim_cipher_is_known, &args, &request), 0);
    sp_capture_begin(STDERR_FILENO);
    expect(shim_input_is_empty(&args, &request), rows[_i].empty);
    sp_capture_begin(STDERR_FILENO);
    expect(shim_input_is_unfit(&args, &request, &shim_manner_verb), rows[_i].unfit);
    sp_capture_begin(STDERR_FILENO);
    expect(shim_input_is_unfit(&args, &request, &shim_manner_stock), rows[_i].under_stock);
    ck_assert_int_eq(count_descriptors(), descriptors);
    if (rows[_i].input == FULL_PIPE || rows[_i].input == OPEN_PIPE) {
        char byte;

        ck_assert_int_eq(read(STDIN_FILENO, &byte, 1), 1);
    }
    if (kept >= 0)
        close(kept);
    shim_request_clear(&request);
    shim_args_free(&args);
}
END_TEST

/* Does that process wait for something? */
static bool is_waiting(pid_t process)
{
    char path[40], text[400] = "";
    const char *state;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    state = strrchr(text, ')');
    return state == NULL || state[2] == 'S';
}

/* Who has written nothing yet is waited for. */
START_TEST(a_late_writer)
{
    static char sign[] = "-sign";
    char *words[] = { sign, NULL };
    struct shim_request request;
    struct shim_args args;
    const pid_t test = getpid();
    int ends[2];

    ck_assert_int_eq(shim_request_parse(SHIM_CMS, words, shim_cipher_is_known, &args, &request), 0);
    ck_assert_int_eq(pipe(ends), 0);
    sp_capture_begin(STDERR_FILENO);
    if (fork() == 0) {
        while (getppid() == test && !is_waiting(test))
            sched_yield();
        _exit(0);
    }
    become(ends[0]);
    close(ends[1]);
    ck_assert(shim_input_is_empty(&args, &request));
    sp_expect_captured(STDERR_FILENO, "nothing to sign");
    shim_request_clear(&request);
    shim_args_free(&args);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("empty_input");
    TCase *tests = tcase_create("empty_input");

    tcase_add_loop_test(tests, is_told, 0, SP_ROWS(rows));
    tcase_add_test(tests, a_late_writer);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
