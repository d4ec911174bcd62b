/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mail whose header is read: it is signed or encrypted as a whole, or verified.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "common/memory_file.h"
#include "common/output.h"
#include "header/divide.h"

/* Make standard input a file, which the tool can read again. */
static bool keep_input(struct shim_launch *launch)
{
    struct stat is;
    int spool;

    if (fstat(STDIN_FILENO, &is) != 0 || S_ISREG(is.st_mode))
        return lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
    if (!S_ISFIFO(is.st_mode) || (spool = shim_spool()) < 0)
        return false;
    if (!shim_copy_rest(STDIN_FILENO, spool) || dup2(spool, STDIN_FILENO) != STDIN_FILENO)
        launch->lost = errno;
    close(spool);
    return launch->lost == 0;
}

/* Write the content: its own header, and what follows the |len| bytes of the mail's. */
static bool write_content(struct shim_launch *launch, int mail, size_t len,
                          const struct sp_text *inside)
{
    return !inside->failed && shim_write_all(launch->content, inside->data, inside->len) &&
           lseek(mail, (off_t)len, SEEK_SET) == (off_t)len && shim_copy_rest(mail, launch->content);
}

static bool divide(struct shim_launch *launch, int mail, const char *text, size_t len)
{
    struct sp_text outside = { 0 };
    struct sp_text inside = { 0 };
    bool done;

    launch->content = shim_spool();
    if (launch->content < 0)
        return false;
    shim_header_divide(text, len, &outside, &inside);
    launch->header = sp_text_take(&outside);
    done = launch->header != NULL && write_content(launch, mail, len, &inside);
    OPENSSL_free(inside.data);
    return done;
}

/* Read |mail|, which is a file, and divide it. */
static bool take(struct shim_launch *launch, int mail)
{
    char *text = OPENSSL_malloc(SHIM_PLAIN_HEADER);
    ssize_t got = text == NULL ? 0 : pread(mail, text, SHIM_PLAIN_HEADER, 0);
    size_t len = got <= 0 ? 0 : shim_plain_header_length(text, (size_t)got);
    bool done = len != 0 && shim_plain_mail_read(&launch->mail, text, len) &&
                divide(launch, mail, text, len);

    OPENSSL_free(text);
    return done;
}

/* A larger message is the tool's: it divides it, for which stock needs longer. */
#define MOST_MESSAGE SHIM_PLAIN_HEADER

/* Read the address in From; without a mail's header nothing is compared. */
static bool read_sender(struct shim_launch *launch, const char *text, size_t len)
{
    const char *form = shim_args_value(&launch->args, "inform");
    size_t header;

    if (shim_args_last(&launch->args, ROLE_NO_SENDER) != NULL ||
        (form != NULL && form[0] != 's' && form[0] != 'S'))
        return true;
    header = shim_plain_header_length(text, len);
    if (header == 0)
        return false;
    if (shim_plain_is_bare(text, header))
        return true;
    if (!shim_plain_mail_read(&launch->mail, text, header))
        return false;
    launch->sender = launch->mail.from.each[0];
    return true;
}

/* Copy |mail|: its sender is read in the bytes that stock reads. */
static bool copy(struct shim_launch *launch, int mail)
{
    const size_t size = MOST_MESSAGE + 1;
    char *text = OPENSSL_malloc(size);
    ssize_t got = text == NULL ? 0 : pread(mail, text, size, 0);

    if (got > 0 && got <= MOST_MESSAGE && read_sender(launch, text, (size_t)got))
        launch->content = shim_memory_file("message", text, (size_t)got);
    OPENSSL_free(text);
    return launch->content >= 0;
}

/* Read the message, if it is a file or can be made one. */
static bool read_with(struct shim_launch *launch, bool (*take_it)(struct shim_launch *, int))
{
    const char *in = shim_args_value(&launch->args, "in");
    struct stat is;
    bool done;
    int mail;

    if (shim_request_reads_stdin(&launch->request) || (in == NULL && !keep_input(launch)))
        return false;
    mail = in == NULL ? STDIN_FILENO : open(in, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    done = mail >= 0 && fstat(mail, &is) == 0 && S_ISREG(is.st_mode) && take_it(launch, mail);
    if (in != NULL && mail >= 0)
        close(mail);
    /* The tool may have to read it again, from its beginning. */
    if (in == NULL && lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
        launch->lost = errno;
    return done && launch->lost == 0;
}

bool shim_take_headers(struct shim_launch *launch)
{
    bool done = shim_args_last(&launch->args, ROLE_FIELD) == NULL && read_with(launch, take);

    if (strcmp(launch->use, "sign") == 0)
        launch->sender = launch->mail.from.each[0];
    return done;
}

bool shim_take_message(struct shim_launch *launch)
{
    return read_with(launch, copy);
}
