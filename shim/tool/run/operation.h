/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One run of `openssl cms` or `openssl smime` under policy.
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
    const struct shim_args *args;
    const struct shim_request *request;
    const char *verb; /* put before the options given; NULL under a stock name */

    struct shim_selection selection; /* what the keyring brings to it */

    bool takes_input;         /* stock reads |input| as its standard input, and no -in */
    int input;                /* borrowed; a regular file */
    int content;              /* borrowed: with |content_path|, what |input|, in DER, signs */
    const char *content_path; /* borrowed; NULL if the message holds its content */
    bool times_judged;        /* every certificate's validity was judged */
    bool explain;             /* nothing is run */
    bool capture;             /* what stock says is not passed on: see struct shim_stock_result */
    bool withheld;            /* nothing may be handed over, whatever stock says */
};

/*
 * Run it; what it writes appears only if it succeeded.
 *
 * @return SHIM_OK with |result| filled in, or SHIM_SYSTEM with the reason on stderr
 */
int shim_operate(const struct shim_operation *operation, struct shim_stock_result *result);

#endif
