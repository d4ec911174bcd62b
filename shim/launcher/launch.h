/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room launcher: what smime-policy does by itself, without libcrypto: stock runs with
 * the provider, which judges all that it uses and reports it.
 */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

#include "header/plain_fields.h"
#include "stock/request.h"

/* One command line. */
struct shim_launch {
    const char *policy; /* borrowed: the value of --policy, or NULL */
    const char *name;   /* borrowed: the verb, "cms" or "smime" */
    enum shim_api api;
    const struct shim_manner *manner;
    struct shim_args args;
    struct shim_request request;
    const char *use;     /* "sign", "encrypt", "verify" or "decrypt", as the operation */
    size_t wanted;       /* how many certificates have to be used */
    const char *keyring; /* borrowed: the value of --keyring, or NULL */
    char **uris;         /* owned: names in the keyring, for signer or recipients; or NULL */
    size_t uri_count;
    char *along;        /* owned: the name of what goes along with the signature, or NULL */
    const char *sender; /* borrowed: the address in From, or NULL */

    int content;                 /* owned: what stock reads in place of the message, or -1 */
    char *header;                /* owned: with --headers the fields that stay outside */
    struct shim_plain_mail mail; /* sender and recipients, if they were read */
    int lost;                    /* errno: standard input was read in part, and is lost; or 0 */
};

/*
 * Is this command line one that the launcher may run by itself?  Everything else is the
 * tool's, and so is everything that would be asked of a person: |launch| is taken only
 * if no passphrase is missing and each file is a regular one.
 */
bool shim_launch_is_usual(struct shim_launch *launch);

/*
 * Read the mail of --headers, and divide it.  If it came through a pipe, a copy becomes our
 * standard input.  False if the tool has to do it, unless |lost| is set.
 */
bool shim_take_headers(struct shim_launch *launch);
/*
 * Copy the message to verify, and read its sender in the copy, which stock is given.
 * Standard input is kept as above.  False if the tool has to do it, unless |lost| is set.
 */
bool shim_take_message(struct shim_launch *launch);
/*
 * Find the certificates that are named by address, and name them for stock.  False if
 * the tool has to find them.
 */
bool shim_name_by_address(struct shim_launch *launch);
void shim_launch_clear(struct shim_launch *launch);

/*
 * The command line of stock: our own words come before those that were given.
 *
 * @param takes_input  it reads the file of -in as its standard input
 * @param has_keyring  its anchors count beside those of -CAfile, too
 * @return a new array, of words that are borrowed; NULL if out of memory
 */
const char **shim_launch_words(const struct shim_launch *launch, const char *module_dir,
                               bool takes_input, bool has_keyring);

/* What it is returned for: the tool has to do it. */
#define SHIM_LEFT_TO_TOOL (-1)

/*
 * Run the command line |argv|, which begins with our own name.
 *
 * @return the exit code, or SHIM_LEFT_TO_TOOL: nothing was done that would be seen
 */
int shim_launch(int argc, char **argv);

/* What is in a file of PEM. */
struct shim_pem {
    bool has_cert, has_key;
    bool is_encrypted; /* something in it needs a passphrase */
    bool is_ec;        /* the first certificate may have an EC key */
    bool is_pss;       /* ... or an RSA-PSS key, or is signed with one */
};

/* Look into |path|; false unless it is a regular file of at most 1 MiB. */
bool shim_pem_look(const char *path, struct shim_pem *pem);

#endif
