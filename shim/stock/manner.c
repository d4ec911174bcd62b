/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stock/manner.h"

const struct shim_manner shim_manner_verb = {
    .reports_faults = true,
    .for_people = true,
    .own_defaults = true,
    .selects = true,
    .finds_part = true,
    .judges_signers = true,
    .judges_sender = true,
};

const struct shim_manner shim_manner_stock = {
    .extracts = true,
    .takes_null = true,
};
