/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "tool/certs/part_said.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/shim.h"

void shim_part_tell(const struct shim_part *part, const char *path, json_t *list)
{
    char *place =
        part->number == 0 ? sp_format("%s", path) : sp_format("%s, part %u", path, part->number);
    const char *shown = place != NULL ? place : path;

    if (part->why != NULL)
        shim_error("cannot read %s: %s", shown, part->why);
    else
        shim_error("note: %s: %s", shown, part->note);
    json_array_append_new(list,
                          json_pack("{s:o, s:o}", "part", sp_json_text(shown),
                                    part->why != NULL ? "why" : "note",
                                    sp_json_text(part->why != NULL ? part->why : part->note)));
    OPENSSL_free(place);
}
