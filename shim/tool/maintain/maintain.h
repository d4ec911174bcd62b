/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room maintain: what has to be done about the stored certificates since the last look,
 * and telling it to a person.
 */
#ifndef SHIM_MAINTAIN_H
#define SHIM_MAINTAIN_H

#include <time.h>

#include <jansson.h>

#include "base/sha256.h"
#include "base/text.h"
#include "common/long_options.h"
#include "keyring/keyring.h"

shim_command_fn shim_run_maintain;

/* When this keyring was looked at last, and by which settings. */
struct shim_last_look {
    bool known;                         /* there was one, by the settings that are in force */
    time_t at;                          /* 0 if it is not known */
    char settings[SP_FINGERPRINT_TEXT]; /* a digest of the settings in force */
};

/*
 * Read it from the directory of the keyring.  One that cannot be read is told, and counts
 * as none: then everything is told anew.
 *
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_last_look_read(const struct shim *shim, struct shim_last_look *last);
/* Note that everything was told at the time |now|. */
int shim_last_look_write(const struct shim *shim, const struct shim_last_look *last, time_t now);

/* What has to be told.  Zero-initialise it, and give it an array. */
struct shim_attention {
    json_t *events; /* owned: [{ event, days, ... }], docs/use/json.md */
    struct sp_text lines;
    int64_t judged, count; /* |count|: of events, also of those that are only counted */
};

/*
 * Judge everything that is stored, and collect what needs a person and was not told at
 * the |last| look.
 */
int shim_attention_collect(struct shim *shim, struct sp_keyring *keyring,
                           const struct shim_last_look *last, time_t now,
                           struct shim_attention *attention);
/* Add the CRLs that are stale, or will be soon, and were not told at the |last| look. */
int shim_attention_crls(struct shim *shim, struct sp_keyring *keyring,
                        const struct shim_last_look *last, time_t now,
                        struct shim_attention *attention);
/*
 * Fetch and store the CRLs that are missing, stale, or past half of their time.  One that cannot
 * be fetched is told in |attention|, and does not stop the others.
 *
 * @param fetched  set to the number of those that were stored
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_crls_fetch(struct shim *shim, struct sp_keyring *keyring, time_t now,
                    struct shim_attention *attention, int64_t *fetched);
/*
 * Add an |event|, and the |line| that tells it to a person; both are taken over.  Beyond the first
 * thousand they are counted alone.  shim_memory_sufficed() knows if one is lost.
 */
void shim_attention_add(struct shim_attention *attention, json_t *event, char *line);
void shim_attention_clear(struct shim_attention *attention);

/* A mail to a person.  All borrowed. */
struct shim_notice {
    const char *to, *from; /* addresses; |from| has an identity, which signs */
    const char *passin;    /* where its passphrase is, or NULL */
    const char *sendmail;  /* the program */
    const char *subject, *text;
};

/* Sign the mail and hand it to the program, with -t. */
int shim_notice_send(const struct shim *shim, const struct shim_notice *notice, time_t now);

#endif
