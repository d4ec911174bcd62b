/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "slots.h"

#include <string.h>

#include <openssl/crypto.h>

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
    for (size_t i = 0; i < functions; i++)
        for (size_t j = 0; j < count; j++)
            if (table[i].function_id == gates[j].function_id)
                table[i].function = gates[j].function;
    return table;
}

/* What KEYMGMT |algorithm| calls itself when asked for |operation|. */
static const char *operation_names(const OSSL_ALGORITHM *algorithm, int operation)
{
    void (*query)(void) =
        sp_dispatch_find(algorithm->implementation, OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME);
    const char *name = NULL;

    if (query != NULL)
        name = ((OSSL_FUNC_keymgmt_query_operation_name_fn *)query)(operation);
    return name != NULL ? name : algorithm->algorithm_names;
}

OSSL_FUNC_keymgmt_export_fn *sp_export_for(const struct sp_backend *backend, int operation,
                                           const char *names)
{
    const OSSL_ALGORITHM *algorithm = backend->tables[OSSL_OP_KEYMGMT];

    for (; algorithm != NULL && algorithm->algorithm_names != NULL; algorithm++)
        if (sp_names_meet(operation_names(algorithm, operation), names) ||
            sp_names_meet(algorithm->algorithm_names, names))
            return (OSSL_FUNC_keymgmt_export_fn *)sp_dispatch_find(algorithm->implementation,
                                                                   OSSL_FUNC_KEYMGMT_EXPORT);
    return NULL;
}
