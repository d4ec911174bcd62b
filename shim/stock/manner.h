/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What differs between a verb, which a person types, and a stock name, under which
 * programs call us and expect what stock does.
 */
#ifndef SHIM_MANNER_H
#define SHIM_MANNER_H

#include <stdbool.h>

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

#endif
