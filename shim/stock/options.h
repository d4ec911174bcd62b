/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The command lines of `openssl cms` and `openssl smime`, parsed as these programs
 * do.
 */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* SHIM_VERB: the options of cms and our own. */
enum shim_api { SHIM_CMS = 1, SHIM_SMIME = 2, SHIM_VERB = 4 };

/*
 * What differs between a verb, which a person types, and a stock name, under which
 * programs call us and expect what stock does.
 */
struct shim_manner {
    bool reports_faults; /* we report what cannot be read; else stock does, in its own words */
    bool for_people;     /* a person reads what is printed: it is escaped and shows progress */
    bool own_defaults;   /* our defaults come before the options, as stock's are outdated */
    bool selects;        /* signers, recipients and keys are selected from the keyring */
    bool finds_part;     /* the signed part of a mail is looked for */
    bool judges_signers; /* signers are judged, and their anchors found, before stock verifies */
    bool judges_sender;  /* the sender of an outgoing mail is compared with its signers */
    bool extracts;       /* -noverify is accepted, with which mailers extract certificates */
    bool takes_null;     /* /dev/null is accepted: programs use it for an empty message */
};

extern const struct shim_manner shim_manner_verb;
extern const struct shim_manner shim_manner_stock;

/* What an option means to us.  Most mean nothing. */
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
    ROLE_OUTPUT,        /* a file that is written */
    ROLE_CIPHER,        /* a cipher: an option that is in no table */
    ROLE_WRAP,          /* the cipher that wraps the content's key, as an option or a value */
    ROLE_DIGEST,        /* the digest of a signature */
    ROLE_SENDER,        /* ours: the sender to compare with the signer */
    ROLE_NO_SENDER,     /* ours: compare no sender */
    ROLE_COLLECT,       /* ours: store the signer's certificate */
    ROLE_ANY_SIGNER,    /* ours: one good signer of several is enough */
    ROLE_NOVERIFY,      /* extracts the content and verifies no signer */
    ROLE_FIELD,         /* writes a header field of the mail */
    ROLE_JSON,          /* ours: report in JSON */
    ROLE_EXPLAIN,       /* ours: report, and do nothing */
    ROLE_QUIET,         /* ours: print nothing after success */
    ROLE_VERBOSE,       /* ours: report every choice */
    ROLE_KEYRING,       /* ours: where the keyring is */
    ROLE_FROM,          /* ours: the sender, whose certificate is found in the keyring */
    ROLE_TO,            /* ours: a recipient, whose certificate is found in the keyring */
    ROLE_TO_SELF,       /* ours: the sender is a recipient too */
    ROLE_HEADERS,       /* ours: sender and recipients are read from the mail */
    ROLE_BCC,           /* ours: how a Bcc field is encrypted */
    ROLE_UNCHECKED,     /* switches off a check of the verification */
    ROLE_FOREIGN        /* moves the operation out of the provider */
};

struct shim_option {
    const char *name;
    enum shim_role role;
    unsigned char apis; /* of enum shim_api */
    bool takes_value;
};

/* One option that was given. */
struct shim_given {
    const struct shim_option *option; /* borrowed, static */
    const char *word;                 /* borrowed: as written, "-out" or "--out=x" */
    const char *value;                /* borrowed; NULL if it takes none */
};

struct shim_args {
    struct shim_given *given; /* owned, in the order given */
    size_t count;
    char **operands; /* borrowed: the words after the options; the last is NULL */
};

/* Does libcrypto have a cipher that stock calls |name|? */
typedef bool shim_cipher_known_fn(const char *name);

/*
 * Parse |argv|, which begins with the first option.
 *
 * @param known asked about an option that is in no table.  It must be a cipher: another
 *              one might take a value, which would hide the words after it from us
 * @param args  to free with shim_args_free(), also on failure
 * @return SHIM_OK, SHIM_USAGE or SHIM_SYSTEM; the fault is on stderr
 */
int shim_args_parse(enum shim_api api, char **argv, shim_cipher_known_fn *known,
                    struct shim_args *args);
void shim_args_free(struct shim_args *args);

/* Is this an option of ours that stock does not know? */
bool shim_option_is_own(const struct shim_option *option);
/* The value of the last option |name|, or NULL. */
const char *shim_args_value(const struct shim_args *args, const char *name);
bool shim_args_has(const struct shim_args *args, const char *name);
/* The last option of that role, or NULL. */
const struct shim_given *shim_args_last(const struct shim_args *args, enum shim_role role);

/* Row |index| of the table; NULL past the last one. */
const struct shim_option *shim_option_at(size_t index);

#endif
