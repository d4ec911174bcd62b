/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/mail/mail.h"
#include "common/output.h"
#include "common/message.h"

#define STREAM_BUFFER (256 << 10)

FILE *shim_input_spool(void)
{
    int fd = shim_spool();
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

    if (file == NULL && fd >= 0)
        close(fd);
    /* A large buffer: small writes would take most of the time for a large message. */
    if (file != NULL)
        (void)setvbuf(file, NULL, _IOFBF, STREAM_BUFFER);
    return file;
}

bool shim_input_copy(FILE *from, FILE *to)
{
    char block[65536];
    size_t got;

    while ((got = fread(block, 1, sizeof(block), from)) > 0)
        if (fwrite(block, 1, got, to) != got)
            return false;
    return !ferror(from) && fflush(to) == 0 && fseeko(to, 0, SEEK_SET) == 0;
}

static int unreadable(const char *name, int error)
{
    shim_error("cannot read %s: %s; give a file that can be read", name, strerror(error));
    return SHIM_INPUT;
}

int shim_input_open(const char *path, bool quiet, FILE **input)
{
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    FILE *file = is_stdin ? fdopen(dup(STDIN_FILENO), "re") : fopen(path, "re");
    struct stat is = { 0 };
    int code = SHIM_OK;

    *input = NULL;
    if (file == NULL || fstat(fileno(file), &is) != 0 || S_ISDIR(is.st_mode)) {
        int error = file != NULL && S_ISDIR(is.st_mode) ? EISDIR : errno;

        code = quiet ? SHIM_INPUT : unreadable(name, error);
    } else if (S_ISREG(is.st_mode) && ftello(file) == 0) {
        (void)setvbuf(file, NULL, _IOFBF, STREAM_BUFFER);
        *input = file;
        return SHIM_OK;
    } else {
        *input = shim_input_spool();
        if (*input == NULL || !shim_input_copy(file, *input)) {
            shim_error("cannot keep a copy of %s in %s: %s", name, shim_spool_dir(),
                       strerror(errno));
            code = SHIM_SYSTEM;
        }
    }
    if (file != NULL)
        fclose(file);
    return code;
}

/* The limit of a file that is read whole: a bundle of anchors is small. */
#define MAX_WHOLE ((off_t)256 << 20)

int shim_input_bytes(FILE *file, const char *name, char **bytes, size_t *len)
{
    struct stat is;

    *bytes = NULL;
    *len = 0;
    if (fstat(fileno(file), &is) != 0 || is.st_size > MAX_WHOLE) {
        shim_error("cannot read %s: it is too large", name);
        return SHIM_INPUT;
    }
    if (is.st_size == 0)
        return SHIM_OK;
    *bytes = OPENSSL_malloc((size_t)is.st_size);
    if (*bytes == NULL)
        return shim_no_memory();
    *len = fread(*bytes, 1, (size_t)is.st_size, file);
    return ferror(file) ? unreadable(name, errno) : SHIM_OK;
}

int shim_input_whole(const char *path, char **bytes, size_t *len)
{
    FILE *file;
    int code = shim_input_open(path, false, &file);

    *bytes = NULL;
    *len = 0;
    if (code == SHIM_OK)
        code = shim_input_bytes(file, path, bytes, len);
    if (file != NULL)
        fclose(file);
    return code;
}

BUF_MEM *shim_input_header(FILE *file)
{
    /* Most headers are short, and memory costs time. */
    static const size_t sizes[] = { 4096, SHIM_MAX_HEADER + 1 };
    BUF_MEM *header = BUF_MEM_new();
    size_t len = 0, end = 0;
    bool done = header != NULL;

    for (size_t i = 0; done && end == 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        done = BUF_MEM_grow(header, sizes[i]) != 0;
        if (done)
            len += fread(header->data + len, 1, sizes[i] - len, file);
        end = shim_header_length(header->data, len);
    }
    if (done && !ferror(file)) {
        header->length = end > 0 ? end : len;
        if (fseeko(file, (off_t)header->length, SEEK_SET) == 0)
            return header;
    }
    BUF_MEM_free(header);
    return NULL;
}
