/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Life cycle of the provider.
 *
 * Threads: the life lock serializes loads and unloads.  What gates read is complete
 * before the first table goes to the core, and stays until the last instance is torn
 * down.  Queries of the core take no lock: the core may hold a lock of its own that
 * a load in another thread waits for.
 */
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <jansson.h>

#include "gates/contexts.h"
#include "gates/hooks.h"
#include "keyring/forks.h"
#include "log/report.h"
#include "module/configuration.h"
#include "module/gated_tables.h"
#include "policy/command.h"
#include "policy/engines.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/locks.h"
#include "register/register.h"
#include "register/threads.h"
#include "rules/revocation.h"

static unsigned int live; /* guarded by the life lock: instances not gone */
/* Set while the backend is loaded, to notice a backend that is this module itself. */
static _Thread_local bool starting;

/*
 * Is no provider active beside us that has the keys which `keys = mail` hides?  It would
 * read them, and what is done with them would pass our gates.
 */
static bool may_hide_keys(const struct sp_instance *instance)
{
    OSSL_LIB_CTX *libctx = sp_upcalls_libctx(&instance->up);

    return OSSL_PROVIDER_available(libctx, sp_policy()->backend) != 1 &&
           OSSL_PROVIDER_available(libctx, "default") != 1;
}

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
    const struct sp_instance *instance = sp_instance_for(provctx);

    *no_cache = 0;
    if (instance == NULL || operation <= 0 || operation >= SP_OPERATIONS)
        return NULL;
    *no_cache = instance->backend.no_cache[operation];
    return instance->mail_tables[operation] != NULL && may_hide_keys(instance)
               ? instance->mail_tables[operation]
               : instance->tables[operation];
}

/* TLS asks for the provider's groups, which the backend knows. */
static int get_capabilities(void *provctx, const char *capability, OSSL_CALLBACK *callback,
                            void *arg)
{
    const struct sp_instance *instance = sp_instance_for(provctx);

    return instance != NULL && !instance->foreign &&
           OSSL_PROVIDER_get_capabilities(instance->backend.provider, capability, callback, arg);
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0), OSSL_PARAM_END
    };

    (void)provctx;
    return params;
}

static int set_text(OSSL_PARAM params[], const char *key, const char *text)
{
    OSSL_PARAM *param = OSSL_PARAM_locate(params, key);

    return param == NULL || OSSL_PARAM_set_utf8_ptr(param, text) == 1;
}

/* `openssl list -providers` shows a locked policy as inactive. */
static int get_params(void *provctx, OSSL_PARAM params[])
{
    OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

    (void)provctx;
    return set_text(params, OSSL_PROV_PARAM_NAME, "S/MIME certificate policy") &&
           set_text(params, OSSL_PROV_PARAM_VERSION, SMIMEPOLICY_VERSION) &&
           set_text(params, OSSL_PROV_PARAM_BUILDINFO, SMIMEPOLICY_VERSION) &&
           (status == NULL || OSSL_PARAM_set_int(status, sp_policy_locked() == NULL) == 1);
}

static void stop_process(void)
{
    struct sp_instance *instance;

    sp_own_anchor_stop();
    sp_trust_restore();
    sp_purposes_restore();
    /* At exit() other threads may be inside a gate: what they read is not freed. */
    if (!sp_register_stop())
        return;
    sp_contexts_close();
    sp_policy_reset();
    instance = sp_instances_take();
    while (instance != NULL) {
        struct sp_instance *next = instance->next;

        sp_instance_free(instance);
        instance = next;
    }
}

static void teardown(void *provctx)
{
    const struct sp_instance *other;
    struct sp_instance *instance;
    bool last = false;

    sp_lock_life();
    instance = sp_instance_for(provctx);
    if (instance != NULL && --instance->loads == 0) {
        atomic_store(&instance->gone, true);
        if (!instance->foreign)
            sp_threads_remove_instance(&instance->up);
        other = sp_instances_any();
        if (other != NULL)
            sp_register_set_sha256(&other->sha);
        last = --live == 0;
        if (last)
            stop_process();
    }
    sp_unlock_life();
    /*
     * Not under the life lock: fork() takes the lock of the keyrings first, then that one.  The
     * command's process ends here, and the kernel closes its files for less.
     */
    if (last && !sp_keyring_is_in_command())
        sp_keyring_keep_none();
}

static const OSSL_DISPATCH provider_functions[] = {
    { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
    { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
    { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
    { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
    { OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities },
    { 0, NULL }
};

/*
 * Are digests of certificates needed?  A digest costs as much as the facts, and only
 * these settings and the report use it.
 */
static bool needs_digests(const smimepolicy_settings *settings)
{
    return settings->decision_log != NULL || settings->refuse_unverified_signers ||
           sp_report_is_on();
}

/*
 * May there be signatures, and is there somebody to tell of a signer's issuers?  Or may a CRL
 * name a certificate that signs or is encrypted to?
 */
static bool needs_lineage(const smimepolicy_settings *settings)
{
    const bool any = !sp_command()->has_use;

    return ((settings->refuse_signer_path || settings->decision_log != NULL) &&
            (any || sp_command_is_to(SMIMEPOLICY_SIGN))) ||
           (settings->keyring != NULL && sp_revocation_is_asked(settings) &&
            (any || sp_command_is_to(SMIMEPOLICY_SIGN) || sp_command_is_to(SMIMEPOLICY_ENCRYPT)));
}

/* Set up what belongs to the process, for the first instance. */
static bool start_process(const struct sp_instance *instance)
{
    sp_engines_start();
    sp_contexts_open();
    sp_register_keep_lineage(needs_lineage(sp_policy()));
    /* `revocation = hard` asks of each certificate whether it is its own issuer. */
    sp_register_keep_kinship(sp_register_keeps_lineage() || sp_policy()->keyring != NULL ||
                             sp_revocation_needs_answer(sp_policy()));
    if (sp_reasons_begin() && sp_register_start(&instance->sha, needs_digests(sp_policy())) &&
        sp_purposes_replace() && sp_trust_replace() && sp_own_anchor_start()) {
        sp_keyring_expect_forks();
        if (sp_report_is_on())
            sp_keyring_in_command();
        return true;
    }
    sp_trust_restore();
    sp_purposes_restore();
    (void)sp_register_stop();
    return false;
}

/*
 * Load the backend.  If that fails the policy is locked, and `default` keeps the
 * program running.
 */
static bool load_backend(struct sp_instance *instance, const char *name)
{
    OSSL_LIB_CTX *libctx = sp_upcalls_libctx(&instance->up);
    bool loaded;

    ERR_set_mark();
    loaded = sp_backend_load(&instance->backend, libctx, name);
    if (!loaded) {
        char fault[256];

        (void)snprintf(fault, sizeof(fault),
                       "backend = %s: there is no such provider, or it cannot be loaded", name);
        sp_configuration_refuse(&instance->up, fault);
        loaded = sp_backend_load(&instance->backend, libctx, "default");
    }
    ERR_pop_to_mark();
    return loaded;
}

/* Load what the decision log needs while files can be found: the program may call chroot(). */
static void load_for_log(const struct sp_instance *instance)
{
    if (sp_policy()->decision_log != NULL && json_null() == NULL)
        sp_configuration_refuse(&instance->up, "decision_log: libjansson cannot be loaded");
}

/*
 * If the module is loaded under a second name in one library context, it shares the
 * first one's instance.
 */
static struct sp_instance *shared_instance(const struct sp_instance *instance)
{
    struct sp_instance *same = sp_instance_for(instance->backend.provctx);

    if (same != NULL)
        same->loads++;
    return same;
}

static struct sp_instance *add_instance(struct sp_instance *instance)
{
    instance->loads = 1;
    sp_instances_add(instance);
    live++;
    return instance;
}

/* Start |instance|, which is taken over; returns the instance to use, or NULL. */
static struct sp_instance *start(struct sp_instance *instance)
{
    smimepolicy_settings *settings = sp_configuration_read(&instance->up);
    struct sp_instance *same = NULL;
    bool loaded = false;

    if (settings != NULL) {
        sp_policy_adopt(settings);
        load_for_log(instance);
        loaded = load_backend(instance, sp_policy()->backend);
    }
    if (loaded)
        same = shared_instance(instance);
    if (loaded && same == NULL && sp_instance_build(instance) &&
        (live > 0 || start_process(instance))) {
        sp_threads_add_instance(&instance->up);
        if (live == 0 && sp_report_is_on())
            sp_configuration_greet();
        return add_instance(instance);
    }
    sp_instance_free(instance);
    if (live == 0)
        sp_policy_reset();
    return same;
}

/*
 * A program with a libcrypto of its own has certificates that we cannot see.  Then
 * every operation fails, so that nothing runs unguarded.
 */
static struct sp_instance *start_foreign(struct sp_instance *instance)
{
    sp_upcalls_raise(&instance->up, SP_REASON_LOCKED,
                     "smimepolicy.so was built for the system's libcrypto, and this program has "
                     "another one");
    instance->foreign = true;
    return add_instance(instance);
}

__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provctx)
{
    struct sp_instance *instance;
    struct sp_upcalls up;

    if (starting || !sp_upcalls_from(&up, handle, in) ||
        (instance = OPENSSL_zalloc(sizeof(*instance))) == NULL)
        return 0;
    instance->up = up;
    sp_lock_life();
    starting = true;
    instance = sp_upcalls_are_ours(&up) ? start(instance) : start_foreign(instance);
    starting = false;
    sp_unlock_life();
    if (instance == NULL)
        return 0;
    *out = provider_functions;
    *provctx = instance->foreign ? instance : instance->backend.provctx;
    return 1;
}
