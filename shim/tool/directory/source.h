/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One question to one directory.  It is asked by a process of its own, which is ended when
 * its time is over: neither a server nor a resolver keeps the command longer, and what the
 * libraries do with an answer they do where no key and no keyring is touched.
 */
#ifndef SHIM_SOURCE_H
#define SHIM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/buffer.h>

#include "settings/settings.h"

/* The limits of an answer. */
#define SHIM_MOST_ENTRIES  10
#define SHIM_MOST_VALUES   64
#define SHIM_LONGEST_VALUE (64 << 10)
/* How long a directory may take for one question, in seconds. */
#define SHIM_PATIENCE 4

/* As whom a directory is asked.  Zero: as nobody. */
struct shim_credentials {
    char *name;     /* owned */
    char *password; /* owned */
};
/*
 * credentials.c: read the file |path|, which has a name and a password, a line each.
 *
 * @param why  set on failure: to free; NULL: out of memory
 */
bool shim_credentials_read(struct shim_credentials *credentials, const char *path, char **why);
void shim_credentials_clear(struct shim_credentials *credentials);

struct shim_question {
    const char *url;     /* borrowed: of the directory */
    const char *address; /* borrowed: whose certificates are looked for */
    const smimepolicy_settings *settings;
    const struct shim_credentials *credentials;
};

/* Ask.  It is called in the process that asks, gives what it finds, and returns why it failed. */
typedef const char *shim_source_fn(const struct shim_question *question, int to);
shim_source_fn shim_ldap_ask;

/* What the process that asks gives.  False if the command has gone. */
enum shim_given_kind {
    SHIM_GIVEN_VALUE,   /* certificates, in DER or PKCS#7 */
    SHIM_GIVEN_LEFT,    /* a text: why a part of the answer is left out */
    SHIM_GIVEN_FAILURE, /* a text: why there is no answer */
    SHIM_GIVEN_ALL      /* the answer is complete */
};
bool shim_give(int to, enum shim_given_kind kind, const void *data, size_t length);

/* What came back. */
struct shim_answer {
    BUF_MEM *bytes; /* owned: all of it, one behind the other */
    size_t at;      /* how far it was read */
};
/*
 * Ask the directory of |question|.  What it takes is added to |*spent|, in milliseconds.
 *
 * @param answer  its bytes are to be freed with BUF_MEM_free(), whatever is returned
 * @param why     set if there is no answer, to free; NULL: out of memory
 * @return true if |answer| is complete
 */
bool shim_look_up(const struct shim_question *question, struct shim_answer *answer, int64_t *spent,
                  char **why);
/* Get the next part; false behind the last. */
bool shim_answer_next(struct shim_answer *answer, enum shim_given_kind *kind, const char **data,
                      size_t *length);

#endif
