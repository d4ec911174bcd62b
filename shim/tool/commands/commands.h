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
shim_command_fn shim_run_show;
shim_command_fn shim_run_remove;
shim_command_fn shim_run_export;
shim_command_fn shim_run_trust;
shim_command_fn shim_run_keyring;

/* list --crls and remove --crls. */
shim_command_fn shim_list_crls, shim_remove_crls;

/* The table of `smime-policy list`, as wide as the terminal or unlimited. */
struct shim_table {
    size_t width; /* the width of the terminal; 0: none, nothing is cut */
    bool colour;
    bool narrow; /* uses are printed as initials, and the day of upload is left out */
    bool begun;  /* the headline was printed */
};

void shim_table_begin(struct shim_table *table);
int shim_table_row(struct shim_table *table, const struct shim_entry *entry);

/* The lines of `smime-policy doctor`. */
enum shim_health { SHIM_WELL, SHIM_WORRY, SHIM_FAILS };

struct shim_doctor {
    struct shim *shim; /* borrowed; it has settings */
    json_t *checks;    /* owned; NULL: text is printed */
    bool colour;
    bool failed;
    bool stuck;  /* openssl does not run, or came to no end */
    bool locked; /* the policy file has a fault: the settings are the defaults */
};

/*
 * Tell one line: what |name| is like, and what to do, or NULL.
 *
 * @param said  taken over; NULL: out of memory
 */
void shim_doctor_tell(struct shim_doctor *doctor, enum shim_health health, const char *name,
                      char *said, const char *remedy);

/* Look at the keyring, and at what is in it. */
void shim_doctor_keyring(struct shim_doctor *doctor);

#endif
