/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers of a certificate that the keyring has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "choice/stored_issuers.h"
#include "keyrings.h"
#include "starve.h"

#define CA     "critical,CA:TRUE"
#define LATER  "20260731142028Z"
#define BEFORE "20231101000000Z" /* before SP_NOW */

/*
 * Certificates by a letter, each after its issuer.  All but the forger's have the same
 * key, so that only names tell them apart.
 */
static const struct {
    char letter;
    struct sp_recipe recipe;
    char issuer; /* the letter itself: self-issued */
    bool forged; /* signed with another key than its issuer's */
} made[] = {
    { 'R', { .serial = 1, .subject = "Root", .basic = CA }, 'R', false },
    { 'I', { .serial = 2, .subject = "Issuer", .basic = CA }, 'R', false },
    { 'i', { .serial = 3, .subject = "Issuer", .basic = CA, .not_after = BEFORE }, 'R', false },
    { 'L', { .serial = 4, .san = "email:bob@example.org" }, 'I', false },
    { 'N', { .serial = 5, .subject = "Issuer", .usage = "digitalSignature" }, 'R', false },
    { 'S', { .serial = 6, .subject = "Self", .san = "email:sue@example.org" }, 'S', false },
    { 'F', { .serial = 7, .san = "email:bob@example.org" }, 'I', true },
    /* Two that have issued each other. */
    { 'A', { .serial = 8, .subject = "A", .basic = CA }, 'R', false },
    { 'B', { .serial = 9, .subject = "B", .basic = CA }, 'A', false },
    { 'a', { .serial = 10, .subject = "A", .basic = CA, .not_after = LATER }, 'B', false },
    { 'C', { .serial = 11, .subject = "C" }, 'B', false },
};

static char *place;
static struct sp_keyring *keyring;
static X509 *certs['z'];
static EVP_PKEY *forger; /* of the same kind as the others' key */

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    forger = sp_make_key("EC", "P-256");
    for (int i = 0; i < SP_ROWS(made); i++) {
        struct sp_recipe recipe = made[i].recipe;

        recipe.issuer = certs[(int)made[i].issuer];
        recipe.key = sp_test_ec();
        recipe.issuer_key = made[i].forged ? forger : sp_test_ec();
        certs[(int)made[i].letter] = sp_make_cert(&recipe);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < SP_ROWS(made); i++)
        X509_free(certs[(int)made[i].letter]);
    memset(certs, 0, sizeof(certs));
    EVP_PKEY_free(forger);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

static void store(const char *letters)
{
    for (; *letters != '\0'; letters++)
        sp_store(keyring, certs[(int)*letters], SP_ROLE_CA);
}

/* Compare |found|, which is freed. */
static void expect_letters(STACK_OF(X509) *found, const char *expected)
{
    char letters[32] = "";

    for (int i = 0; i < sk_X509_num(found); i++)
        for (int j = 0; j < SP_ROWS(made); j++)
            if (X509_cmp(sk_X509_value(found, i), certs[(int)made[j].letter]) == 0)
                letters[i] = made[j].letter;
    ck_assert_str_eq(letters, expected);
    sk_X509_pop_free(found, X509_free);
}

/* What is stored, whose chain is wanted, and what is above it. */
static const struct {
    const char *stored;
    char of;
    const char *path;
} paths[] = {
    { "", 'L', "" },
    { "R", 'L', "" },
    { "I", 'L', "I" },
    { "RI", 'L', "IR" },
    { "RIi", 'L', "IR" },
    /* Of several issuers a valid one is taken, wherever it stands. */
    { "RiI", 'L', "IR" },
    { "Ri", 'L', "iR" },
    /* One that may issue nothing is no issuer. */
    { "RN", 'L', "" },
    { "RS", 'S', "" },
    { "RI", 'R', "" },
    /* A name alone makes no issuer. */
    { "RI", 'F', "" },
    /* A circle ends where it closes. */
    { "aB", 'C', "Ba" },
    { "aBAR", 'C', "Ba" },
    { "BAR", 'C', "BAR" },
};

START_TEST(a_path_leads_up)
{
    STACK_OF(X509) *path = sk_X509_new_null();
    char *why;

    store(paths[_i].stored);
    ERR_raise(ERR_LIB_USER, 1);
    ck_assert(sp_stored_path(keyring, certs[(int)paths[_i].of], SP_NOW, path, &why));
    ck_assert_ptr_null(why);
    expect_letters(path, paths[_i].path);
    /* The queue is as it was. */
    ck_assert_int_eq(ERR_GET_LIB(ERR_get_error()), ERR_LIB_USER);
    ck_assert_uint_eq(ERR_get_error(), 0);
}
END_TEST

START_TEST(issuers_are_found_by_name)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    char *why;

    store("RIiNS");
    ck_assert(sp_stored_issuers(keyring, certs['F'], found, &why));
    ck_assert(sp_stored_issuers(keyring, certs['L'], found, &why));
    ck_assert(sp_stored_issuers(keyring, certs['I'], found, &why));
    expect_letters(found, "IiNR");
}
END_TEST

/* Store |count| CAs: each has issued the next one, or |is_one_name| and all have one name. */
static X509 *store_many(int count, bool is_one_name)
{
    X509 *last = NULL;
    char name[20] = "Many";

    for (int i = 0; i < count; i++) {
        struct sp_recipe recipe = { .serial = i + 1, .subject = name, .basic = CA };
        X509 *issuer = last;

        recipe.key = recipe.issuer_key = sp_test_ec();
        recipe.issuer = is_one_name ? NULL : issuer;
        if (!is_one_name)
            (void)snprintf(name, sizeof(name), "CA %d", i);
        last = sp_make_cert(&recipe);
        sp_store(keyring, last, SP_ROLE_CA);
        X509_free(issuer);
    }
    return last;
}

START_TEST(a_long_path_is_cut)
{
    STACK_OF(X509) *path = sk_X509_new_null();
    X509 *cert = store_many(20, false);
    char *why;

    ck_assert(sp_stored_path(keyring, cert, SP_NOW, path, &why));
    ck_assert_int_eq(sk_X509_num(path), 16);
    sk_X509_pop_free(path, X509_free);
    X509_free(cert);
}
END_TEST

START_TEST(many_of_one_name_are_cut)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    X509 *cert = store_many(258, true);
    char *why;

    ck_assert(sp_stored_issuers(keyring, cert, found, &why));
    ck_assert_int_eq(sk_X509_num(found), 256);
    sk_X509_pop_free(found, X509_free);
    X509_free(cert);
}
END_TEST

START_TEST(a_damaged_one_is_told)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    char *why;

    /* Another one of that name is behind it. */
    store("RIi");
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET der = x'3000' WHERE id = 2");
    ck_assert(!sp_stored_path(keyring, certs['L'], SP_NOW, found, &why));
    ck_assert_str_eq(why, "keyring: entry 2 cannot be parsed; 'smime-policy keyring check' tells "
                          "what is damaged");
    OPENSSL_free(why);
    expect_letters(found, "");
}
END_TEST

/* Which roles are issuers that a keyring may have. */
static const struct {
    enum sp_role role; /* SP_ROLE_NONE: nothing is stored */
    bool any;
} stores[] = { { SP_ROLE_NONE, false },
               { SP_ROLE_CONTACT, false },
               { SP_ROLE_CA, true },
               { SP_ROLE_INTERMEDIATE, true } };

START_TEST(any_issuers)
{
    bool any = !stores[_i].any;
    char *why = place;

    if (stores[_i].role != SP_ROLE_NONE)
        sp_store(keyring, certs['I'], stores[_i].role);
    ck_assert(sp_stores_issuers(keyring, &any, &why));
    ck_assert_ptr_null(why);
    ck_assert_int_eq(any, stores[_i].any);
}
END_TEST

/* A file that is no database any more. */
static void damage(void)
{
    sp_keyring_close(keyring);
    keyring = sp_must_open(place, SP_KEYRING_READ);
    sp_run_sql(place, SP_CERTIFICATES, "DROP TABLE certificate");
}

START_TEST(cannot_be_asked)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    bool any = true;
    char *why = NULL;

    damage();
    ck_assert(!sp_stores_issuers(keyring, &any, &why));
    ck_assert_ptr_nonnull(strstr(why, "cannot read it"));
    ck_assert(!any);
    OPENSSL_free(why);
    ck_assert(!sp_stored_issuers(keyring, certs['L'], found, &why));
    ck_assert_ptr_nonnull(strstr(why, "cannot read it"));
    OPENSSL_free(why);
    sk_X509_pop_free(found, X509_free);
}
END_TEST

/* The intermediates above some certificates, one above the other; cas are none of them. */
static const struct {
    const char *stored, *cas, *of, *found;
} intermediates[] = {
    { "", "", "L", "L" },     { "I", "", "L", "LI" },     { "I", "R", "L", "LI" },
    { "", "IR", "L", "L" },   { "BA", "", "C", "CBA" },   { "AB", "R", "C", "CBA" },
    { "aB", "", "C", "CBa" }, { "IA", "", "LB", "LBIA" }, { "IiB", "", "LC", "LCIiB" },
};

START_TEST(intermediates_above)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    char *why = place;

    for (const char *p = intermediates[_i].stored; *p != '\0'; p++)
        sp_store(keyring, certs[(int)*p], SP_ROLE_INTERMEDIATE);
    store(intermediates[_i].cas);
    for (const char *p = intermediates[_i].of; *p != '\0'; p++)
        ck_assert_int_eq(X509_add_cert(found, certs[(int)*p], X509_ADD_FLAG_UP_REF), 1);
    ck_assert(sp_stored_intermediates(keyring, found, &why));
    ck_assert_ptr_null(why);
    expect_letters(found, intermediates[_i].found);
}
END_TEST

/* So many above one another. */
START_TEST(intermediates_are_cut)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    X509 *cert = store_many(20, false);
    char *why;

    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET role = 4");
    ck_assert_int_eq(X509_add_cert(found, cert, X509_ADD_FLAG_UP_REF), 1);
    ck_assert(sp_stored_intermediates(keyring, found, &why));
    ck_assert_int_eq(sk_X509_num(found), 1 + 16);
    sk_X509_pop_free(found, X509_free);
    X509_free(cert);
}
END_TEST

/* What a mail has brought is an intermediate, and on a path; as an issuer it does not count. */
START_TEST(issuers_out_of_mails)
{
    STACK_OF(X509) *found = sk_X509_new_null(), *path = sk_X509_new_null();
    char *why;

    store("I");
    sp_store(keyring, certs['B'], SP_ROLE_INTERMEDIATE);
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET origin = 2");
    ck_assert(sp_stored_issuers(keyring, certs['L'], found, &why));
    expect_letters(found, "");
    ck_assert(sp_stored_path(keyring, certs['L'], SP_NOW, path, &why));
    expect_letters(path, "I");
    found = sk_X509_new_null();
    ck_assert_int_eq(X509_add_cert(found, certs['C'], X509_ADD_FLAG_UP_REF), 1);
    ck_assert(sp_stored_intermediates(keyring, found, &why));
    expect_letters(found, "CB");
}
END_TEST

/* One that is damaged is told, and ends the search. */
START_TEST(damaged_intermediate)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    char *why;

    sp_store(keyring, certs['I'], SP_ROLE_INTERMEDIATE);
    sp_store(keyring, certs['B'], SP_ROLE_INTERMEDIATE);
    sp_run_sql(place, SP_CERTIFICATES, "UPDATE certificate SET der = x'3000' WHERE id = 1");
    ck_assert_int_eq(X509_add_cert(found, certs['L'], X509_ADD_FLAG_UP_REF), 1);
    ck_assert_int_eq(X509_add_cert(found, certs['C'], X509_ADD_FLAG_UP_REF), 1);
    ck_assert(!sp_stored_intermediates(keyring, found, &why));
    ck_assert_ptr_nonnull(strstr(why, "entry 1 cannot be parsed"));
    OPENSSL_free(why);
    expect_letters(found, "LC");
}
END_TEST

static bool find_path(void)
{
    STACK_OF(X509) *path = sk_X509_new_null();
    char *why;
    bool done = sp_stored_path(keyring, certs['L'], SP_NOW, path, &why);

    ck_assert_msg(why == NULL || (!done && strcmp(why, "out of memory") == 0), "%s", why);
    if (done)
        expect_letters(path, "IR");
    else
        sk_X509_pop_free(path, X509_free);
    OPENSSL_free(why);
    return done;
}

/* Every allocation of ours fails once. */
START_TEST(memory_runs_out)
{
    bool starved = true, done;
    int failed = 0;

    store("RI");
    for (long number = 1; starved; number++) {
        sp_starve(number);
        done = find_path();
        starved = sp_starve_end();
        ck_assert(starved || done);
        failed += !done;
    }
    ck_assert_int_gt(failed, 0);
}
END_TEST

START_TEST(nothing_is_left)
{
    long kept;

    store("RI");
    ck_assert(find_path());
    kept = sp_starve_kept();
    for (int i = 0; i < 10; i++)
        ck_assert(find_path());
    ck_assert_int_lt(sp_starve_kept(), kept + 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stored_issuers");
    TCase *tests = tcase_create("stored_issuers");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_path_leads_up, 0, SP_ROWS(paths));
    tcase_add_test(tests, issuers_are_found_by_name);
    tcase_add_test(tests, a_long_path_is_cut);
    tcase_add_test(tests, many_of_one_name_are_cut);
    tcase_add_test(tests, a_damaged_one_is_told);
    tcase_add_loop_test(tests, any_issuers, 0, SP_ROWS(stores));
    tcase_add_test(tests, cannot_be_asked);
    tcase_add_loop_test(tests, intermediates_above, 0, SP_ROWS(intermediates));
    tcase_add_test(tests, intermediates_are_cut);
    tcase_add_test(tests, issuers_out_of_mails);
    tcase_add_test(tests, damaged_intermediate);
    tcase_add_test(tests, memory_runs_out);
    tcase_add_test(tests, nothing_is_left);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
