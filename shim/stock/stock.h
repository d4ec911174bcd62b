/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Running the stock openssl program.
 */
#ifndef SHIM_STOCK_H
#define SHIM_STOCK_H

#include <stdbool.h>

struct shim_stock {
    const char *program;
    char *const *argv;
    const char *conf; /* what OPENSSL_CONF is set to */
    const char
        *expect;      /* the settings that have to arrive there, or NULL: see sp_settings_text() */
    const char *pass; /* what `-passin env:` SHIM_PASSIN gives, or NULL */
    const int *keep;  /* descriptors that the child inherits, ended by -1 */
    int in;           /* what becomes its standard input: ours, or a file read from its start */
    int out;          /* what it writes to its standard output is written there, by us */
    bool as_is;       /* its environment is ours whole, but for OPENSSL_CONF */
    bool quiet;       /* its standard error is read and not passed on */
    bool progress;    /* show how far |in| was read, where somebody watches */
    bool capture;     /* and kept for the result */
    bool for_people;  /* a verb: what it says is escaped for a terminal wherever it goes */
    bool unverified;  /* it must not report a verification */
};

struct shim_stock_result {
    int code;        /* its exit code, or -1 */
    int signal;      /* the signal that ended it, or 0 */
    bool refused;    /* its error queue held an error of our provider */
    bool complained; /* it said something that is no report of a success */
    int lost;        /* the errno with which its output could not be written, or 0 */
    char *said;      /* owned: the beginning of its standard error, if that was captured */
    bool distrusted; /* it found no provided certificate behind the sender's */
};

/*
 * Run it to its end.
 *
 * SIGINT, SIGTERM and SIGHUP are passed on to it, and it goes with us.  Its
 * environment is made by shim_environment(); a standard input of ours is left untouched.
 *
 * @return false if it could not be started, with the reason on stderr
 */
bool shim_stock_run(const struct shim_stock *stock, struct shim_stock_result *result);

#endif
