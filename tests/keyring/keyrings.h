/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keyrings for tests.  Any failure fails the test: no function returns NULL or
 * false.
 */
#ifndef SP_TEST_KEYRINGS_H
#define SP_TEST_KEYRINGS_H

#include "certs.h"
#include "keyring/keyring.h"
#include "keyring/sqlite/store.h"
#include "verdicts.h"

/* The path of a keyring that does not exist yet, in a new directory; for sp_remove_place(). */
char *sp_make_place(void);
void sp_remove_place(char *place);

struct sp_keyring *sp_must_open(const char *place, enum sp_access access);
/* Expect that opening it is refused with a reason that contains |fragment|. */
void sp_expect_refusal(const char *place, enum sp_access access, const char *fragment);

/* A certificate with CN=|subject|; the serial number identifies it. */
X509 *sp_make_contact(int serial, const char *subject, const char *san, EVP_PKEY *key);
/* The fingerprint of |cert|; the other gives the id of its key. */
void sp_fingerprint(const X509 *cert, unsigned char fingerprint[SP_SHA256_LENGTH]);
void sp_key_name(const X509 *cert, unsigned char key[SP_SHA256_LENGTH]);

/* sp_upload_add() with the facts of |cert|. */
enum sp_added sp_add(struct sp_upload *upload, const X509 *cert, enum sp_role role, bool overrides,
                     enum sp_role *stored_as);
/* Upload |cert| alone. */
void sp_store(struct sp_keyring *keyring, const X509 *cert, enum sp_role role);
void sp_store_key(struct sp_keyring *keyring, const X509 *cert, const char *pkcs8, bool encrypted,
                  const char *uri);

/* The serial numbers of what |query| finds, as in "1 2 5"; to free(). */
char *sp_found(struct sp_keyring *keyring, const struct sp_query *query);
/*
 * Compare what |query| finds; sp_expect_all() compares everything, with the role
 * "i", "c" or "a" behind each number.
 */
void sp_expect_found(struct sp_keyring *keyring, const struct sp_query *query,
                     const char *expected);
void sp_expect_all(struct sp_keyring *keyring, const char *expected);

/* Run |sql| on a database file without the keyring's functions. */
void sp_run_sql(const char *place, const char *file, const char *sql);
int64_t sp_sql_number(const char *place, const char *file, const char *sql);

/* How many descriptors of this process are open on its certificates; |*one| is one of them. */
int sp_descriptors(const char *where, int *one);
/* The lowest number of a descriptor that is not in use: it is higher if one was left open. */
int sp_free_descriptor(void);

#endif
