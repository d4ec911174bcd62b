/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring/sqlite/store.h"

const struct sp_storage sp_sqlite_storage = {
    .exists = sp_sqlite_exists,
    .is_own = sp_sqlite_is_own,
    .keys_readable = sp_sqlite_keys_readable,
    .open = sp_sqlite_open,
    .close = sp_sqlite_close,
    .why = sp_sqlite_why,
    .may_stay = sp_sqlite_may_stay,
    .is_current = sp_sqlite_is_current,
    .find = sp_sqlite_find,
    .next = sp_sqlite_next,
    .end = sp_sqlite_end,
    .standing = sp_sqlite_standing,
    .count = sp_sqlite_count,
    .key = sp_sqlite_key,
    .change_key = sp_sqlite_change_key,
    .remove = sp_sqlite_remove,
    .check = sp_sqlite_check,
    .backup = sp_sqlite_backup,
    .upload = sp_sqlite_upload,
    .add = sp_sqlite_add,
    .at = sp_sqlite_at,
    .origin = sp_sqlite_origin,
    .only_for = sp_sqlite_only_for,
    .add_key = sp_sqlite_add_key,
    .find_staged = sp_sqlite_find_staged,
    .hub = sp_sqlite_hub,
    .members = sp_sqlite_members,
    .member = sp_sqlite_member,
    .leave = sp_sqlite_leave,
    .relabel = sp_sqlite_relabel,
    .reach = sp_sqlite_reach,
    .hand_over = sp_sqlite_hand_over,
    .found_by = sp_sqlite_found_by,
    .keys = sp_sqlite_keys,
    .commit = sp_sqlite_commit,
    .forget = sp_sqlite_forget,
};
