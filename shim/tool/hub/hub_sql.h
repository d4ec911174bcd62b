/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a hub; CMake makes these of the files in sql/.
 */
#ifndef SHIM_HUB_SQL_H
#define SHIM_HUB_SQL_H

/* The SQL that makes form i + 1 of form i; as many as SHIM_HUB_FORM. */
extern const char *const shim_hub_forms[];

#endif
