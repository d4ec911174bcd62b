/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room commands: the commands that show and change the keyring, a file for each.
 */
#ifndef SHIM_COMMANDS_H
#define SHIM_COMMANDS_H

#include "common/shim.h"

shim_command_fn shim_run_list;
shim_command_fn shim_run_show;
shim_command_fn shim_run_remove;
shim_command_fn shim_run_export;
shim_command_fn shim_run_trust;
shim_command_fn shim_run_keyring;

#endif
