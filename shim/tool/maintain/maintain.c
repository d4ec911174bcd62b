/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy maintain: looks after the keyring, and tells what needs a person.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/memory.h"
#include "common/print.h"
#include "header/plain_fields.h"
#include "tool/crls/crls.h"
#include "tool/crls/stored_crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/ocsp_answers.h"
#include "tool/keyring/stored_entry.h"
#include "tool/maintain/maintain.h"
#include "tool/ocsp/ocsp.h"
#include "tool/overview/overview.h"
#include "tool/report/outcome.h"

/* Milliseconds for the responders of all identities. */
#define FOR_RESPONDERS 60000
#define SENDMAIL       "/usr/sbin/sendmail"

struct maintaining {
    struct shim *shim; /* borrowed, as are the words below */
    const char *mail_to, *mail_from, *passin, *sendmail, *html, *backups;
    bool json, all;
    time_t now;
    struct shim_last_look last;
    struct shim_attention attention;
    struct sp_checked checked;
    int64_t fetched; /* CRLs */
    json_t *faults;  /* owned: of the keyring */
    json_t *copy;    /* owned: of a hub; NULL: it was not looked at */
    char *backup;    /* owned: the directory of the copy that was made */
};

static void add_fault(const char *line, void *data)
{
    struct maintaining *maintaining = data;

    json_array_append_new(maintaining->faults, sp_json_text(line));
    shim_error("keyring: %s", line);
}

static int check(struct maintaining *maintaining, struct sp_keyring *keyring)
{
    int64_t crls;

    if (!sp_keyring_check(keyring, add_fault, maintaining, &maintaining->checked))
        return shim_keyring_failed(keyring);
    if (!shim_crls_check(maintaining->shim->keyring_path, add_fault, maintaining, &crls,
                         &maintaining->checked.faults))
        return SHIM_SYSTEM;
    return maintaining->checked.faults == 0 ? SHIM_OK : SHIM_SYSTEM;
}

/* A copy in a directory of its own, named by the moment. */
static int back_up(struct maintaining *maintaining, struct sp_keyring *keyring)
{
    char *moment = sp_format_time(maintaining->now);
    int code = moment == NULL ? shim_no_memory() : SHIM_OK;

    if (code == SHIM_OK)
        maintaining->backup = sp_format("%s/keyring-%s", maintaining->backups, moment);
    OPENSSL_free(moment);
    if (code != SHIM_OK || maintaining->backup == NULL)
        return shim_no_memory();
    if (sp_keyring_backup(keyring, maintaining->backup, NULL))
        return SHIM_OK;
    OPENSSL_free(maintaining->backup);
    maintaining->backup = NULL;
    return shim_keyring_failed(keyring);
}

/* "of 120 certificates 2 need attention, since 2026-11-28T02:00:00Z" */
static char *summary_of(const struct maintaining *maintaining)
{
    const struct shim_attention *attention = &maintaining->attention;
    char *since =
        maintaining->last.known ? sp_format_time(maintaining->last.at) : OPENSSL_strdup("");
    char *text = NULL;

    if (since != NULL)
        text =
            sp_format("of %lld certificates %lld need%s attention%s%s",
                      (long long)attention->judged, (long long)attention->count,
                      attention->count == 1 ? "s" : "", since[0] == '\0' ? "" : ", since ", since);
    OPENSSL_free(since);
    return text;
}

static int print_json(const struct maintaining *maintaining, int code)
{
    const struct shim_attention *attention = &maintaining->attention;
    char *at = sp_format_time(maintaining->now);
    char *since = maintaining->last.known ? sp_format_time(maintaining->last.at) : NULL;
    json_t *more = json_pack(
        "{s:s, s:s?, s:b, s:O, s:o, s:I, s:I, s:I, s:O, s:O?, s:o*}", "at", at, "since", since,
        "sound", maintaining->checked.faults == 0, "faults", maintaining->faults, "backup",
        sp_json_text(maintaining->backup), "crls_fetched", (json_int_t)maintaining->fetched,
        "judged", (json_int_t)attention->judged, "count", (json_int_t)attention->count, "events",
        attention->events, "copy", maintaining->copy, "ocsp", shim_ocsp_unanswered());

    OPENSSL_free(at);
    OPENSSL_free(since);
    return shim_json_keyring_report(maintaining->shim, "maintain", code, more);
}

static int send_mail(const struct maintaining *maintaining, const char *summary)
{
    char host[256] = "";
    char *subject, *text;
    int code;

    if (gethostname(host, sizeof(host) - 1) != 0 || host[strspn(host, "abcdefghijklmnopqrstuvwxyz"
                                                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                      "0123456789.-")] != '\0')
        host[0] = '\0';
    subject =
        sp_format("smime-policy%s%s: attention is needed", host[0] == '\0' ? "" : " on ", host);
    text = sp_format("Keyring %s: %s.\n\n%s", maintaining->shim->keyring_path, summary,
                     maintaining->attention.lines.data);
    code = subject == NULL || text == NULL
               ? shim_no_memory()
               : shim_notice_send(maintaining->shim,
                                  &(struct shim_notice){ .to = maintaining->mail_to,
                                                         .from = maintaining->mail_from,
                                                         .passin = maintaining->passin,
                                                         .sendmail = maintaining->sendmail,
                                                         .subject = subject,
                                                         .text = text },
                                  maintaining->now);
    OPENSSL_free(subject);
    OPENSSL_free(text);
    return code;
}

/* Tell it to a person: by mail if that is wanted and there is something, else on standard output.
 */
static int tell(const struct maintaining *maintaining)
{
    const struct shim_attention *attention = &maintaining->attention;
    char *summary = summary_of(maintaining);
    int code = SHIM_OK;

    if (summary == NULL || attention->lines.failed) {
        code = shim_no_memory();
    } else if (maintaining->mail_to != NULL && attention->count > 0) {
        code = send_mail(maintaining, summary);
    } else if (!maintaining->json) {
        fputs(attention->lines.data == NULL ? "" : attention->lines.data, stdout);
        shim_print(stdout, "keyring %s: %s\n", maintaining->shim->keyring_path, summary);
        shim_hub_tell_contact(maintaining->shim);
    }
    OPENSSL_free(summary);
    return code;
}

/* Judge what is stored, and write the page that was asked for. */
static int look(struct maintaining *maintaining)
{
    struct sp_keyring *keyring;
    int code = shim_keyring_open(maintaining->shim, SP_KEYRING_READ, &keyring);

    if (code != SHIM_OK)
        return code;
    code = shim_attention_collect(maintaining->shim, keyring, &maintaining->last, maintaining->now,
                                  &maintaining->attention);
    if (code == SHIM_OK)
        code = shim_attention_crls(maintaining->shim, keyring, &maintaining->last, maintaining->now,
                                   &maintaining->attention);
    if (code == SHIM_OK)
        code = shim_hub_copy(maintaining->shim, keyring, maintaining->now, &maintaining->copy);
    if (code == SHIM_OK && maintaining->html != NULL)
        code = shim_overview_file(maintaining->shim, keyring, maintaining->now, maintaining->html);
    sp_keyring_close(keyring);
    return code;
}

static int nothing(const struct shim_entry *entry, void *data)
{
    (void)entry, (void)data;
    return SHIM_OK;
}

/*
 * Ask about the identities by OCSP, as they are judged for a list, so that a verb need not wait
 * for that.  Of all others the answers that are kept are looked at from then on.
 */
static int ask_responders(struct maintaining *maintaining, struct sp_keyring *keyring)
{
    const struct sp_query identities = { .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    int code = shim_ocsp_begin(maintaining->shim, true, FOR_RESPONDERS);

    if (code == SHIM_OK)
        code = shim_entry_each(maintaining->shim, keyring, &identities, maintaining->now, nothing,
                               NULL);
    return code == SHIM_OK ? shim_ocsp_begin(maintaining->shim, true, 0) : code;
}

/*
 * Fetch CRLs, if the settings name hosts for that, remove answers of OCSP that no longer count,
 * and ask for new ones.
 */
static int refresh(struct maintaining *maintaining, struct sp_keyring *keyring)
{
    struct shim *shim = maintaining->shim;
    char *why = NULL;
    int code = SHIM_OK;

    if (!shim_ocsp_sweep(shim->keyring_path, maintaining->now, &why))
        return shim_keyring_fault(why);
    if (shim->settings->fetch_from != NULL)
        code = shim_crls_fetch(shim, keyring, maintaining->now, &maintaining->attention,
                               &maintaining->fetched);
    if (code == SHIM_OK)
        code = shim_crls_mark(shim->keyring_path, keyring, maintaining->now, false);
    return code == SHIM_OK && shim->settings->asks_ocsp ? ask_responders(maintaining, keyring)
                                                        : code;
}

/* Check and copy the keyring, before anything is told of it. */
static int look_after(struct maintaining *maintaining)
{
    struct sp_keyring *keyring;
    int code = shim_keyring_change(maintaining->shim, SP_KEYRING_WRITE, &keyring);

    if (code != SHIM_OK)
        return code;
    /* A CRL that is damaged is fetched anew, and then sound. */
    code = refresh(maintaining, keyring);
    if (code == SHIM_OK)
        code = check(maintaining, keyring);
    if (code == SHIM_OK && maintaining->backups != NULL)
        code = back_up(maintaining, keyring);
    sp_keyring_close(keyring);
    return code;
}

static int maintain(struct maintaining *maintaining)
{
    int code = look_after(maintaining);

    if (code == SHIM_OK)
        code = shim_last_look_read(maintaining->shim, &maintaining->last);
    if (code == SHIM_OK && maintaining->all) {
        maintaining->last.known = false;
        maintaining->last.at = 0;
    }
    if (code == SHIM_OK)
        code = shim_memory_end(look(maintaining));
    if (code == SHIM_OK)
        code = tell(maintaining);
    /* What was not told is told again the next time. */
    if (code == SHIM_OK && fflush(stdout) == 0)
        code = shim_last_look_write(maintaining->shim, &maintaining->last, maintaining->now);
    if (code == SHIM_OK && maintaining->attention.count > 0)
        code = SHIM_REFUSED;
    return code;
}

/* Is |text| one address, of a form that no header can be made of? */
static int read_address(const char *option, const char *text)
{
    struct shim_plain_list list = { 0 };
    bool plain =
        shim_plain_list_given(&list, text) && list.count == 1 && strcmp(list.each[0], text) == 0;

    shim_plain_list_clear(&list);
    return plain ? SHIM_OK : shim_usage("maintain: %s %s: not one plain address", option, text);
}

static int settle(const struct maintaining *maintaining)
{
    int code;

    if ((maintaining->mail_to == NULL) != (maintaining->mail_from == NULL))
        return shim_usage("maintain: --mail-to and --mail-from belong together");
    if (maintaining->passin != NULL && maintaining->mail_from == NULL)
        return shim_usage("maintain: --passin is for --mail-from alone");
    if (maintaining->html != NULL && strcmp(maintaining->html, "-") == 0)
        return shim_usage("maintain: --html needs a file; standard output has the report");
    if (maintaining->mail_to == NULL)
        return SHIM_OK;
    code = read_address("--mail-to", maintaining->mail_to);
    return code == SHIM_OK ? read_address("--mail-from", maintaining->mail_from) : code;
}

static void read_words(struct maintaining *maintaining, const struct shim_long *line)
{
    maintaining->mail_to = shim_long_value(line, "mail-to", 0);
    maintaining->mail_from = shim_long_value(line, "mail-from", 0);
    maintaining->passin = shim_long_value(line, "passin", 0);
    maintaining->sendmail = shim_long_value(line, "sendmail", 0);
    maintaining->html = shim_long_value(line, "html", 0);
    maintaining->backups = shim_long_value(line, "backup", 0);
    maintaining->json = shim_long_has(line, "json");
    shim_ocsp_prints(!maintaining->json && !shim_long_has(line, "quiet"));
    maintaining->all = shim_long_has(line, "all");
    if (maintaining->sendmail == NULL)
        maintaining->sendmail = SENDMAIL;
}

int shim_run_maintain(struct shim *shim, const struct shim_long *line)
{
    struct maintaining maintaining = { .shim = shim, .now = time(NULL) };
    int code;

    if (*line->operands != NULL)
        return shim_usage("maintain: %s is not an option", *line->operands);
    read_words(&maintaining, line);
    maintaining.faults = json_array();
    maintaining.attention.events = json_array();
    code = settle(&maintaining);
    if (code == SHIM_OK)
        code = maintain(&maintaining);
    if (maintaining.json && shim->keyring_path != NULL)
        code = print_json(&maintaining, code);
    shim_attention_clear(&maintaining.attention);
    json_decref(maintaining.faults);
    json_decref(maintaining.copy);
    OPENSSL_free(maintaining.backup);
    return code;
}
