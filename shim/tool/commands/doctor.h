/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lines of `smime-policy doctor`.
 */
#ifndef SHIM_DOCTOR_H
#define SHIM_DOCTOR_H

#include <jansson.h>

#include "common/shim.h"

enum shim_health { SHIM_WELL, SHIM_WORRY, SHIM_FAILS };

struct shim_doctor {
    struct shim *shim; /* borrowed; it has settings */
    json_t *checks;    /* owned; NULL: text is printed */
    bool colour;
    bool failed;
    bool stuck;  /* openssl does not run, or came to no end */
    bool locked; /* the policy file has a fault: the settings are the defaults */
};

/*
 * Tell one line: what |name| is like, and what to do, or NULL.
 *
 * @param said  taken over; NULL: out of memory
 */
void shim_doctor_tell(struct shim_doctor *doctor, enum shim_health health, const char *name,
                      char *said, const char *remedy);

/* Look at the keyring, and at what is in it. */
void shim_doctor_keyring(struct shim_doctor *doctor);

#endif
