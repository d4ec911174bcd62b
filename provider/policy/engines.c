/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/engines.h"

#include <stdatomic.h>
#include <stdio.h>

#include <openssl/err.h>

#include "base/compat.h"
#include "policy/policy.h"
#include "policy/trace.h"

static const int key_types[] = { EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC };
#define KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

static atomic_bool found; /* set by any thread, cleared when a policy starts */

static void lock_because_of(const ENGINE *engine)
{
    char reason[512];

    (void)snprintf(reason, sizeof(reason),
                   "the engine %s uses RSA and EC keys past the policy; remove it from the "
                   "configuration and the options of this program",
                   ENGINE_get_id(engine));
    SP_TRACE("%s", reason);
    sp_policy_lock(reason);
    atomic_store(&found, true);
}

void sp_engines_look(void)
{
    ENGINE *engine;

    if (ENGINE_get_pkey_meth_engine == NULL)
        return;
    for (size_t i = 0; i < KEY_TYPES; i++)
        while ((engine = ENGINE_get_pkey_meth_engine(key_types[i])) != NULL) {
            lock_because_of(engine);
            ENGINE_unregister_pkey_meths(engine);
            ENGINE_finish(engine);
        }
}

static bool may_take_keys(ENGINE *engine)
{
    if (ENGINE_get_load_privkey_function(engine) != NULL)
        return true;
    /* Asking for one method of an engine that has none is slower: it raises an error. */
    if (ENGINE_get_pkey_meths(engine) == NULL)
        return false;
    for (size_t i = 0; i < KEY_TYPES; i++)
        if (ENGINE_get_pkey_meth(engine, key_types[i]) != NULL)
            return true;
    return false;
}

bool sp_engines_found(void)
{
    ERR_set_mark();
    sp_engines_look();
    /* An engine's own method is used without the preference, too. */
    if (!atomic_load(&found) && ENGINE_get_first != NULL)
        for (ENGINE *e = ENGINE_get_first(); e != NULL; e = ENGINE_get_next(e))
            if (may_take_keys(e))
                lock_because_of(e);
    ERR_pop_to_mark();
    return atomic_load(&found);
}

void sp_engines_start(void)
{
    atomic_store(&found, false);
    (void)sp_engines_found();
}
