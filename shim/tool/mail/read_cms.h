/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a CMS message in one piece, as stock does.
 */
#ifndef SHIM_READ_CMS_H
#define SHIM_READ_CMS_H

#include <stdio.h>

#include <openssl/cms.h>

#include "stock/options.h"

/* The form by -inform, of which stock reads the first letter.  NULL: S/MIME. */
const char *shim_form_of(const struct shim_args *args);

/* Rewind |input| and read it; NULL if it cannot be read. */
CMS_ContentInfo *shim_read_cms(FILE *input, const char *form);

#endif
