/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy hub: makes the tables of a hub, brings them up, and tells how it is.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/print.h"
#include "tool/hub/talk.h"
#include "tool/report/outcome.h"

struct run {
    struct shim *shim;
    const struct shim_long *line;
    struct shim_hub hub;
};

/* Print what each sub-command tells, and |more|, which is taken over; returns |code|. */
static int print_json(const struct run *run, const char *operation, int code, json_t *more)
{
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:i}", "policy", SMIMEPOLICY_VERSION,
                               "operation", operation, "hub", sp_json_text(run->hub.name), "realm",
                               sp_json_text(run->hub.realm), "exit", code);

    return shim_json_report(object, more, code);
}

/* The first column of the first row that |sql| gives, as a new string; NULL if there is none. */
static bool value(struct run *run, const char *sql, char **text)
{
    PGresult *rows = shim_hub_ask(&run->hub, sql, NULL);
    const char *found = rows == NULL || run->hub.pq->ntuples(rows) == 0
                            ? NULL
                            : shim_hub_text(&run->hub, rows, 0, 0);
    bool done = rows != NULL;

    *text = found == NULL ? NULL : OPENSSL_strdup(found);
    run->hub.pq->clear(rows);
    return done;
}

/* The form of the tables; 0: there are none, -1: that cannot be found out. */
static int form_of(struct run *run)
{
    PGresult *rows;
    char *text = NULL;
    int form = -1;

    if (!value(run, "SELECT to_regclass('smime_policy.hub')::text", &text))
        return -1;
    if (text == NULL)
        return 0;
    OPENSSL_free(text);
    rows = shim_hub_ask(&run->hub, "SELECT form FROM smime_policy.hub", NULL);
    if (rows != NULL && run->hub.pq->ntuples(rows) == 1)
        form = (int)shim_hub_number(&run->hub, rows, 0, 0);
    run->hub.pq->clear(rows);
    return form;
}

/* Run the steps from |form| on, in the transaction that is open. */
static bool bring_up(struct run *run, int form)
{
    for (; form < SHIM_HUB_FORM; form++)
        if (!shim_hub_run(&run->hub, shim_hub_forms[form]))
            return false;
    return shim_hub_run(&run->hub, shim_hub_publish);
}

/* Tell that it is done. */
static int told(struct run *run, const char *what, const char *text)
{
    if (shim_long_has(run->line, "json"))
        return print_json(run, what, SHIM_OK, json_pack("{s:b}", "done", true));
    shim_print(stdout, "hub %s: %s\n", run->hub.name, text);
    return SHIM_OK;
}

/* Does an answer to a writer wait for a standby? */
static int check_standbys(struct run *run, bool single)
{
    char *standbys = NULL;
    bool done = value(run, "SELECT current_setting('synchronous_standby_names')", &standbys);
    bool none = done && (standbys == NULL || standbys[0] == '\0');

    OPENSSL_free(standbys);
    if (!done)
        return SHIM_SYSTEM;
    if (!none || single)
        return SHIM_OK;
    shim_error(
        "hub %s: no standby confirms what is written (synchronous_standby_names is empty), so "
        "a failover could lose it; set one up, or give --single for a hub without standby",
        run->hub.name);
    return SHIM_REFUSED;
}

static int init(struct run *run)
{
    bool single = shim_long_has(run->line, "single");
    const char *const kind[] = { single ? "true" : "false", NULL };
    const char *const realm[] = { run->hub.realm, NULL };
    int form = form_of(run);
    int code;

    if (form < 0)
        return SHIM_SYSTEM;
    if (form > SHIM_HUB_FORM) {
        shim_error("hub %s: its tables are of form %d, and this smime-policy knows %d; install a "
                   "newer one",
                   run->hub.name, form, SHIM_HUB_FORM);
        return SHIM_SYSTEM;
    }
    code = check_standbys(run, single);
    if (code != SHIM_OK)
        return code;
    if (!shim_hub_run(&run->hub, "BEGIN") ||
        !shim_hub_run(&run->hub, "SELECT pg_advisory_xact_lock(1936551024)") ||
        (form == 0 && form_of(run) == 0 &&
         (!bring_up(run, 0) ||
          !shim_hub_run_with(
              &run->hub, "INSERT INTO smime_policy.hub (form, single) VALUES (2, $1)", kind))) ||
        !shim_hub_run_with(
            &run->hub, "INSERT INTO smime_policy.realm (realm) VALUES ($1) ON CONFLICT DO NOTHING",
            realm) ||
        !shim_hub_run(&run->hub, "COMMIT"))
        return SHIM_SYSTEM;
    return told(run, "hub init",
                form == 0 ? "its tables are made; admit hosts as docs/use/guides/fleet.md shows"
                          : "its tables are there, and the realm is");
}

static int upgrade(struct run *run)
{
    int form = form_of(run);

    if (form < 0)
        return SHIM_SYSTEM;
    if (form == 0 || form > SHIM_HUB_FORM) {
        shim_error(form == 0 ? "hub %s: there are no tables; make them with 'smime-policy hub init'"
                             : "hub %s: a newer smime-policy has made its tables; install that",
                   run->hub.name);
        return SHIM_SYSTEM;
    }
    if (form < SHIM_HUB_FORM &&
        (!shim_hub_run(&run->hub, "BEGIN; SELECT pg_advisory_xact_lock(1936551024)") ||
         (form = form_of(run)) < 1 || !bring_up(run, form) || !shim_hub_run(&run->hub, "COMMIT")))
        return SHIM_SYSTEM;
    return told(run, "hub upgrade", "its tables have the newest form");
}

static int renew(struct run *run)
{
    if (!shim_hub_run(&run->hub, "UPDATE smime_policy.hub SET identity = gen_random_uuid()"))
        return SHIM_SYSTEM;
    return told(run, "hub renew",
                "it has a new identity; every host compares the whole at its next sync");
}

static int status(struct run *run)
{
    static const char ask[] =
        "SELECT h.form, h.single::text, current_setting('synchronous_standby_names'),"
        " (SELECT count(*) FROM smime_policy.journal j WHERE j.realm = r.realm)"
        " FROM smime_policy.hub h, smime_policy.realm r WHERE r.realm = $1";
    const char *const realm[] = { run->hub.realm, NULL };
    struct shim_hub_head head;
    int code = shim_hub_head(&run->hub, &head);
    PGresult *rows = code == SHIM_OK ? shim_hub_ask(&run->hub, ask, realm) : NULL;
    const char *standbys;
    bool single;

    if (rows == NULL || run->hub.pq->ntuples(rows) != 1) {
        run->hub.pq->clear(rows);
        shim_hub_head_clear(&head);
        return code == SHIM_OK ? SHIM_SYSTEM : code;
    }
    single = strcmp(shim_hub_text(&run->hub, rows, 0, 1), "true") == 0;
    standbys = shim_hub_text(&run->hub, rows, 0, 2);
    if (shim_long_has(run->line, "json")) {
        code = print_json(run, "hub status", SHIM_OK,
                          json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:b}", "form",
                                    (int)shim_hub_number(&run->hub, rows, 0, 0), "epoch",
                                    head.reach.epoch, "revision", (json_int_t)head.reach.revision,
                                    "oldest", (json_int_t)head.oldest, "journal",
                                    (json_int_t)shim_hub_number(&run->hub, rows, 0, 3),
                                    "certificates", (json_int_t)head.reach.certificates, "crls",
                                    (json_int_t)head.crls, "single", single, "standbys",
                                    sp_json_text(standbys), "private_keys", head.has_keys));
    } else {
        shim_print(stdout,
                   "hub %s, realm %s: revision %lld, %lld certificates, %lld CRLs, epoch %s\n",
                   run->hub.name, run->hub.realm, (long long)head.reach.revision,
                   (long long)head.reach.certificates, (long long)head.crls, head.reach.epoch);
        if (single)
            puts("it has no standby (--single): what was uploaded since the last backup is lost "
                 "with its disk");
        else
            shim_print(stdout, "standbys that confirm: %s\n", standbys);
        printf("private keys are %sopen to this host\n", head.has_keys ? "" : "not ");
    }
    run->hub.pq->clear(rows);
    shim_hub_head_clear(&head);
    return code;
}

static int push(struct run *run)
{
    struct shim_pushed pushed = { 0 };
    int code = shim_hub_push(run->shim, &run->hub, &pushed);

    if (shim_long_has(run->line, "json"))
        return print_json(
            run, "hub push", code,
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "done", code == SHIM_OK, "revision",
                      (json_int_t)pushed.revision, "certificates", (json_int_t)pushed.certificates,
                      "keys", (json_int_t)pushed.keys, "keys_kept", (json_int_t)pushed.keys_kept,
                      "crls_kept", (json_int_t)pushed.crls_kept));
    if (code == SHIM_OK)
        shim_print(stdout,
                   "pushed %lld certificates and %lld private keys to the hub %s, revision %lld; "
                   "%lld private keys stay here alone\n",
                   (long long)pushed.certificates, (long long)pushed.keys, run->hub.name,
                   (long long)pushed.revision, (long long)pushed.keys_kept);
    if (code == SHIM_OK && pushed.crls_kept > 0)
        shim_error(
            "note: %lld CRL%s of this host %s here alone; upload the files of those that were "
            "uploaded",
            (long long)pushed.crls_kept, pushed.crls_kept == 1 ? "" : "s",
            pushed.crls_kept == 1 ? "stays" : "stay");
    return code;
}

static const struct shim_word words[] = {
    { "init", NULL, "'smime-policy hub status' tells how the hub is" },
    { "upgrade", NULL, "'smime-policy hub status' tells its form" },
    { "renew", NULL, "'smime-policy hub status' tells its epoch" },
    { "push", NULL, "'smime-policy list' tells what would be pushed" },
    { "status", NULL, NULL },
    { NULL, NULL, NULL },
};

/* In the order of |words|. */
static int (*const runs[])(struct run *run) = { init, upgrade, renew, push, status };

int shim_run_hub(struct shim *shim, const struct shim_long *line)
{
    struct run run = { .shim = shim, .line = line };
    int word = shim_long_word(shim, line, words, "init, upgrade, status, push or renew");
    int code;

    if (word < 0)
        return SHIM_USAGE;
    if (shim_long_has(line, "single") && runs[word] != init)
        return shim_usage("hub: --single is for 'hub init' alone");
    code = shim_hub_open(shim, &run.hub);
    if (code == SHIM_OK)
        code = runs[word](&run);
    shim_hub_close(&run.hub);
    return code;
}
