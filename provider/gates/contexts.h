/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a gate remembers of an operation between its init and its data.  Entries are
 * found by the address of the backend's context.
 */
#ifndef SP_CONTEXTS_H
#define SP_CONTEXTS_H

#include <stdbool.h>

#include "gates/slots.h"

enum sp_stage {
    SP_STAGE_NEW,    /* no data seen yet */
    SP_STAGE_PASSED, /* judged and allowed, or not about mail */
    SP_STAGE_REFUSED /* judged and refused: later data do not change that */
};

struct sp_context {
    const void *address; /* the backend's context */
    const void *key;     /* borrowed: the context holds it until its next init */
    const struct sp_slot *slot;
    bool verifying;
    enum sp_stage stage;
    /* owned by the table: the data so far, as long as they may become signed attributes */
    unsigned char *head;
    size_t head_length;
};

void sp_contexts_open(void);
void sp_contexts_close(void);

/*
 * Note an init.  A NULL |key| keeps the key of the previous init.  False if out of
 * memory; the operation must then be refused.
 */
bool sp_contexts_begin(const void *address, const void *key, const struct sp_slot *slot,
                       bool verifying);
/* Get what was noted; false if there is nothing. */
bool sp_contexts_get(const void *address, struct sp_context *context);
/* Set the stage, and forget the data so far. */
void sp_contexts_set_stage(const void *address, enum sp_stage stage);
/* Add to the data so far.  False if out of memory. */
bool sp_contexts_gather(const void *address, const unsigned char *data, size_t length);
/*
 * The context that the backend's |duplicate| makes of |ctx|, with what was noted of it.  NULL if it
 * makes none.  NULL and raised if memory ran out: the backend's |release| frees what it made.
 */
void *sp_contexts_duplicate(void *ctx, void *(*duplicate)(void *ctx), void (*release)(void *ctx));
void sp_contexts_end(const void *address);

#endif
