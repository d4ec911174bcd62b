/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy remove: removes certificates, and with an identity its private key.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "common/long_options.h"
#include "common/memory.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_entry.h"
#include "tool/keyring/stored_key.h"

/* What is printed of one certificate after it was removed. */
struct removed {
    char *line; /* owned */
    bool had_key;
    unsigned char key[SP_SHA256_LENGTH];
};

struct removing {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    bool all, with_key, explain;
    struct shim_picks picks;
    struct removed *each; /* owned */
    size_t count;
    bool refused;
};

static int look_at(const struct shim_entry *entry, void *data)
{
    struct removing *removing = data;
    struct removed *longer =
        OPENSSL_realloc(removing->each, (removing->count + 1) * sizeof(*removing->each));
    struct removed *removed;

    if (longer == NULL)
        return shim_no_memory();
    removing->each = longer;
    removed = &longer[removing->count++];
    *removed = (struct removed){ .line = shim_entry_line(entry),
                                 .had_key = entry->record.role == SP_ROLE_IDENTITY };
    memcpy(removed->key, entry->record.key, SP_SHA256_LENGTH);
    if (removed->line == NULL)
        return shim_no_memory();
    if (removed->had_key && !removing->with_key) {
        shim_error("%s is an identity: its private key goes with the last certificate of that "
                   "key, and what was encrypted to it cannot be read any more",
                   removed->line);
        removing->refused = true;
    }
    return SHIM_OK;
}

static int select_all(struct removing *removing, char **words)
{
    int code = SHIM_OK;

    for (; code == SHIM_OK && *words != NULL; words++) {
        size_t found;

        code = shim_pick(removing->shim, removing->keyring, *words, &removing->picks, &found);
        if (code == SHIM_OK && found > 1 && !removing->all) {
            shim_error("%s has %zu certificates; name one by its fingerprint ('smime-policy list "
                       "--address %s'), or give --all",
                       *words, found, *words);
            code = SHIM_USAGE;
        }
    }
    return code;
}

/* Print the plan.  Whether a private key would go depends on other certificates with it. */
static int report_plan(const struct removing *removing)
{
    for (size_t i = 0; i < removing->count; i++)
        shim_print(stdout, "would remove %s%s\n", removing->each[i].line,
                   removing->each[i].had_key
                       ? ", and its private key unless another certificate has it"
                       : "");
    return SHIM_OK;
}

/* Print what was removed.  Whether a private key went with it is looked up. */
static int report(const struct removing *removing)
{
    for (size_t i = 0; i < removing->count; i++) {
        const struct removed *removed = &removing->each[i];
        struct sp_private_key key;
        int found = 0;

        if (removed->had_key)
            found = sp_keyring_key(removing->keyring, removed->key, &key);
        if (removed->had_key)
            sp_private_key_clear(&key);
        if (found < 0)
            return shim_keyring_failed(removing->keyring);
        shim_print(stdout, "removed %s%s\n", removed->line,
                   !removed->had_key ? ""
                   : found == 0      ? " and its private key"
                                     : "; its private key stays, another certificate has it");
    }
    return SHIM_OK;
}

static int remove_all(struct removing *removing, char **words)
{
    const struct shim_picks *picks = &removing->picks;
    int code = select_all(removing, words);

    if (code == SHIM_OK)
        code = shim_picks_each(removing->shim, removing->keyring, picks, time(NULL), look_at,
                               removing);
    if (code == SHIM_OK && removing->refused) {
        shim_error("nothing was removed; give --with-key if that is meant");
        code = SHIM_USAGE;
    }
    if (code == SHIM_OK)
        code = shim_memory_end(code);
    if (code != SHIM_OK)
        return code;
    if (removing->explain)
        return report_plan(removing);
    if (!sp_keyring_remove(removing->keyring, (const unsigned char(*)[SP_SHA256_LENGTH])picks->each,
                           picks->count))
        return shim_keyring_failed(removing->keyring);
    return report(removing);
}

int shim_run_remove(struct shim *shim, char **argv)
{
    struct removing removing = { .shim = shim, .explain = shim->explain };
    struct shim_long line;
    int code = shim_long_parse(shim, argv, &line);

    if (code != SHIM_OK)
        return code == -1 ? SHIM_OK : code;
    if (*line.operands == NULL)
        return shim_usage("remove: no certificate named; give an address or a fingerprint");
    removing.all = shim_long_has(&line, "all");
    removing.with_key = shim_long_has(&line, "with-key");
    code = removing.explain ? shim_keyring_open(shim, SP_KEYRING_READ, &removing.keyring)
                            : shim_keyring_change(shim, &removing.keyring);
    if (code == SHIM_OK)
        code = remove_all(&removing, line.operands);
    sp_keyring_close(removing.keyring);
    for (size_t i = 0; i < removing.count; i++)
        OPENSSL_free(removing.each[i].line);
    OPENSSL_free(removing.each);
    shim_picks_clear(&removing.picks);
    return code;
}
