/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text of any origin as a JSON string.
 */
#ifndef SHIM_JSON_TEXT_H
#define SHIM_JSON_TEXT_H

#include <jansson.h>

/* Bytes outside ASCII become `?` where |text| is not UTF-8; JSON's null for NULL. */
json_t *shim_json_text(const char *text);

#endif
