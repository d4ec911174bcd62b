/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/output.h"
#include "stock/installed.h"
#include "stock/stock.h"
#include "tool/maintain/maintain.h"

/* Lines of the mail are broken at spaces beyond this, and anywhere at the bound of RFC 5322. */
#define WIDTH   76
#define LONGEST 900

/* Add |text| with its lines broken; those that go on are indented. */
static void add_broken(struct sp_text *mail, const char *text)
{
    size_t column = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\n')
            column = 0;
        else if ((*text == ' ' && column + strcspn(text + 1, " \n") >= WIDTH) ||
                 column == LONGEST) {
            sp_text_add(mail, "\n  ");
            column = 2;
            if (*text == ' ')
                continue;
        } else {
            column++;
        }
        sp_text_add_bytes(mail, text, 1);
    }
}

static char *compose(const struct shim_notice *notice, time_t now)
{
    struct sp_text mail = { 0 };
    char date[64];
    struct tm tm;

    /* The program's locale is C, so the names are English. */
    if (gmtime_r(&now, &tm) == NULL ||
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
        return NULL;
    sp_text_add(&mail, "From: ");
    sp_text_add(&mail, notice->from);
    sp_text_add(&mail, "\nTo: ");
    sp_text_add(&mail, notice->to);
    sp_text_add(&mail, "\nSubject: ");
    sp_text_add(&mail, notice->subject);
    sp_text_add(&mail, "\nDate: ");
    sp_text_add(&mail, date);
    /* RFC 3834: nobody's vacation answers it. */
    sp_text_add(&mail, "\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
                       "Content-Type: text/plain; charset=us-ascii\n\n");
    add_broken(&mail, notice->text);
    return sp_text_take(&mail);
}

/* Run |argv| with |in| as its standard input; what it writes goes to |out|. */
static int run(const char *program, char *const *argv, int in, int out)
{
    struct shim_stock stock = {
        .program = program,
        .argv = argv,
        .keep = (const int[]){ -1 },
        .as_is = true,
        .in = in,
        .out = out,
    };
    struct shim_stock_result result;

    if (lseek(in, 0, SEEK_SET) < 0) {
        shim_error("cannot read a temporary file: %s", strerror(errno));
        return SHIM_SYSTEM;
    }
    if (!shim_stock_run(&stock, &result))
        return SHIM_SYSTEM;
    if (result.code == 0 && result.signal == 0 && result.lost == 0)
        return SHIM_OK;
    shim_error("maintain: the mail was not sent: %s failed", program);
    return result.code == SHIM_REFUSED ? SHIM_REFUSED : SHIM_SYSTEM;
}

static int sign(const struct shim *shim, const struct shim_notice *notice, int in, int out)
{
    char *program = shim_partner_path();
    const char *argv[16] = { NULL };
    size_t count = 0;
    int code;

    argv[count++] = "smime-policy";
    if (shim->policy_named) {
        argv[count++] = "--policy";
        argv[count++] = shim->policy_file;
    }
    argv[count++] = "sign";
    argv[count++] = "--keyring";
    argv[count++] = shim->keyring_path;
    argv[count++] = "--headers";
    argv[count++] = "--from";
    argv[count++] = notice->from;
    if (notice->passin != NULL) {
        argv[count++] = "-passin";
        argv[count++] = notice->passin;
    }
    code =
        program == NULL ? shim_no_memory() : run(program, (char *const *)(uintptr_t)argv, in, out);
    OPENSSL_free(program);
    return code;
}

static int sign_and_send(const struct shim *shim, const struct shim_notice *notice, int mail,
                         int letter)
{
    char *argv[] = { "sendmail", "-t", NULL };
    int code = sign(shim, notice, mail, letter);

    return code == SHIM_OK ? run(notice->sendmail, argv, letter, STDOUT_FILENO) : code;
}

int shim_notice_send(const struct shim *shim, const struct shim_notice *notice, time_t now)
{
    char *text = compose(notice, now);
    int mail = shim_spool();
    int letter = shim_spool();
    int code = text == NULL ? shim_no_memory() : SHIM_OK;

    if (text != NULL && (mail < 0 || letter < 0 || !shim_write_all(mail, text, strlen(text)))) {
        shim_error("cannot write a temporary file in %s: %s", shim_spool_dir(), strerror(errno));
        code = SHIM_SYSTEM;
    }
    if (code == SHIM_OK)
        code = sign_and_send(shim, notice, mail, letter);
    if (mail >= 0)
        close(mail);
    if (letter >= 0)
        close(letter);
    OPENSSL_free(text);
    return code;
}
