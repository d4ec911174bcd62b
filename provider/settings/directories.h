/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_DIRECTORIES_H
#define SP_DIRECTORIES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "smimepolicy.h"

/* The most directories that the setting `contacts` names. */
#define SP_MOST_DIRECTORIES 4

/* Are these URLs of directories, with a space between them? */
bool sp_are_directories(const char *value);
/*
 * Is a directory to be asked |now| about a certificate that one gave when it was
 * |asked|?  Never without the setting `contacts`.
 */
bool sp_is_to_be_asked_again(const smimepolicy_settings *settings, int64_t asked, time_t now);

#endif
