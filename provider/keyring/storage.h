/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of operations that a storage of keyrings consists of.  Each operation does
 * what the function of its name in keyring/keyring.h promises, or what is said here.
 *
 * A storage is a folder below this room, with such a table, and a row in keyring.c.
 * Its keyrings, cursors and uploads begin with the structs below.
 */
#ifndef SP_STORAGE_H
#define SP_STORAGE_H

#include "keyring/keyring.h"

struct sp_storage {
    bool (*exists)(const char *path);
    bool (*is_own)(const char *path, char **why);
    bool (*keys_readable)(const char *path);

    struct sp_keyring *(*open)(const char *path, enum sp_access access, char **why);
    void (*close)(struct sp_keyring *keyring);
    const char *(*why)(const struct sp_keyring *keyring);
    /* May it stay open until the next question?  Asked after each question. */
    bool (*may_stay)(struct sp_keyring *keyring);
    /*
     * Would opening |path| now give the same keyring, and nothing worse?  Asked before
     * a question to one that stayed open.
     */
    bool (*is_current)(struct sp_keyring *keyring, const char *path);

    struct sp_cursor *(*find)(struct sp_keyring *keyring, const struct sp_query *query);
    int (*next)(struct sp_cursor *cursor, struct sp_record *record);
    void (*end)(struct sp_cursor *cursor);
    struct sp_standing (*standing)(struct sp_keyring *keyring,
                                   const unsigned char fingerprint[SP_SHA256_LENGTH], bool *failed);
    bool (*count)(struct sp_keyring *keyring, int64_t counts[SP_ROLE_COUNT]);
    int (*key)(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
               struct sp_private_key *private_key);
    int (*change_key)(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                      const struct sp_private_key *was, const struct sp_private_key *now);

    bool (*remove)(struct sp_keyring *keyring,
                   const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count);
    bool (*check)(struct sp_keyring *keyring, sp_tell_fn *tell, void *data,
                  struct sp_checked *checked);
    bool (*backup)(struct sp_keyring *keyring, const char *path, sp_step_fn *step);

    struct sp_upload *(*upload)(struct sp_keyring *keyring);
    enum sp_added (*add)(struct sp_upload *upload, const X509 *cert, const struct sp_facts *facts,
                         enum sp_role role, bool overrides, enum sp_role *stored_as);
    void (*at)(struct sp_upload *upload, int64_t when);
    void (*origin)(struct sp_upload *upload, enum sp_origin origin);
    void (*only_for)(struct sp_upload *upload, const char *addresses);
    bool (*add_key)(struct sp_upload *upload, const unsigned char key[SP_SHA256_LENGTH],
                    struct sp_private_key *private_key);
    /* By key, by subject, or all of this upload. */
    struct sp_cursor *(*find_staged)(struct sp_upload *upload, const struct sp_query *query);
    bool (*hub)(struct sp_keyring *keyring, struct sp_hub *hub);
    /* From |from| on, that one included; NULL: from the first. */
    int (*members)(struct sp_keyring *keyring, const unsigned char *from, struct sp_member *members,
                   int room);
    void (*member)(struct sp_upload *upload, const struct sp_member *member);
    bool (*leave)(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                  bool with_key);
    bool (*relabel)(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                    enum sp_origin origin);
    void (*reach)(struct sp_upload *upload, const struct sp_hub *hub);
    void (*hand_over)(struct sp_upload *upload);
    bool (*found_by)(struct sp_upload *upload, const struct sp_record *record, char **addresses);
    bool (*keys)(struct sp_upload *upload, sp_key_fn *each, void *data);
    bool (*commit)(struct sp_upload *upload);
    void (*forget)(struct sp_upload *upload);
};

struct sp_keyring {
    const struct sp_storage *storage;
};

struct sp_cursor {
    const struct sp_storage *storage;
};

struct sp_upload {
    const struct sp_storage *storage;
};

/* Defined by the folder of each. */
extern const struct sp_storage sp_sqlite_storage;

#endif
