/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message in one piece, read as stock reads it.
 */
#ifndef SHIM_READ_CMS_H
#define SHIM_READ_CMS_H

#include <stdio.h>

#include <openssl/cms.h>

#include "stock/options.h"

/* As the option parser of stock reads -inform: by its first letter.  NULL: S/MIME. */
const char *shim_form_of(const struct shim_args *args);

/* From the start of |input|, which is rewound; NULL if it cannot be read. */
CMS_ContentInfo *shim_read_cms(FILE *input, const char *form);

#endif
