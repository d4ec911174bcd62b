/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tool/upload/import_pem.h"
#include "tool/keyring/pem_text.h"

/* The longest block: no certificate or key is as long. */
#define LONGEST (16L * 1024 * 1024)
#define PIECE   4096

bool shim_blocks_begin(struct shim_blocks *blocks, const char *path)
{
    *blocks = (struct shim_blocks){ .path = path };
    blocks->from = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
    if (blocks->from != NULL)
        return true;
    shim_error("cannot read %s: %s", path, strerror(errno));
    return false;
}

void shim_blocks_end(struct shim_blocks *blocks)
{
    if (blocks->from != NULL)
        fclose(blocks->from);
    OPENSSL_clear_free(blocks->text, blocks->size);
    *blocks = (struct shim_blocks){ 0 };
}

void shim_block_clear(struct shim_block *block)
{
    OPENSSL_free(block->type);
    OPENSSL_clear_free(block->der, block->length > 0 ? (size_t)block->length : 0);
    OPENSSL_free(block->role);
    OPENSSL_free(block->uploaded);
    OPENSSL_free(block->key_uri);
    *block = (struct shim_block){ 0 };
}

static int fault(const struct shim_blocks *blocks, const struct shim_block *block, const char *what)
{
    shim_error("%s: line %zu: %s", blocks->path, block->line != 0 ? block->line : blocks->line,
               what);
    return -1;
}

/* Make room behind |length| bytes.  The old memory is cleansed, as it may hold a private key. */
static bool make_room(struct shim_blocks *blocks, size_t length)
{
    size_t size = length + PIECE > blocks->size ? 2 * (length + PIECE) : blocks->size;
    char *text = size == blocks->size ? blocks->text
                                      : OPENSSL_clear_realloc(blocks->text, blocks->size, size);

    if (text == NULL)
        return false;
    blocks->text = text;
    blocks->size = size;
    return true;
}

/* Read a line: 1, 0 at the end, or -1 with the reason on stderr. */
static int read_line(struct shim_blocks *blocks)
{
    static const struct shim_block none;
    size_t length = 0, got = 1;

    errno = 0;
    blocks->line++;
    while (length == 0 || blocks->text[length - 1] != '\n') {
        if (!make_room(blocks, length))
            return fault(blocks, &none, "out of memory");
        if (fgets(blocks->text + length, PIECE, blocks->from) == NULL)
            break;
        got = strlen(blocks->text + length);
        length += got;
        if (got == 0 || length > LONGEST)
            return fault(blocks, &none,
                         "a line without end; give a file that 'smime-policy export' wrote");
    }
    if (length > 0 && ferror(blocks->from) == 0)
        return 1;
    if (feof(blocks->from) != 0)
        return 0;
    shim_error("cannot read %s: %s", blocks->path, strerror(errno));
    return -1;
}

/* Take the text after |name| in |line| into |*value|.  The last such line counts. */
static bool take_line(const char *line, const char *name, char **value)
{
    size_t length = strlen(name);

    if (strncmp(line, name, length) != 0)
        return true;
    OPENSSL_free(*value);
    *value = OPENSSL_strndup(line + length, strcspn(line + length, "\r\n"));
    return *value != NULL;
}

static bool take_text(const char *line, struct shim_block *block)
{
    return take_line(line, SHIM_LINE_ROLE, &block->role) &&
           take_line(line, SHIM_LINE_UPLOADED, &block->uploaded) &&
           take_line(line, SHIM_LINE_KEY, &block->key_uri);
}

static bool starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Collect a block from its first line to its last. */
static int collect(struct shim_blocks *blocks, struct shim_block *block, BIO *lines)
{
    long length = 0;
    int found = 1;

    block->line = blocks->line;
    do {
        int len = (int)strlen(blocks->text);

        length += len;
        if (length > LONGEST)
            return fault(blocks, block, "a block without end");
        if (BIO_write(lines, blocks->text, len) != len)
            return fault(blocks, block, "out of memory");
        if (starts(blocks->text, "-----END "))
            return 1;
    } while ((found = read_line(blocks)) == 1);
    return found < 0 ? -1 : fault(blocks, block, "a block without end; the file was cut off");
}

static int decode(struct shim_blocks *blocks, struct shim_block *block, BIO *lines)
{
    char *header = NULL;
    int found = 1;

    if (PEM_read_bio(lines, &block->type, &header, &block->der, &block->length) != 1)
        found = fault(blocks, block, "a damaged block");
    else if (header[0] != '\0')
        found = fault(blocks, block, "a form of key that 'smime-policy upload' reads");
    OPENSSL_free(header);
    ERR_clear_error();
    return found;
}

int shim_blocks_next(struct shim_blocks *blocks, struct shim_block *block)
{
    BIO *lines;
    int found;

    *block = (struct shim_block){ 0 };
    while ((found = read_line(blocks)) == 1 && !starts(blocks->text, "-----BEGIN "))
        if (!take_text(blocks->text, block))
            return fault(blocks, block, "out of memory");
    if (found != 1)
        return found;
    lines = BIO_new(BIO_s_secmem());
    found = lines == NULL ? fault(blocks, block, "out of memory") : collect(blocks, block, lines);
    if (found == 1)
        found = decode(blocks, block, lines);
    BIO_free(lines);
    return found;
}
