/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "module/gated_tables.h"

#include <openssl/crypto.h>

#include "base/text.h"
#include "gates/slots.h"
#include "policy/policy.h"
#include "rules/rules.h"
#include "store/loader.h"

/*
 * With `default_properties = ?smime.policy=yes` in the configuration, our
 * implementation wins over the same algorithm of another provider.  A property
 * without a value has the value "yes", and is parsed faster.
 */
#define OUR_PROPERTY "smime.policy"

/*
 * Does the operation make, read or use keys?  Only these need our property: whose
 * digests and ciphers are used with them does not matter, and libcrypto reads the
 * property of each algorithm.  Digests have it if they are watched.
 */
static bool is_preferred(int operation)
{
    return (operation >= OSSL_OP_KEYMGMT && operation != OSSL_OP_ENCODER) ||
           (operation == OSSL_OP_DIGEST && sp_policy()->pass_raw_keys);
}

static sp_gate_fn *gate_of(int operation)
{
    switch (operation) {
    case OSSL_OP_DIGEST:
        return sp_gate_digest;
    case OSSL_OP_SIGNATURE:
        return sp_gate_signature;
    case OSSL_OP_ASYM_CIPHER:
        return sp_gate_asym_cipher;
    case OSSL_OP_KEYEXCH:
        return sp_gate_keyexch;
    case OSSL_OP_KEM:
        return sp_gate_kem;
    case OSSL_OP_KEYMGMT:
        return sp_gate_keymgmt;
    case OSSL_OP_STORE:
        return sp_gate_store;
    default:
        return NULL;
    }
}

static char *extend(const char *properties)
{
    return properties == NULL || *properties == '\0' ? OPENSSL_strdup(OUR_PROPERTY)
                                                     : sp_format("%s," OUR_PROPERTY, properties);
}

/* |original| with our property added.  Hundreds of algorithms share a few such strings. */
static const char *extended(struct sp_instance *instance, const char *original)
{
    struct sp_properties *known = instance->properties;

    while (known != NULL && known->original != original)
        known = known->next;
    if (known != NULL)
        return known->extended;
    known = OPENSSL_zalloc(sizeof(*known));
    if (known == NULL)
        return NULL;
    known->original = original;
    known->extended = extend(original);
    known->next = instance->properties;
    instance->properties = known;
    return known->extended;
}

static bool prefer_algorithm(struct sp_instance *instance, OSSL_ALGORITHM *algorithm, int operation)
{
    if (!is_preferred(operation))
        return true;
    algorithm->property_definition = extended(instance, algorithm->property_definition);
    return algorithm->property_definition != NULL;
}

static bool gate_algorithm(OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                           sp_gate_fn *gate)
{
    bool untouched = true;
    OSSL_DISPATCH *gated;

    if (gate == NULL)
        return true;
    gated = gate(algorithm, backend, &untouched);
    if (gated != NULL)
        algorithm->implementation = gated;
    return gated != NULL || untouched;
}

static size_t count_algorithms(const OSSL_ALGORITHM *table)
{
    size_t count = 0;

    while (table != NULL && table[count].algorithm_names != NULL)
        count++;
    return count;
}

/*
 * Build the table of one operation, with room for our store.  If the backend has no
 * store, ours is the only one.
 */
static bool build_table(struct sp_instance *instance, int operation)
{
    const OSSL_ALGORITHM *original = instance->backend.tables[operation];
    size_t count = count_algorithms(original);
    OSSL_ALGORITHM *table = OPENSSL_zalloc((count + 2) * sizeof(*table));

    instance->tables[operation] = table;
    for (size_t i = 0; table != NULL && i < count; i++) {
        table[i] = original[i];
        if (!prefer_algorithm(instance, &table[i], operation) ||
            !gate_algorithm(&table[i], &instance->backend, gate_of(operation)))
            return false;
    }
    if (table != NULL && operation == OSSL_OP_STORE)
        table[count] = sp_store_loader;
    return table != NULL;
}

/*
 * Does it read or write keys that the rules refuse to all mail?  What reads a file for
 * keys of any kind is not named like a key.
 */
static bool is_for_other_keys(const char *names, const OSSL_ALGORITHM *keys)
{
    if (sp_names_meet(names, SP_KEYS_OF_MAIL))
        return false;
    while (keys->algorithm_names != NULL && !sp_names_meet(names, keys->algorithm_names))
        keys++;
    return keys->algorithm_names != NULL;
}

/* Build the table of |operation| for `keys = mail`: without what is for other keys. */
static bool build_mail_table(struct sp_instance *instance, int operation)
{
    const OSSL_ALGORITHM *all = instance->tables[operation];
    OSSL_ALGORITHM *table = OPENSSL_zalloc((count_algorithms(all) + 1) * sizeof(*table));
    const char *last = NULL;
    bool other = false;

    instance->mail_tables[operation] = table;
    for (; table != NULL && all != NULL && all->algorithm_names != NULL; all++) {
        /* One string often names several in a row. */
        if (all->algorithm_names != last)
            other =
                is_for_other_keys(all->algorithm_names, instance->backend.tables[OSSL_OP_KEYMGMT]);
        last = all->algorithm_names;
        if (!other)
            *table++ = *all;
    }
    return instance->mail_tables[operation] != NULL;
}

static bool build_tables(struct sp_instance *instance)
{
    for (int operation = 1; operation < SP_OPERATIONS; operation++)
        if ((instance->backend.tables[operation] != NULL || operation == OSSL_OP_STORE) &&
            !build_table(instance, operation))
            return false;
    return !sp_policy()->mail_keys_only || (build_mail_table(instance, OSSL_OP_DECODER) &&
                                            build_mail_table(instance, OSSL_OP_ENCODER));
}

bool sp_instance_build(struct sp_instance *instance)
{
    return build_tables(instance) && sp_sha256_from(&instance->sha, &instance->backend);
}

static void free_table(OSSL_ALGORITHM *table, const OSSL_ALGORITHM *original)
{
    const size_t count = count_algorithms(original);

    for (size_t i = 0; i < count; i++) {
        /* The core's type is const, but we own what was replaced. */
        union {
            const OSSL_DISPATCH *in;
            void *out;
        } functions = { .in = table[i].implementation };

        if (table[i].implementation != original[i].implementation)
            OPENSSL_free(functions.out);
    }
    OPENSSL_free(table);
}

void sp_instance_free(struct sp_instance *instance)
{
    if (instance == NULL)
        return;
    for (int operation = 1; operation < SP_OPERATIONS; operation++)
        if (instance->tables[operation] != NULL)
            free_table(instance->tables[operation], instance->backend.tables[operation]);
    OPENSSL_free(instance->mail_tables[OSSL_OP_DECODER]);
    OPENSSL_free(instance->mail_tables[OSSL_OP_ENCODER]);
    while (instance->properties != NULL) {
        struct sp_properties *next = instance->properties->next;

        OPENSSL_free(instance->properties->extended);
        OPENSSL_free(instance->properties);
        instance->properties = next;
    }
    OPENSSL_free(instance);
}
