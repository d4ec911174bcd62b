/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables of both databases, step by step.  A step never changes after its
 * release, as stored keyrings were made by it.
 */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

#define APPLICATION_ID "0x736d7065"

static const char *const certificate_steps[] = {
    /* Step 1: certificates, and the tables to find them by. */
    "CREATE TABLE main.certificate ("
    "  id INTEGER PRIMARY KEY,"
    "  fingerprint BLOB NOT NULL UNIQUE," /* SHA-256 of the certificate's DER */
    "  role INTEGER NOT NULL,"            /* enum sp_role */
    "  key BLOB NOT NULL,"                /* struct sp_keyid */
    "  subject INTEGER NOT NULL,"         /* X509_NAME_hash_ex() */
    "  uploaded INTEGER NOT NULL,"        /* seconds since the epoch */
    "  der BLOB NOT NULL"                 /* i2d_X509_AUX() */
    ") STRICT;"
    "CREATE INDEX main.certificate_by_key ON certificate (key);"
    "CREATE INDEX main.certificate_by_subject ON certificate (subject);"
    /* Not for contacts: they are many, and listing all of them may take its time. */
    "CREATE INDEX main.certificate_by_role ON certificate (role) WHERE role <> 2;"
    "CREATE TABLE main.address ("
    "  address TEXT NOT NULL," /* in lower case */
    "  certificate INTEGER NOT NULL,"
    "  PRIMARY KEY (address, certificate)"
    ") STRICT, WITHOUT ROWID;"
    /* The names by which an encrypted message calls an identity. */
    "CREATE TABLE main.recipient ("
    "  name BLOB NOT NULL," /* serial number, or Subject Key Identifier */
    "  certificate INTEGER NOT NULL,"
    "  PRIMARY KEY (name, certificate)"
    ") STRICT, WITHOUT ROWID;",
    /* Step 2: where each came from, enum sp_origin; before, all was uploaded. */
    "ALTER TABLE main.certificate ADD COLUMN origin INTEGER NOT NULL DEFAULT 1;",
    /* Step 3: what the hub has, and how far this copy of it reaches. */
    "CREATE TABLE main.hub_member ("
    "  fingerprint BLOB PRIMARY KEY,"
    "  sum BLOB NOT NULL,"         /* of its row there */
    "  standing INTEGER NOT NULL," /* its role there, and beyond it its origin */
    "  own INTEGER NOT NULL"       /* it is this host's own, too: the hub does not change it */
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE main.hub ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  realm TEXT NOT NULL,"
    "  epoch TEXT NOT NULL,"
    "  revision INTEGER NOT NULL," /* 0: the copy is not whole yet */
    "  certificates INTEGER NOT NULL,"
    "  digest BLOB NOT NULL," /* the sums of all, XORed */
    "  anchors TEXT NOT NULL" /* the setting by which the origins were chosen */
    ") STRICT;",
    /* Step 4: the CRLs of the hub, an array of struct sp_hub_crl. */
    "ALTER TABLE main.hub ADD COLUMN crls BLOB;"
    "ALTER TABLE main.hub ADD COLUMN crls_again INTEGER NOT NULL DEFAULT 0;",
    NULL
};

static const char *const key_steps[] = {
    /* Step 1. */
    "CREATE TABLE keys.private_key ("
    "  key BLOB PRIMARY KEY,"       /* struct sp_keyid */
    "  encrypted INTEGER NOT NULL," /* is |pkcs8| encrypted? */
    "  pkcs8 BLOB,"                 /* DER */
    "  uri TEXT,"                   /* where the key is instead */
    "  uploaded INTEGER NOT NULL,"  /* seconds since the epoch */
    "  CHECK ((pkcs8 IS NULL) <> (uri IS NULL))"
    ") STRICT, WITHOUT ROWID;",
    /* Step 2: which keys wait for their certificate. */
    "CREATE TABLE keys.waiting ("
    "  id INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE," /* struct sp_keyid */
    "  request BLOB NOT NULL,"    /* the PKCS#10 for its certificate, DER */
    "  made INTEGER NOT NULL"     /* seconds since the epoch */
    ") STRICT;",
    NULL
};

static int64_t newest(const struct sp_schema *schema)
{
    int64_t count = 0;

    while (schema->steps[count] != NULL)
        count++;
    return count;
}

static bool pragma(struct sp_database *keyring, const struct sp_schema *schema, const char *name,
                   int64_t *value)
{
    char *sql = sp_format("PRAGMA %s.%s", schema->database, name);
    bool done = sp_store_number(keyring, sql, value);

    OPENSSL_free(sql);
    return done;
}

static bool apply(struct sp_database *keyring, const struct sp_schema *schema, int64_t step)
{
    char *mark = sp_format("PRAGMA %s.user_version = %lld;"
                           "PRAGMA %s.application_id = " APPLICATION_ID,
                           schema->database, (long long)step + 1, schema->database);
    bool done = sp_store_run(keyring, schema->steps[step]) && sp_store_run(keyring, mark);

    OPENSSL_free(mark);
    return done;
}

/* Read the version again with the lock held: another process may have migrated in between. */
static bool migrate(struct sp_database *keyring, const struct sp_schema *schema)
{
    int64_t version;
    bool done = sp_store_begin(keyring) && pragma(keyring, schema, "user_version", &version);

    for (; done && version < newest(schema); version++)
        done = apply(keyring, schema, version);
    if (done && sp_store_commit(keyring))
        return true;
    sp_store_rollback(keyring);
    return false;
}

/* Fail unless the SQL |count| gives 0.  It counts |what|, and is taken over. */
static bool has_no(struct sp_database *keyring, const struct sp_schema *schema, const char *what,
                   char *count)
{
    int64_t found;
    bool done = sp_store_number(keyring, count, &found);

    OPENSSL_free(count);
    if (!done || found == 0)
        return done;
    return sp_store_set_why(keyring, sp_format("keyring %s: %s has %s, which no smime-policy made; "
                                               "move it away and take a backup",
                                               keyring->path, schema->file, what));
}

/*
 * Our databases have tables alone, without computed columns.  Anything else was made
 * by somebody else, and would run SQL of theirs.
 */
static bool has_tables_alone(struct sp_database *keyring, const struct sp_schema *schema)
{
    int64_t found;
    char *sql;
    bool done;

    /*
     * Ours have no "as", and views, computed columns and tables made by a query have it.  So this
     * question settles it for ours, at a quarter of what the ones below cost.
     */
    sql = sp_format("SELECT count(*) FROM %s.sqlite_schema WHERE sql LIKE '%%as%%' OR"
                    " (sql NOT LIKE 'CREATE TABLE %%' AND sql NOT LIKE 'CREATE INDEX %%')",
                    schema->database);
    done = sp_store_number(keyring, sql, &found);
    OPENSSL_free(sql);
    if (!done || found == 0)
        return done;
    return has_no(keyring, schema, "views or triggers",
                  sp_format("SELECT count(*) FROM %s.sqlite_schema WHERE type NOT IN ('table', "
                            "'index') OR sql LIKE 'CREATE VIRTUAL%%'",
                            schema->database)) &&
           has_no(keyring, schema, "columns that are computed",
                  sp_format("SELECT count(*) FROM %s.sqlite_schema AS s,"
                            " pragma_table_xinfo(s.name, '%s') AS c"
                            " WHERE s.type = 'table' AND c.hidden <> 0",
                            schema->database, schema->database));
}

bool sp_schema_bring_up(struct sp_database *keyring, const struct sp_schema *schema, int64_t *form)
{
    int64_t version;
    int64_t application;

    if (!pragma(keyring, schema, "user_version", &version) ||
        !pragma(keyring, schema, "application_id", &application))
        return false;
    if (application != strtol(APPLICATION_ID, NULL, 16) && (application != 0 || version != 0))
        return sp_store_set_why(keyring,
                                sp_format("keyring %s: %s is a database of something else; "
                                          "move it away",
                                          keyring->path, schema->file));
    if (version > newest(schema))
        return sp_store_set_why(
            keyring,
            sp_format("keyring %s: %s was written by a newer smime-policy (form "
                      "%lld, this one knows %lld); install that version",
                      keyring->path, schema->file, (long long)version, (long long)newest(schema)));
    if (!has_tables_alone(keyring, schema))
        return false;
    /* A reader may not be allowed to write: it reads every form as it is. */
    if (version == newest(schema) || (version > 0 && keyring->access == SP_KEYRING_READ)) {
        *form = version;
        return true;
    }
    *form = newest(schema);
    return migrate(keyring, schema);
}

bool sp_schema_certificates(struct sp_database *keyring)
{
    static const struct sp_schema schema = { "main", SP_CERTIFICATES, certificate_steps };

    return sp_schema_bring_up(keyring, &schema, &keyring->form);
}

bool sp_schema_keys(struct sp_database *keyring)
{
    static const struct sp_schema schema = { "keys", SP_KEYS, key_steps };
    int64_t form;

    return sp_schema_bring_up(keyring, &schema, &form);
}
