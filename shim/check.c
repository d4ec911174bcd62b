/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy check: every finding of every certificate; explains, changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "checking.h"
#include "help.h"
#include "passphrase.h"
#include "shim.h"

/* One run of check. */
struct checking {
    const struct shim_check *check;
    const smimepolicy_settings *settings;
    struct shim_secret secret;
    struct shim_reporter *reporter;
    STACK_OF(X509) *seen; /* owned: what the key may belong to */
    bool denied;
    int fault;
};

static void unreadable(struct checking *checking, const char *path, const char *what,
                       enum shim_load state, const struct shim_loaded *loaded)
{
    const char *given = checking->check->passin;

    checking->fault = SHIM_INPUT;
    if (state == LOAD_LOCKED && given == NULL)
        shim_error("cannot read %s: it needs a passphrase; give it with --passin", path);
    else if (state == LOAD_LOCKED)
        shim_error("cannot read %s: the passphrase is wrong; correct --passin", path);
    else if (state == LOAD_ONCE)
        shim_error("cannot read %s: not a regular file; copy it to one", path);
    else if (state == LOAD_NOTHING)
        shim_error("cannot read %s: it holds no %s; give one in %s", path, what,
                   strcmp(what, "certificate") == 0 ? "PEM, DER, PKCS#12 or PKCS#7"
                                                    : "PEM, DER or PKCS#12");
    else
        shim_error("cannot read %s: %s; give a %s in PEM, DER or PKCS#12", path,
                   loaded->why != NULL ? loaded->why : "out of memory", what);
}

static void report(struct checking *checking, struct shim_report *judged)
{
    bool complete = true;

    for (int use = 0; use < SHIM_USES; use++)
        if (judged->verdicts[use] != NULL && !smimepolicy_verdict_allowed(judged->verdicts[use]))
            checking->denied = true;
    for (int use = 0; use < SHIM_USES && judged->cert != NULL; use++)
        complete = complete && (!checking->check->wanted[use] || judged->verdicts[use] != NULL);
    if (judged->cert == NULL)
        complete = judged->verdicts[0] != NULL;
    if (!complete || !shim_reporter_add(checking->reporter, judged))
        checking->fault = shim_no_memory();
    for (int use = 0; use < SHIM_USES; use++)
        smimepolicy_verdict_free(judged->verdicts[use]);
}

static void check_cert(struct checking *checking, const char *path, X509 *cert)
{
    struct shim_report judged = { .path = path, .cert = cert };

    for (int use = 0; use < SHIM_USES; use++)
        if (checking->check->wanted[use])
            judged.verdicts[use] = smimepolicy_evaluate(checking->settings, cert, NULL,
                                                        (smimepolicy_use)use, checking->check->at);
    report(checking, &judged);
    if (X509_up_ref(cert) && sk_X509_push(checking->seen, cert) <= 0) {
        X509_free(cert);
        checking->fault = shim_no_memory();
    }
}

/* Says so where what |path| holds would cost more than it may. */
static bool is_bounded(struct checking *checking, const char *path)
{
    const char *why = shim_load_unbounded(path, &checking->secret);

    if (why == NULL)
        return true;
    checking->fault = SHIM_INPUT;
    shim_error("cannot read %s: %s", path, why);
    return false;
}

static void check_file(struct checking *checking, const char *path)
{
    struct shim_loaded loaded;
    enum shim_load state;

    if (!is_bounded(checking, path))
        return;
    state = shim_load(path, WANT_BUNDLE, &checking->secret, &loaded);
    if (state != LOADED)
        unreadable(checking, path, "certificate", state, &loaded);
    for (int i = 0; state == LOADED && i < sk_X509_num(loaded.certs); i++)
        check_cert(checking, path, sk_X509_value(loaded.certs, i));
    shim_loaded_clear(&loaded);
}

/* With one certificate the key is meant for it; with several, for one of them. */
static void check_key(struct checking *checking)
{
    const char *path = checking->check->key_path;
    struct shim_report judged = { .path = path };
    struct shim_loaded loaded;
    enum shim_load state;

    if (!is_bounded(checking, path))
        return;
    state = shim_load(path, WANT_KEY, &checking->secret, &loaded);
    if (state != LOADED) {
        unreadable(checking, path, "private key", state, &loaded);
    } else {
        const X509 *only =
            sk_X509_num(checking->seen) == 1 ? sk_X509_value(checking->seen, 0) : NULL;

        judged.verdicts[0] =
            smimepolicy_evaluate_key(checking->settings, loaded.key, only, checking->seen);
        report(checking, &judged);
    }
    shim_loaded_clear(&loaded);
}

static int run(struct shim *shim, const struct shim_check *check)
{
    struct checking checking = { .check = check, .settings = shim->settings, .fault = SHIM_OK };

    struct shim_passphrase pass = { 0 };

    if (!shim_passphrase_read(&pass, "passin", check->passin))
        return SHIM_INPUT;
    checking.secret.pass = pass.text;
    checking.seen = sk_X509_new_null();
    checking.reporter = shim_reporter_new(check);
    if (checking.seen == NULL || checking.reporter == NULL)
        checking.fault = shim_no_memory();
    for (char **file = check->files; checking.fault != SHIM_SYSTEM && *file != NULL; file++)
        check_file(&checking, *file);
    if (check->key_path != NULL && checking.fault == SHIM_OK)
        check_key(&checking);
    if (!shim_reporter_end(checking.reporter, !checking.denied && checking.fault == SHIM_OK))
        checking.fault = shim_no_memory();
    sk_X509_pop_free(checking.seen, X509_free);
    shim_secret_clear(&checking.secret);
    if (checking.fault != SHIM_OK)
        return checking.fault;
    return checking.denied ? SHIM_REFUSED : SHIM_OK;
}

int shim_run_check(struct shim *shim, int argc, char **argv)
{
    struct shim_check check;
    bool help;
    int code = shim_check_options(argv + 1, &check, &help);

    (void)argc;
    if (help)
        return shim_help_verb("check");
    if (code == SHIM_OK)
        code = shim_load_settings(shim);
    return code == SHIM_OK ? run(shim, &check) : code;
}
