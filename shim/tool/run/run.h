/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run of stock while it is prepared.
 */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

#include "stock/delivery.h"
#include "tool/run/operation.h"

/* Everything that one run needs, filled in step by step. */
struct shim_run {
    const struct shim_operation *operation;
    size_t copy;      /* the number of the copy, see struct shim_selected */
    char *out;        /* owned: its file instead of that of -out, or NULL */
    bool plan;        /* only to be shown: without secrets, and no file is opened */
    char *module;     /* owned */
    char *module_dir; /* owned */
    char **words;     /* owned; the strings are borrowed */
    size_t word_count;
    int conf;
    char *expect; /* owned: the settings in |conf| */
    struct shim_delivery delivery;
};

/*
 * Make the command line of stock, and temporary files in place of those it writes;
 * false with the reason on stderr.
 */
bool shim_run_words(struct shim_run *run);

/*
 * What has happened to the certificates in |path|: stock does not check whether they were written.
 * An empty file means that it had none to write, or no space.  It is |look| of an output.
 */
enum shim_written shim_certificates_written(const char *path);

/*
 * defaults.c: options that the verbs give to stock because its own defaults are outdated.  They
 * come before the options of the command line, which override them.
 */

/*
 * The default options, e.g. cipher and streaming: at most SHIM_DEFAULT_WORDS
 * strings; the last is NULL.
 */
#define SHIM_DEFAULT_WORDS 4
const char *const *shim_default_words(const struct shim_operation *operation);

/*
 * Does stock have to be told to derive the key for the recipient in |uri| with
 * SHA-256?  Its default for EC is SHA-1 (RFC 5753, 7.1.4 allows both).
 */
bool shim_default_kdf(const struct shim_operation *operation, const char *uri);
/* Has |cert| an EC key?  The key is not decoded. */
bool shim_default_is_ec(const X509 *cert);

/*
 * Does stock have to be told to sign with PSS for the signer in |uri|?  With an
 * RSASSA-PSS key its default is a signature that nobody can verify.
 */
bool shim_default_pss(const struct shim_operation *operation, const char *uri);
bool shim_default_is_pss(const X509 *cert);

#endif
