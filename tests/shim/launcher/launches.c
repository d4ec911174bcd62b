/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "launches.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/message.h"
#include "common/output.h"
#include "verdicts.h"

/* The first line of base64 holds the identifier of the key. */
#define CERT(line) "-----BEGIN CERTIFICATE-----\n" line "\n-----END CERTIFICATE-----\n"
#define KEY        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
#define LOCKED     "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"

static const struct {
    const char *name, *text;
} files[] = {
    { "rsa", CERT("MAYGAQE=") },
    { "ec", CERT("AAYHKoZI\nzj0CAQ==") },
    { "pss", CERT("BgkqhkiG9w0BAQo=") },
    { "both", CERT("MAYGAQE=") KEY },
    { "shut", CERT("MAYGAQE=") LOCKED },
    { "key", KEY },
    { "locked", LOCKED },
    { "trusted", "-----BEGIN TRUSTED CERTIFICATE-----\nMAY=\n-----END TRUSTED CERTIFICATE-----\n" },
    { "a:b", CERT("MAYGAQE=") },
    { "mail", "Subject: x\n\nhello\n" },
    { "tiny", "x" },
    { "empty", "" },
    { "pass", "secret\n" },
    { "plain", "From: A <a@b>\nTo: c@d\n\nhello\n" },
    { "alone", "From: A <a@b>\n\nhello\n" },
    { "late", "\nFrom: A <a@b>\n\nhello\n" },
    { "bare", "MIME-Version: 1.0\nContent-Type: text/plain\n\nhello\n" },
    { "types", "Content-Type: a/b\nContent-Type: c/d\n\nhello\n" },
    { "many", "From: a@b, c@d\nTo: c@d\n\nhello\n" },
};

void sp_make_launch_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

void sp_make_launch_files(void)
{
    char directory[] = "/tmp/test-launch-XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    for (size_t i = 0; i < SP_ROWS(files); i++)
        sp_make_launch_file(files[i].name, files[i].text);
}

void sp_remove_launch_files(void)
{
    char directory[200];
    DIR *here = opendir(".");
    const struct dirent *entry;

    ck_assert_ptr_nonnull(here);
    while ((entry = readdir(here)) != NULL)
        if (entry->d_name[0] != '.')
            ck_assert_int_eq(remove(entry->d_name), 0);
    closedir(here);
    ck_assert_ptr_nonnull(getcwd(directory, sizeof(directory)));
    ck_assert_int_eq(rmdir(directory), 0);
}

char *sp_launch_file(const char *name)
{
    FILE *file = fopen(name, "r");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0)
        text[0] = '\0';
    fclose(file);
    return text;
}

static bool is_cipher(const char *name)
{
    return strncmp(name, "aes", 3) == 0;
}

bool sp_launch_read(struct shim_launch *launch, const char *name, const char **words)
{
    char **argv;
    bool usual;

    memcpy(&argv, &words, sizeof(argv));
    launch->name = name;
    launch->content = -1;
    launch->api = strcmp(name, "cms") == 0     ? SHIM_CMS
                  : strcmp(name, "smime") == 0 ? SHIM_SMIME
                                               : SHIM_VERB;
    launch->manner = launch->api == SHIM_VERB ? &shim_manner_verb : &shim_manner_stock;
    shim_errors_mute(true);
    usual = shim_request_parse(launch->api, argv, is_cipher, &launch->args, &launch->request) ==
                SHIM_OK &&
            shim_launch_is_usual(launch);
    shim_errors_mute(false);
    return usual;
}

void sp_launch_input(const char *text, bool is_pipe)
{
    size_t len = strlen(text);
    int ends[2];

    if (is_pipe) {
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, (int)len + 1), (int)len);
    } else {
        ends[0] = ends[1] = shim_spool();
        ck_assert_int_ge(ends[0], 0);
    }
    ck_assert_int_eq(write(ends[1], text, len), (ssize_t)len);
    if (is_pipe)
        close(ends[1]);
    else
        ck_assert_int_eq(lseek(ends[0], 0, SEEK_SET), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
}

/* The linker calls these in the place of libc's functions. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *old);

static long left; /* allocations until one fails; 0: none will */
static bool has_failed;
static long kept;

static bool fails(void)
{
    bool now = left == 1;

    left -= left > 0;
    has_failed = has_failed || now;
    kept += !now;
    if (now)
        errno = ENOMEM;
    return now;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    kept -= old != NULL;
    return __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}

void __wrap_free(void *old)
{
    kept -= old != NULL;
    __real_free(old);
}

void sp_launch_starve(long number)
{
    left = number;
    has_failed = false;
    kept = 0;
}

bool sp_launch_starve_end(void)
{
    left = 0;
    return has_failed;
}

long sp_launch_kept(void)
{
    return kept;
}
