/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/policy.h"

#include <stdatomic.h>

#include <openssl/crypto.h>

#include "log/report.h"
#include "policy/command.h"

/*
 * Written while providers are loaded and unloaded, which module/provider.c
 * serializes.  Gates read it in any thread, so it is atomic.
 */
static _Atomic(smimepolicy_settings *) current;
static _Atomic(char *) lock_reason;

/* The reason of the lock if it could not be copied. */
static char no_memory[] = "out of memory";
/* The reason if nothing else locks the policy. */
static const char report_lost[] =
    "what was decided could not be reported to smime-policy, which started this program";

void sp_policy_adopt(smimepolicy_settings *settings)
{
    smimepolicy_settings *now = atomic_load(&current);

    if (now == NULL) {
        atomic_store(&current, settings);
        return;
    }
    if (!sp_settings_equal(now, settings))
        sp_policy_lock("the provider was loaded twice, with settings that disagree; "
                       "use one configuration for every library context of a process");
    smimepolicy_settings_free(settings);
}

void sp_policy_reset(void)
{
    char *reason = atomic_exchange(&lock_reason, NULL);

    if (reason != no_memory)
        OPENSSL_free(reason);
    smimepolicy_settings_free(atomic_exchange(&current, NULL));
    sp_command_reset();
    sp_report_close();
}

void sp_policy_lock(const char *reason)
{
    char *copy = OPENSSL_strdup(reason), *none = NULL;

    if (copy == NULL)
        copy = no_memory;
    if (!atomic_compare_exchange_strong(&lock_reason, &none, copy) && copy != no_memory)
        OPENSSL_free(copy);
}

const char *sp_policy_locked(void)
{
    const char *reason = atomic_load(&lock_reason);

    return reason == NULL && sp_report_failed() ? report_lost : reason;
}

const smimepolicy_settings *sp_policy(void)
{
    return atomic_load(&current);
}
