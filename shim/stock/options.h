/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The command lines of `openssl cms` and `openssl smime`, read as they read them.
 */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* SHIM_VERB: beside those of cms, the options of our own. */
enum shim_api { SHIM_CMS = 1, SHIM_SMIME = 2, SHIM_VERB = 4 };

/* What an option means to us; most mean nothing. */
enum shim_role {
    ROLE_NONE,
    ROLE_HELP,
    ROLE_OPERATION,
    ROLE_SIGNER,
    ROLE_INKEY,
    ROLE_RECIP,
    ROLE_ORIGINATOR,
    ROLE_CERTFILE,
    ROLE_PASSIN,
    ROLE_SHARED_SECRET, /* a recipient without a certificate */
    ROLE_OUTPUT,        /* names a file to write */
    ROLE_CIPHER,        /* every option that is in no table */
    ROLE_WRAP,          /* the cipher that wraps the content's key, by its name or as a value */
    ROLE_DIGEST,        /* what a signature is made with */
    ROLE_SENDER,        /* ours: whose mail it is said to be */
    ROLE_NO_SENDER,     /* ours: compare no sender */
    ROLE_NOVERIFY,      /* extracts, and verifies nobody */
    ROLE_FIELD,         /* writes a field of the mail */
    ROLE_JSON,          /* ours: tell in JSON */
    ROLE_EXPLAIN,       /* ours: tell, and do nothing */
    ROLE_QUIET,         /* ours: success adds no line */
    ROLE_VERBOSE,       /* ours: tell of every choice */
    ROLE_KEYRING,       /* ours: where the keyring is */
    ROLE_FROM,          /* ours: the sender, whose certificate is in the keyring */
    ROLE_TO,            /* ours: a recipient, the same */
    ROLE_TO_SELF,       /* ours: the sender is a recipient too */
    ROLE_HEADERS,       /* ours: the mail says who sends it, and to whom */
    ROLE_UNCHECKED,     /* switches a check of the verification off */
    ROLE_FOREIGN        /* takes the operation out of the provider's hands */
};

struct shim_option {
    const char *name;
    enum shim_role role;
    unsigned char apis; /* of enum shim_api */
    bool takes_value;
};

/* One option as it was given. */
struct shim_given {
    const struct shim_option *option; /* borrowed, static */
    const char *word;                 /* borrowed: as written, "-out" or "--out=x" */
    const char *value;                /* borrowed; NULL if it takes none */
};

struct shim_args {
    struct shim_given *given; /* owned, in order */
    size_t count;
    char **operands; /* borrowed: what follows the options, ended by NULL */
};

/*
 * Take |argv| apart (it begins with the first option).
 *
 * @param args  to free with shim_args_free(), on failure too
 * @return SHIM_OK, SHIM_USAGE or SHIM_SYSTEM; the fault is on stderr
 */
int shim_args_parse(enum shim_api api, char **argv, struct shim_args *args);
void shim_args_free(struct shim_args *args);

/* Is this option ours, and unknown to stock? */
bool shim_option_is_own(const struct shim_option *option);
/* The value of the last option |name|, or NULL. */
const char *shim_args_value(const struct shim_args *args, const char *name);
bool shim_args_has(const struct shim_args *args, const char *name);
/* The last option of that role, or NULL. */
const struct shim_given *shim_args_last(const struct shim_args *args, enum shim_role role);

/* SHIM_USAGE, said, if an option of ours that has one value was given two. */
int shim_args_repeated(const struct shim_args *args);

/* Has libcrypto a cipher that stock knows by |name|?  NID_undef where it is in no message. */
bool shim_cipher_find(const char *name, int *nid);

/* Row |index| of the table; NULL past the last one. */
const struct shim_option *shim_option_at(size_t index);

#endif
