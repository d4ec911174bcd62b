/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dividing the header of a mail that is signed or encrypted.
 */
#ifndef SHIM_DIVIDE_H
#define SHIM_DIVIDE_H

#include "base/text.h"

/*
 * Divide the |len| bytes of a header: |outside| gets the fields of the mail, each line ended
 * by a line feed alone as stock's lines are, and |inside| the header of its content, with an
 * empty line.  The fields of MIME-Version go to neither: stock writes one.
 */
void shim_header_divide(const char *header, size_t len, struct sp_text *outside,
                        struct sp_text *inside);

#endif
