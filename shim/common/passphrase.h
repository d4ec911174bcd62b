/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Passphrases of private keys that are uploaded.  A new passphrase never comes from
 * the command line.
 */
#ifndef SHIM_PASSPHRASE_H
#define SHIM_PASSPHRASE_H

#include <stdbool.h>

#define SHIM_PASSIN_FORMS "pass:TEXT, env:NAME, file:PATH, fd:N or stdin"

/* How often somebody may try at the terminal. */
#define SHIM_PASSPHRASE_TRIES 3

/* A passphrase and where it comes from.  It is asked for once for each file. */
struct shim_passphrase {
    char *text; /* owned, cleansed when freed; NULL: not known yet */
    bool given; /* |text| is from a source and is not asked for again */
};

/* The descriptor that "stdin" or "fd:N" names; -1: it is neither. */
int shim_passphrase_fd(const char *source);
/* Say why |option| has no passphrase, and return |code|: SHIM_USAGE, or SHIM_INPUT with errno. */
int shim_passphrase_failed(const char *option, const char *source, int code);
/*
 * Read the first line of |source|: fd:N, file:PATH or stdin, and if |option| is
 * "passin" also pass:TEXT and env:NAME.  NULL: it is asked for when it is needed.
 *
 * @return SHIM_OK; another code with the reason on stderr: SHIM_USAGE for a source of another form,
 *         SHIM_INPUT for one that cannot be read
 */
int shim_passphrase_read(struct shim_passphrase *pass, const char *option, const char *source);
/* The same for a |source| that is not NULL, without saying why it failed. */
int shim_passphrase_take(struct shim_passphrase *pass, const char *option, const char *source);
/*
 * Ask at the terminal: "|what| of |name|: ".  |twice|: ask again and compare.
 *
 * @return false with the reason on stderr; |otherwise| is the remedy in it
 */
bool shim_passphrase_ask(struct shim_passphrase *pass, const char *what, const char *name,
                         bool twice, const char *otherwise);
/*
 * The passphrase was wrong: may we ask again, after |*wrong| wrong ones?  Then a
 * message says so, and |*wrong| grows.  A passphrase from a source, or one that
 * could not be asked for, stays.
 */
bool shim_passphrase_again(const struct shim_passphrase *pass, unsigned *wrong);
void shim_passphrase_clear(struct shim_passphrase *pass);

#endif
