/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/slots.h"

#include <string.h>

#include <openssl/crypto.h>

size_t sp_slot_index(const void *slots, size_t size, size_t count, const OSSL_DISPATCH *backend)
{
    const unsigned char *at = slots;

    for (size_t i = 0; i < count; i++) {
        const struct sp_slot *slot = (const void *)(at + i * size);

        if (slot->backend == NULL || slot->backend == backend)
            return i;
    }
    return count;
}

OSSL_DISPATCH *sp_splice(const OSSL_DISPATCH *backend, const struct sp_gate *gates, size_t count)
{
    size_t functions = 0;
    OSSL_DISPATCH *table;

    while (backend[functions].function_id != 0)
        functions++;
    table = OPENSSL_malloc((functions + 1) * sizeof(*table));
    if (table == NULL)
        return NULL;
    memcpy(table, backend, (functions + 1) * sizeof(*table));
    for (size_t i = 0; i < count; i++)
        for (OSSL_DISPATCH *entry = table; entry->function_id != 0; entry++)
            if (entry->function_id == gates[i].function_id) {
                entry->function = gates[i].function;
                break;
            }
    return table;
}

/* Does the KEYMGMT |algorithm| give one of |names| as its name for |operation|? */
static bool answers_to(const OSSL_ALGORITHM *algorithm, int operation, const char *names)
{
    void (*query)(void) =
        sp_dispatch_find(algorithm->implementation, OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME);
    const char *name = NULL;

    if (query != NULL)
        name = ((OSSL_FUNC_keymgmt_query_operation_name_fn *)query)(operation);
    return name != NULL && sp_names_meet(name, names);
}

static OSSL_FUNC_keymgmt_export_fn *export_of(const OSSL_ALGORITHM *algorithm)
{
    return (OSSL_FUNC_keymgmt_export_fn *)sp_dispatch_find(algorithm->implementation,
                                                           OSSL_FUNC_KEYMGMT_EXPORT);
}

/*
 * The export function of the keys that the algorithm |names| of |operation| uses;
 * NULL if the backend has none.
 */
static OSSL_FUNC_keymgmt_export_fn *export_for(const struct sp_backend *backend, int operation,
                                               const char *names)
{
    const OSSL_ALGORITHM *all = backend->tables[OSSL_OP_KEYMGMT], *algorithm;

    /* Usually both have the same string, and need no comparison. */
    for (algorithm = all; algorithm != NULL && algorithm->algorithm_names != NULL; algorithm++)
        if (algorithm->algorithm_names == names)
            return export_of(algorithm);
    for (algorithm = all; algorithm != NULL && algorithm->algorithm_names != NULL; algorithm++)
        if (sp_names_meet(algorithm->algorithm_names, names) ||
            answers_to(algorithm, operation, names))
            return export_of(algorithm);
    return NULL;
}

struct sp_slot sp_slot_of(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                          int operation, const char *key_names)
{
    return (struct sp_slot){ .backend = algorithm->implementation,
                             .names = algorithm->algorithm_names,
                             .export_key = export_for(backend, operation, key_names) };
}
