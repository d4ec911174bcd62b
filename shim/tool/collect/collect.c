/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy collect: takes the certificates of senders out of mails, and those of
 * addresses out of directories.
 */

#include "common/memory.h"
#include "tool/collect/collecting.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"

bool shim_collects(struct shim *shim)
{
    if (!shim->settings->collects_nothing)
        return true;
    shim_error("refused: the setting collect = off lets no certificate be taken out of a mail; "
               "upload the sender's certificate, or set collect = chain");
    return false;
}

/* Open the keyring and begin; |run| is to be ended in any case. */
static int begin(struct shim_collecting *run, struct shim *shim)
{
    int code;

    run->shim = shim;
    run->now = time(NULL);
    run->taken = json_array();
    run->left_out = json_array();
    /* What vouches was uploaded before, so there is a keyring. */
    code = shim_keyring_change(shim, SP_KEYRING_WRITE, &run->keyring);
    if (code == SHIM_OK) {
        run->upload = sp_upload_begin(run->keyring);
        code = run->upload != NULL ? SHIM_OK : shim_keyring_failed(run->keyring);
    }
    return code;
}

/* Store what was collected; nothing of it after a fault. */
static int store(struct shim_collecting *run)
{
    if (run->fault == SHIM_OK && !shim_memory_sufficed())
        run->fault = SHIM_SYSTEM;
    if (run->fault == SHIM_OK && !run->dry_run && json_array_size(run->taken) + run->already > 0)
        run->fault = shim_hub_commit(run->shim, run->keyring, run->upload, run->local);
    if (run->fault == SHIM_OK && !run->dry_run)
        run->fault = shim_directory_remove(&run->directory);
    return run->fault;
}

static void end(struct shim_collecting *run)
{
    if (run->upload != NULL)
        sp_upload_free(run->upload);
    shim_directory_end(&run->directory);
    sp_keyring_close(run->keyring);
    json_decref(run->taken);
    json_decref(run->left_out);
}

/* Is a mail among |words|?  The setting `collect` is about mails. */
static bool names_mail(char **words)
{
    while (*words != NULL && shim_collect_is_address(*words))
        words++;
    return *words != NULL;
}

static int collect_all(struct shim_collecting *run, char **paths)
{
    int code;

    for (; *paths != NULL && run->fault == SHIM_OK; paths++)
        if (shim_collect_is_address(*paths))
            shim_collect_address(run, *paths);
        else
            shim_mails_read(run, *paths);
    code = store(run);
    return shim_collect_report(run, code != SHIM_OK ? code : run->named, false);
}

int shim_collect_after(const struct shim_operation *operation, const char *name,
                       struct shim_incoming *incoming)
{
    struct shim_collecting run = { 0 };
    int code = begin(&run, operation->shim);

    if (code == SHIM_OK) {
        shim_collect_verified(&run, &(struct shim_mail_at){ .path = name }, incoming, operation);
        code = shim_collect_report(&run, store(&run), true);
    }
    end(&run);
    return code;
}

int shim_run_collect(struct shim *shim, const struct shim_long *line)
{
    struct shim_collecting run = { .json = shim_long_has(line, "json"),
                                   .local = shim_long_has(line, "local"),
                                   .dry_run = shim->explain || shim_long_has(line, "dry-run") };
    int code;

    if (*line->operands == NULL)
        return shim_usage("collect: no mail named; give files, mboxes, Maildirs, - for "
                          "standard input, or addresses for a directory");
    code = shim_load_settings(shim);
    if (code == SHIM_OK && names_mail(line->operands) && !shim_collects(shim))
        code = SHIM_REFUSED;
    if (code == SHIM_OK)
        code = begin(&run, shim);
    if (code == SHIM_OK)
        code = collect_all(&run, line->operands);
    end(&run);
    return code;
}
