/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "tool/report/outcome.h"

int shim_json_line(json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *rest = text;
    char *piece;

    json_decref(object);
    if (text == NULL)
        return shim_no_memory();
    /* DEL is the one control character that JSON does not escape. */
    while ((piece = strsep(&rest, "\x7f")) != NULL) {
        fputs(piece, stdout);
        fputs(rest != NULL ? "\\u007f" : "\n", stdout);
    }
    free(text);
    return SHIM_OK;
}

int shim_json_report(json_t *object, json_t *more, int code)
{
    int printed;

    if (object != NULL && more != NULL && json_object_update(object, more) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    printed = shim_json_line(object);
    return printed == SHIM_OK ? code : printed;
}

int shim_json_keyring_report(const struct shim *shim, const char *operation, int code, json_t *more)
{
    if (more == NULL)
        return shim_no_memory();
    return shim_json_report(json_pack("{s:s, s:s, s:o, s:i}", "policy", SMIMEPOLICY_VERSION,
                                      "operation", operation, "keyring",
                                      sp_json_text(shim->keyring_path), "exit", code),
                            more, code);
}
