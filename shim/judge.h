/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Asking the rules about every certificate and key of a command line, before
 * stock runs.  The provider asks again while it runs.
 */
#ifndef SHIM_JUDGE_H
#define SHIM_JUDGE_H

#include <time.h>

#include "outcome.h"
#include "request.h"
#include "settings.h"
#include "stock.h"

struct shim_judge {
    const smimepolicy_settings *settings;
    time_t now;
    /*
     * A stock name: callers break on a line of stderr that stock would not
     * write, and a file that cannot be read is stock's to complain about.
     */
    bool like_stock;
};

/*
 * Tell |outcome| every finding about |request|, whose operation is set.
 *
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT or SHIM_SYSTEM
 */
int shim_judge_request(const struct shim_judge *judge, const struct shim_request *request,
                       struct shim_outcome *outcome);

/* Say by which rule a verification failed that found nobody to vouch for the sender. */
void shim_judge_trust(const struct shim_stock_result *result, struct shim_outcome *outcome);

#endif
