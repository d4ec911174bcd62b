/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <string.h>

#include "stock/stock_exit.h"
#include "common/message.h"

int shim_verb_exit(const struct shim_stock_result *result)
{
    if (result->refused || (result->distrusted && result->code != 0))
        return SHIM_REFUSED;
    switch (result->code) {
    case 0:
        return SHIM_OK;
    case 1:
        return SHIM_USAGE;
    case 2:
        return SHIM_INPUT;
    case 3:
    case 4:
        return SHIM_CRYPTO;
    default:
        /*
         * A file could not be written (5, 6), or a signal ended it (-1).  Others are not
         * stock's: it did not start, e.g. for want of a library.
         */
        return SHIM_SYSTEM;
    }
}

int shim_stock_exit(const struct shim_stock_result *result)
{
    if (result->signal != 0)
        return 128 + result->signal;
    /* Stock's `smime` exits with 0 after some failures; a refusal never does. */
    return result->refused && result->code == 0 ? SHIM_REFUSED : result->code;
}

void shim_stock_tell_signal(const struct shim_stock_result *result)
{
    const int number = result->signal;

    if (number != 0 && number != SIGHUP && number != SIGINT && number != SIGPIPE &&
        number != SIGTERM)
        shim_error("openssl was ended by signal %d, %s", number, strsignal(number));
}
