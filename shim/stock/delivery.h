/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outputs of one run of stock, which are held back until it has succeeded.
 */
#ifndef SHIM_DELIVERY_H
#define SHIM_DELIVERY_H

#include <signal.h>

#include "common/output.h"
#include "stock/request.h"

/* Zero-initialise it, with -1 as |sink|. */
struct shim_delivery {
    enum shim_secrecy secrecy;   /* who may read the message that comes out */
    bool for_people;             /* a file that is made private is reported */
    struct shim_output *outputs; /* owned */
    size_t output_count;
    int sink;              /* where stock's output goes */
    const char *sink_name; /* borrowed */
    bool spools;           /* |sink| is a spool, which is copied to standard output at the end */
    sigset_t before;       /* the mask of shim_hold_signals() */
};

/* Who may read the message that |request| makes. */
enum shim_secrecy shim_secrecy_of(const struct shim_request *request);

/*
 * Have the message go to |path|, "-" for standard output: stock writes it to its
 * standard output, and we write it ourselves, because stock does not check whether its
 * last bytes have reached the disk.  |outputs| has room for one more.
 *
 * @return false with the reason on stderr
 */
bool shim_delivery_to(struct shim_delivery *delivery, const char *path);
/* Open a spool if the message goes to no file; false with the reason on stderr. */
bool shim_delivery_open(struct shim_delivery *delivery);
/*
 * After success: put all outputs into their places.  |optional|: a reader of standard
 * output that is gone is no failure.  False with the reason on stderr.
 */
bool shim_delivery_hand_over(struct shim_delivery *delivery, bool optional);
/* Remove what was not handed over, and let signals act again. */
void shim_delivery_end(struct shim_delivery *delivery);

/*
 * Is the content not needed?  mutt verifies a signature and closes the pipe for the
 * content; stock's `smime -verify` counts that as a success.
 */
bool shim_content_is_optional(enum shim_api api, const struct shim_request *request);

#endif
