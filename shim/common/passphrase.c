/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "common/passphrase.h"
#include "base/shown.h"
#include "base/text.h"
#include "common/progress.h"
#include "common/message.h"

#define LONGEST 1024

int shim_passphrase_fd(const char *source)
{
    char *end = NULL;
    long number = -1;

    if (strcmp(source, "stdin") == 0)
        return STDIN_FILENO;
    if (strncmp(source, "fd:", 3) == 0)
        number = strtol(source + 3, &end, 10);
    return number >= 0 && number < 1 << 20 && *end == '\0' && end != source + 3 ? (int)number : -1;
}

int shim_passphrase_failed(const char *option, const char *source, int code)
{
    if (code == SHIM_USAGE && strcmp(option, "passin") == 0)
        return shim_usage("--passin takes " SHIM_PASSIN_FORMS);
    if (code == SHIM_USAGE)
        return shim_usage(
            "--%s takes fd:N, file:PATH or stdin: what stands in a command line or an "
            "environment, others can read",
            option);
    shim_error("cannot read the passphrase from %s: %s; correct --%s", source,
               errno != 0 ? strerror(errno) : "no such variable is in the environment", option);
    return code;
}

/* |*fd|: the descriptor of |source|, to be closed if |*own|. */
static int open_source(const char *source, int *fd, bool *own)
{
    *own = strncmp(source, "file:", 5) == 0;
    *fd = *own ? open(source + 5, O_RDONLY | O_CLOEXEC) : shim_passphrase_fd(source);
    if (*fd >= 0)
        return SHIM_OK;
    return *own ? SHIM_INPUT : SHIM_USAGE;
}

/* Read a line byte by byte: what follows it is for another reader. */
static ssize_t read_line(int fd, char line[LONGEST])
{
    size_t len = 0;

    while (len < LONGEST - 1) {
        ssize_t got = read(fd, line + len, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0 || line[len] == '\n')
            break;
        len++;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return (ssize_t)len;
}

static int take(struct shim_passphrase *pass, const char *text)
{
    pass->text = OPENSSL_strdup(text);
    pass->given = pass->text != NULL;
    return pass->given ? SHIM_OK : shim_no_memory();
}

static int take_line(struct shim_passphrase *pass, const char *source)
{
    char line[LONGEST];
    bool own;
    int fd;
    int code = open_source(source, &fd, &own);

    if (code != SHIM_OK)
        return code;
    code = read_line(fd, line) >= 0 ? take(pass, line) : SHIM_INPUT;
    OPENSSL_cleanse(line, sizeof(line));
    if (own)
        close(fd);
    return code;
}

int shim_passphrase_take(struct shim_passphrase *pass, const char *option, const char *source)
{
    /* Others can read these two: they are for a passphrase that is in use, not for a new one. */
    bool in_the_open = strcmp(option, "passin") == 0;
    const char *value;

    if (in_the_open && strncmp(source, "pass:", 5) == 0)
        return take(pass, source + 5);
    if (!in_the_open || strncmp(source, "env:", 4) != 0)
        return take_line(pass, source);
    value = secure_getenv(source + 4);
    errno = 0;
    return value != NULL ? take(pass, value) : SHIM_INPUT;
}

int shim_passphrase_read(struct shim_passphrase *pass, const char *option, const char *source)
{
    int code = source == NULL ? SHIM_OK : shim_passphrase_take(pass, option, source);

    return code == SHIM_USAGE || code == SHIM_INPUT ? shim_passphrase_failed(option, source, code)
                                                    : code;
}

enum asked { ASKED, DIFFERENT, INTERRUPTED, NOT_ASKED };

/* Ask at the terminal.  |*answer| is LONGEST bytes long, and owned by the caller. */
static enum asked ask_terminal(const char *prompt, bool twice, char **answer)
{
    UI *ui = UI_new();
    char *second = OPENSSL_zalloc(LONGEST);
    enum asked asked = NOT_ASKED;

    shim_count_erase();
    *answer = OPENSSL_zalloc(LONGEST);
    if (ui != NULL && *answer != NULL && second != NULL &&
        UI_add_input_string(ui, prompt, 0, *answer, 0, LONGEST - 1) >= 0 &&
        (!twice || UI_add_input_string(ui, "Once more: ", 0, second, 0, LONGEST - 1) >= 0)) {
        int code = UI_process(ui);

        if (code == 0)
            asked = !twice || strcmp(*answer, second) == 0 ? ASKED : DIFFERENT;
        else if (code == -2)
            asked = INTERRUPTED;
    }
    UI_free(ui);
    OPENSSL_clear_free(second, LONGEST);
    ERR_clear_error();
    return asked;
}

static void report_not_asked(enum asked asked, const char *what, const char *name,
                             const char *otherwise)
{
    if (asked == DIFFERENT)
        shim_error("the two that were typed as the %s of %s differ; nothing was done with them",
                   what, name);
    else if (asked == INTERRUPTED)
        shim_error("interrupted: the %s of %s was not typed", what, name);
    else
        shim_error("cannot ask for the %s of %s at a terminal; %s", what, name, otherwise);
}

bool shim_passphrase_ask(struct shim_passphrase *pass, const char *what, const char *name,
                         bool twice, const char *otherwise)
{
    char *shown = sp_shown(name);
    char *prompt = shown == NULL ? NULL : sp_format("%s of %s: ", what, shown);
    enum asked asked = prompt == NULL ? NOT_ASKED : DIFFERENT;

    shim_passphrase_clear(pass);
    for (int tries = 0; asked == DIFFERENT && tries < SHIM_PASSPHRASE_TRIES; tries++) {
        char *answer;

        if (tries > 0)
            shim_error("these two differ; type both again");
        asked = ask_terminal(prompt, twice, &answer);
        if (asked == ASKED)
            pass->text = OPENSSL_strdup(answer);
        OPENSSL_clear_free(answer, LONGEST);
    }
    OPENSSL_free(prompt);
    OPENSSL_free(shown);
    if (pass->text == NULL)
        report_not_asked(asked, what, name, otherwise);
    return pass->text != NULL;
}

bool shim_passphrase_again(const struct shim_passphrase *pass, unsigned *wrong)
{
    if (pass->given || pass->text == NULL || ++*wrong >= SHIM_PASSPHRASE_TRIES)
        return false;
    shim_error("the passphrase is wrong; type it again");
    return true;
}

void shim_passphrase_clear(struct shim_passphrase *pass)
{
    if (pass->text != NULL)
        OPENSSL_clear_free(pass->text, strlen(pass->text));
    *pass = (struct shim_passphrase){ 0 };
}
