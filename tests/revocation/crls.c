/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/x509v3.h>

struct sp_crls crls;

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 100; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

void sp_crls_set_up(void)
{
    const struct sp_recipe recipe = { .serial = 1,
                                      .subject = "Root",
                                      .basic = "critical,CA:TRUE",
                                      .key = sp_test_ec(),
                                      .again = { SKI("01020304") } };

    crls.place = sp_make_place();
    ck_assert_int_eq(mkdir(crls.place, 0755), 0);
    crls.issuer = sp_make_cert(&recipe);
    crls.other = sp_make_key("EC", "P-256");
    crls.descriptors = count_descriptors();
}

void sp_crls_expect_closed(void)
{
    ck_assert_int_eq(count_descriptors(), crls.descriptors);
}

void sp_crls_tear_down(void)
{
    X509_free(crls.issuer);
    EVP_PKEY_free(crls.other);
    sp_remove_place(crls.place);
}

X509 *sp_issued(X509 *issuer, EVP_PKEY *key, int serial, const char *name, const char *value)
{
    const struct sp_recipe recipe = { .serial = serial,
                                      .san = "email:bob@example.org",
                                      .issuer = issuer,
                                      .issuer_key = key,
                                      .again = { name, value } };

    return sp_make_cert(&recipe);
}

struct sp_crl_issuer sp_issuer_with(X509 *cert, unsigned char key[SP_SHA256_LENGTH])
{
    sp_key_name(cert, key);
    return sp_crl_issuer_of(key, cert);
}

struct sp_crl_about sp_today(void)
{
    return (struct sp_crl_about){ .this_update = SP_NOW - DAY, .next_update = SP_NOW + 6 * DAY };
}

static bool write_crl(const struct sp_crl_issuer *issuer, const struct sp_crl_about *about,
                      const int *serials, char **why)
{
    struct sp_crl_writer *writer = sp_crl_writer_new(crls.place, issuer, about, why);
    bool done = writer != NULL;

    for (; done && *serials != 0; serials++) {
        const unsigned char octets[] = { (unsigned char)(*serials >> 8), (unsigned char)*serials };
        const struct sp_crl_entry entry = { octets, 2, SP_NOW - 2 * DAY, *serials % 7, 0 };

        done = sp_crl_writer_add(writer, &entry, why);
    }
    done = done && sp_crl_writer_commit(writer, why);
    sp_crl_writer_free(writer);
    return done;
}

bool sp_store_crl(X509 *cert, const struct sp_crl_about *about, const int *serials)
{
    unsigned char key[SP_SHA256_LENGTH];
    const struct sp_crl_issuer issuer = sp_issuer_with(cert, key);
    char *why = NULL;
    bool done;

    done = write_crl(&issuer, about, serials, &why);
    ck_assert_msg(done == (why == NULL), "%s", why != NULL ? why : "no reason");
    OPENSSL_free(why);
    return done;
}

void sp_revoke(X509 *issuer, const int *serials)
{
    const struct sp_crl_about about = sp_today();

    ck_assert(sp_store_crl(issuer, &about, serials));
}

static void describe(const struct sp_revocation *found, char *text, size_t size)
{
    static const char *const words[] = { "unknown", "none", "stale", "revoked", "damaged" };

    (void)snprintf(text, size, "%s", words[found->state]);
    if (found->state == SP_REVOCATION_REVOKED)
        (void)snprintf(text, size, "revoked %d", found->reason);
    if (found->state == SP_REVOCATION_REVOKED)
        ck_assert_int_eq(found->at, SP_NOW - 2 * DAY);
    else if (found->state != SP_REVOCATION_DAMAGED)
        ck_assert_int_eq(found->reason, -1);
    ck_assert_int_eq(found->why != NULL, found->state == SP_REVOCATION_DAMAGED);
}

void sp_expect_answer_at(const X509 *cert, time_t at, const char *expected)
{
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found;
    char text[64];

    ck_assert(sp_revocation_find(crls.place, &asked, at, SP_WANTS_ANSWER, &found));
    describe(&found, text, sizeof(text));
    ck_assert_str_eq(text, expected);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
}

void sp_expect_answer(const X509 *cert, const char *expected)
{
    sp_expect_answer_at(cert, SP_NOW, expected);
}

static bool keep_path(const struct sp_crl_file *file, void *data)
{
    char **path = data;

    ck_assert_ptr_null(*path);
    *path = strdup(file->path);
    return true;
}

char *sp_only_crl(void)
{
    char *path = NULL, *why;

    ck_assert(sp_crl_files_each(crls.place, keep_path, &path, &why));
    ck_assert_ptr_nonnull(path);
    return path;
}
