/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room run: one run of `openssl cms` or `openssl smime` under the policy: what the
 * keyring brings to it, its words and its outputs.
 */
#ifndef SHIM_OPERATION_H
#define SHIM_OPERATION_H

#include "common/shim.h"
#include "stock/options.h"
#include "stock/request.h"
#include "stock/stock.h"
#include "tool/run/selection.h"

struct shim_operation {
    struct shim *shim;
    enum shim_api api;
    const struct shim_manner *manner;
    const struct shim_args *args;
    const struct shim_request *request;
    const char *verb; /* the option put before those given; NULL under a stock name */

    struct shim_selection selection; /* what was selected from the keyring */

    bool takes_input; /* stock reads |input| as its standard input, and no -in */
    int input;        /* borrowed; a regular file */
    /* borrowed: the content, at |content_path|, that |input|, in DER, signs */
    int content;
    const char *content_path; /* borrowed; NULL if the message holds its content */
    bool input_is_der;        /* |input| is in DER, whatever -inform says */
    bool times_judged;        /* the validity of every certificate was judged */
    bool mail_keys_only;      /* stock meets no other keys than those that mail may have */
    bool explain;             /* nothing is run */
    bool capture;             /* stock's messages are not passed on: see struct shim_stock_result */
    bool withheld;            /* no output may be handed over, even after success */
};

/*
 * Have stock read the file of -in as its standard input where it must be read to its
 * end.  Returns its descriptor, for the caller to close, or -1.
 */
int shim_take_whole(struct shim_operation *operation);

/*
 * Run it.  Its output appears only if it has succeeded.
 *
 * @return SHIM_OK with |result| filled in, or SHIM_SYSTEM with the reason on stderr
 */
int shim_operate(const struct shim_operation *operation, struct shim_stock_result *result);

/* Does |operation| make signatures? */
bool shim_operation_signs(const char *operation);
bool shim_operation_verifies(const char *operation);

#endif
