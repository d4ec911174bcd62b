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
#include "common/shim.h"

#define LONGEST 1024

/* Open |source|; |*own|: the caller closes it.  -1 with the reason on stderr. */
static int open_source(const char *option, const char *source, bool *own)
{
    char *end = NULL;
    long number = -1;
    int fd;

    *own = false;
    if (strcmp(source, "stdin") == 0)
        return STDIN_FILENO;
    if (strncmp(source, "fd:", 3) == 0)
        number = strtol(source + 3, &end, 10);
    if (number >= 0 && number < 1 << 20 && *end == '\0' && end != source + 3)
        return (int)number;
    if (strncmp(source, "file:", 5) != 0) {
        if (strncmp(source, "env:", 4) == 0 && strcmp(option, "passin") == 0)
            shim_error("cannot read the passphrase: no environment variable %s", source + 4);
        else if (strcmp(option, "passin") == 0)
            shim_usage("--passin takes " SHIM_PASSIN_FORMS);
        else
            shim_usage("--%s takes fd:N, file:PATH or stdin: what stands in a command line or an "
                       "environment, others can read",
                       option);
        return -1;
    }
    *own = true;
    fd = open(source + 5, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        shim_error("cannot read the passphrase from %s: %s", source + 5, strerror(errno));
    return fd;
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

/*
 * The passphrase of "pass:TEXT" or "env:NAME", which others may see; NULL for other
 * sources.  Only for keys that exist already.
 */
static const char *in_the_open(const char *source)
{
    if (strncmp(source, "pass:", 5) == 0)
        return source + 5;
    return strncmp(source, "env:", 4) == 0 ? secure_getenv(source + 4) : NULL;
}

bool shim_passphrase_read(struct shim_passphrase *pass, const char *option, const char *source)
{
    char line[LONGEST];
    bool own;
    int fd;

    if (source == NULL)
        return true;
    if (strcmp(option, "passin") == 0 && in_the_open(source) != NULL) {
        pass->text = OPENSSL_strdup(in_the_open(source));
        pass->given = pass->text != NULL;
        return pass->given;
    }
    fd = open_source(option, source, &own);
    if (fd < 0)
        return false;
    if (read_line(fd, line) >= 0)
        pass->text = OPENSSL_strdup(line);
    else
        shim_error("cannot read the passphrase from %s: %s", source, strerror(errno));
    OPENSSL_cleanse(line, sizeof(line));
    if (own)
        close(fd);
    pass->given = pass->text != NULL;
    return pass->given;
}

enum asked { ASKED, DIFFERENT, INTERRUPTED, NOT_ASKED };

/* Ask at the terminal.  |*answer| is LONGEST bytes long, and owned by the caller. */
static enum asked ask_terminal(const char *prompt, bool twice, char **answer)
{
    UI *ui = UI_new();
    char *second = OPENSSL_zalloc(LONGEST);
    enum asked asked = NOT_ASKED;

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
    OPENSSL_clear_free(second, second == NULL ? 0 : LONGEST);
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
            shim_error("these two differ; once again");
        asked = ask_terminal(prompt, twice, &answer);
        if (asked == ASKED)
            pass->text = OPENSSL_strdup(answer);
        OPENSSL_clear_free(answer, answer == NULL ? 0 : LONGEST);
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
    shim_error("the passphrase is wrong; once again");
    return true;
}

void shim_passphrase_clear(struct shim_passphrase *pass)
{
    if (pass->text != NULL)
        OPENSSL_clear_free(pass->text, strlen(pass->text));
    *pass = (struct shim_passphrase){ 0 };
}
