/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_JSON_TEXT_H
#define SP_JSON_TEXT_H

#include <jansson.h>

/*
 * Text from outside as a JSON string.  A byte that is no UTF-8 becomes \HH, and a
 * PIN in a URI is masked.  NULL becomes null.
 */
json_t *sp_json_text(const char *text);

#endif
