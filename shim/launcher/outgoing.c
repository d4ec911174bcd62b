/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mail with its header, which is signed or encrypted as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
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
    if (!shim_copy_rest(STDIN_FILENO, spool) || lseek(spool, 0, SEEK_SET) != 0 ||
        dup2(spool, STDIN_FILENO) != STDIN_FILENO)
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
    if (launch->header == NULL)
        close(launch->content);
    OPENSSL_free(inside.data);
    return done;
}

/* Read |mail|, which is a file, and divide it. */
static bool take(struct shim_launch *launch, int mail)
{
    char *text = OPENSSL_malloc(SHIM_PLAIN_HEADER);
    ssize_t got = text == NULL ? -1 : pread(mail, text, SHIM_PLAIN_HEADER, 0);
    size_t len = got <= 0 ? 0 : shim_plain_header_length(text, (size_t)got);
    bool done = len > 0 && shim_plain_mail_read(&launch->mail, text, len) &&
                divide(launch, mail, text, len);

    OPENSSL_free(text);
    return done;
}

bool shim_take_headers(struct shim_launch *launch)
{
    const char *in = shim_args_value(&launch->args, "in");
    struct stat is;
    bool done;
    int mail;

    if (shim_args_last(&launch->args, ROLE_FIELD) != NULL ||
        shim_request_reads_stdin(&launch->request) || (in == NULL && !keep_input(launch)))
        return false;
    mail = in == NULL ? STDIN_FILENO : open(in, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    done = mail >= 0 && fstat(mail, &is) == 0 && S_ISREG(is.st_mode) && take(launch, mail);
    if (in != NULL && mail >= 0)
        close(mail);
    /* The tool may have to read it again, from its beginning. */
    if (in == NULL && lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
        launch->lost = errno;
    if (strcmp(launch->use, "sign") == 0)
        launch->sender = launch->mail.from.each[0];
    return done && launch->lost == 0;
}
