/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

/* By descriptor, as the process has only one of each. */
static struct {
    FILE *kept;
    int shown; /* a copy of the descriptor as it was */
} streams[STDERR_FILENO + 1];

static void flush(int fd)
{
    ck_assert_int_eq(fflush(fd == STDOUT_FILENO ? stdout : stderr), 0);
}

void sp_capture_begin(int fd)
{
    flush(fd);
    streams[fd].kept = tmpfile();
    streams[fd].shown = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    ck_assert_ptr_nonnull(streams[fd].kept);
    ck_assert_int_ge(streams[fd].shown, 0);
    ck_assert_int_ge(dup2(fileno(streams[fd].kept), fd), 0);
}

char *sp_capture_end(int fd)
{
    FILE *kept = streams[fd].kept;
    long length;
    char *text;

    flush(fd);
    ck_assert_int_ge(dup2(streams[fd].shown, fd), 0);
    close(streams[fd].shown);
    ck_assert_int_eq(fseek(kept, 0, SEEK_END), 0);
    length = ftell(kept);
    ck_assert_int_ge(length, 0);
    rewind(kept);
    text = calloc((size_t)length + 1, 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, (size_t)length, kept), (size_t)length);
    fclose(kept);
    return text;
}

void sp_expect_captured(int fd, const char *fragment)
{
    char *text = sp_capture_end(fd);

    if (fragment == NULL)
        ck_assert_str_eq(text, "");
    else
        ck_assert_msg(strstr(text, fragment) != NULL, "said: %s\nnot: %s", text, fragment);
    free(text);
}
