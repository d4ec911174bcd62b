/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room stock: the command lines, the configuration and the process of the stock
 * openssl program.
 *
 * This header: running it.
 */
#ifndef SHIM_STOCK_H
#define SHIM_STOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Takes what was read from stock, piece by piece. */
typedef void shim_hear_fn(void *listener, const char *bytes, size_t len);

/* A pipe to us that stock inherits. */
struct shim_stock_pipe {
    int read;  /* the end that we read, which does not block */
    int write; /* the end that stock writes, which is closed here when stock has it */
    shim_hear_fn *hear;
    void *listener;
};

struct shim_stock {
    const char *program;
    char *const *argv;
    const char *conf;     /* the value of OPENSSL_CONF */
    const char *expect;   /* the settings that must arrive there, or NULL: see sp_settings_text() */
    const char *pass;     /* the passphrase for `-passin env:` SHIM_PASSIN, or NULL */
    const int *keep;      /* descriptors that the child inherits; the last is -1 */
    int in;               /* its standard input: ours, or a file that is read from its start */
    int out;              /* we write its standard output to this descriptor */
    bool as_is;           /* its environment is all of ours but OPENSSL_CONF */
    bool quiet;           /* its standard error is not passed on */
    bool progress;        /* show the progress in |in| on a terminal */
    bool capture;         /* keep its standard error in the result */
    bool for_people;      /* its messages are escaped for a terminal */
    shim_hear_fn *hear;   /* gets its standard error, too; or NULL */
    void *listener;       /* for |hear| */
    shim_hear_fn *filter; /* passes its standard error on, in our place; or NULL */
    void *filter_listener;        /* for |filter| */
    struct shim_stock_pipe *pipe; /* or NULL */
};

struct shim_stock_result {
    int code;   /* its exit code, or -1 */
    int signal; /* the signal that ended it, or 0 */
    int lost;   /* the errno if its output could not be written, or 0 */
    char *said; /* owned: the beginning of its standard error, if that was captured */

    /* what shim_watched_run() made of its standard error */
    bool refused;    /* its error queue held an error of our provider */
    bool complained; /* it printed something that reports no success */
    bool distrusted; /* it found no provided anchor for the signer */
};

/*
 * Run it to its end.
 *
 * SIGINT, SIGTERM and SIGHUP are passed on to it, and it dies with us.
 * shim_environment() makes its environment.  If |in| is our standard input, we read
 * nothing from it.
 *
 * @return false with the reason on stderr if it could not be started
 */
bool shim_stock_run(const struct shim_stock *stock, struct shim_stock_result *result);

#endif
