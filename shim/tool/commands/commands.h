/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room commands: the commands that show and change the keyring, a file for each.
 */
#ifndef SHIM_COMMANDS_H
#define SHIM_COMMANDS_H

#include "common/long_options.h"
#include "tool/keyring/stored_entry.h"
#include "tool/report/outcome.h"

shim_command_fn shim_run_demo;
shim_command_fn shim_run_doctor;
shim_command_fn shim_run_list;
shim_command_fn shim_run_report;
shim_command_fn shim_run_show;
shim_command_fn shim_run_remove;
shim_command_fn shim_run_export;
shim_command_fn shim_run_trust;
shim_command_fn shim_run_keyring;

/* keyring passphrase: what the command line says.  All borrowed. */
struct shim_passphrase_change {
    const char *word; /* names the certificate */
    const char *passin, *passout;
    bool no_passphrase, json, local;
};
int shim_passphrase_change(struct shim *shim, const struct shim_passphrase_change *change);

/* crl_commands.c: list --crls and remove --crls. */
int shim_list_crls(struct shim *shim, bool json);
struct shim_crl_removal {
    char *const *words; /* borrowed: digits of keys or certificates; the last is NULL */
    bool dry_run, json, local;
};
int shim_remove_crls(struct shim *shim, const struct shim_crl_removal *removal);

/* The table of `smime-policy list`, as wide as the terminal or unlimited. */
struct shim_table {
    size_t width; /* the width of the terminal; 0: none, nothing is cut */
    bool colour;
    bool narrow; /* uses are printed as initials, and the day of upload is left out */
    bool begun;  /* the headline was printed */
};

void shim_table_begin(struct shim_table *table);
int shim_table_row(struct shim_table *table, const struct shim_entry *entry);

#endif
