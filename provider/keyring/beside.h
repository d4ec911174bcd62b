/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What lies beside the files of a storage in the directory of a keyring, and goes into a
 * backup with them: the folder of stored CRLs.
 */
#ifndef SP_BESIDE_H
#define SP_BESIDE_H

#include <stdbool.h>

/* Copy it from the keyring |from| to the directory |to|; false with errno set. */
bool sp_beside_copy(const char *from, const char *to);
/* Remove it from the directory |from|, of a copy that is given up. */
void sp_beside_discard(const char *from);

#endif
