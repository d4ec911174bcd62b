/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The copy of a hub in a keyring: what comes, what is replaced, what leaves, and what is this
 * keyring's own and stays.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "keyrings.h"

static char *place;
static struct sp_keyring *keyring;
static X509 *bob, *carol;

static void set_up(void)
{
    place = sp_make_place();
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    bob = sp_make_contact(1, "Bob", "email:bob@example.org", NULL);
    carol = sp_make_contact(2, "Carol", "email:carol@example.org", NULL);
}

static void tear_down(void)
{
    X509_free(bob);
    X509_free(carol);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}

/* A member with the standing |there|, whose sum is |sum| repeated. */
static struct sp_member member_of(const X509 *cert, int sum, enum sp_role role,
                                  enum sp_origin origin)
{
    struct sp_member member = { .there = { role, origin } };

    sp_fingerprint(cert, member.fingerprint);
    memset(member.sum, sum, sizeof(member.sum));
    return member;
}

static void add(struct sp_upload *upload, const X509 *cert, const struct sp_member *member,
                enum sp_role role, enum sp_origin origin)
{
    struct sp_facts *facts = sp_facts_new(cert);
    enum sp_role stored_as;

    sp_upload_origin(upload, origin);
    if (member != NULL)
        sp_upload_member(upload, member);
    ck_assert_int_ne(sp_upload_add(upload, cert, facts, role, false, &stored_as), SP_ADD_FAILED);
    sp_facts_free(facts);
}

/* Take |cert| from the hub, which has it in |role|. */
static void take(const X509 *cert, int sum, enum sp_role role, bool hands_over)
{
    const struct sp_member member = member_of(cert, sum, role, SP_ORIGIN_UPLOADED);
    const struct sp_hub reach = { .realm = (char *)(uintptr_t) "default",
                                  .epoch = (char *)(uintptr_t) "one",
                                  .anchors = (char *)(uintptr_t) "no",
                                  .revision = sum,
                                  .certificates = 1 };
    struct sp_upload *upload = sp_upload_begin(keyring);

    add(upload, cert, &member, role, SP_ORIGIN_HUB);
    sp_upload_hub(upload, &reach);
    if (hands_over)
        sp_upload_hand_over(upload);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static void upload_by_hand(const X509 *cert, enum sp_role role)
{
    struct sp_upload *upload = sp_upload_begin(keyring);

    add(upload, cert, NULL, role, SP_ORIGIN_UPLOADED);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static void leave(const X509 *cert, bool with_key)
{
    struct sp_upload *upload = sp_upload_begin(keyring);
    unsigned char fingerprint[SP_SHA256_LENGTH];

    sp_fingerprint(cert, fingerprint);
    ck_assert(sp_upload_leave(upload, fingerprint, with_key));
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static void expect(const X509 *cert, enum sp_role role, enum sp_origin origin)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    struct sp_standing is;
    bool failed;

    sp_fingerprint(cert, fingerprint);
    is = sp_keyring_standing(keyring, fingerprint, &failed);
    ck_assert(!failed);
    ck_assert_int_eq(is.role, role);
    ck_assert_int_eq(is.origin, origin);
}

static void expect_member(const X509 *cert, int known, int sum, bool own)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    struct sp_member member;

    sp_fingerprint(cert, fingerprint);
    ck_assert_int_eq(sp_keyring_member(keyring, fingerprint, &member), known);
    if (known == 1) {
        ck_assert_int_eq(member.sum[0], sum);
        ck_assert(member.own == own);
    }
}

START_TEST(comes_and_leaves)
{
    struct sp_hub hub;

    ck_assert(sp_keyring_hub(keyring, &hub));
    ck_assert_ptr_null(hub.epoch);
    take(bob, 7, SP_ROLE_CONTACT, false);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_HUB);
    expect_member(bob, 1, 7, false);
    expect_member(carol, 0, 0, false);
    ck_assert(sp_keyring_hub(keyring, &hub));
    ck_assert_str_eq(hub.epoch, "one");
    ck_assert_int_eq(hub.revision, 7);
    sp_hub_clear(&hub);
    leave(bob, false);
    expect(bob, SP_ROLE_NONE, 0);
    expect_member(bob, 0, 0, false);
}
END_TEST

START_TEST(replaced)
{
    take(bob, 1, SP_ROLE_CONTACT, false);
    take(bob, 2, SP_ROLE_CA, false);
    expect(bob, SP_ROLE_CA, SP_ORIGIN_HUB);
    expect_member(bob, 1, 2, false);
    /* Without the private key it is no identity. */
    take(bob, 3, SP_ROLE_IDENTITY, false);
    ck_assert_int_eq(sp_sql_number(place, SP_CERTIFICATES, "SELECT count(*) FROM certificate"), 1);
}
END_TEST

/* What a person uploaded here is neither changed nor removed by the hub. */
START_TEST(own_stays)
{
    upload_by_hand(bob, SP_ROLE_CONTACT);
    take(bob, 1, SP_ROLE_CA, false);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    expect_member(bob, 1, 1, true);
    take(bob, 2, SP_ROLE_CA, false);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    leave(bob, true);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    expect_member(bob, 0, 0, false);
}
END_TEST

/* What was handed over is the hub's, and what the hub then makes of it is no anchor. */
START_TEST(handed_over)
{
    upload_by_hand(bob, SP_ROLE_CONTACT);
    take(bob, 1, SP_ROLE_CONTACT, true);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    expect_member(bob, 1, 1, false);
    take(bob, 2, SP_ROLE_CA, false);
    expect(bob, SP_ROLE_CA, SP_ORIGIN_HUB);
    leave(bob, false);
    expect(bob, SP_ROLE_NONE, 0);
}
END_TEST

START_TEST(uploaded_after)
{
    take(bob, 1, SP_ROLE_CONTACT, false);
    upload_by_hand(bob, SP_ROLE_CONTACT);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
    expect_member(bob, 1, 1, false);
}
END_TEST

START_TEST(relabelled)
{
    struct sp_upload *upload;
    unsigned char fingerprint[SP_SHA256_LENGTH];

    take(bob, 1, SP_ROLE_CONTACT, false);
    upload_by_hand(carol, SP_ROLE_CONTACT);
    upload = sp_upload_begin(keyring);
    sp_fingerprint(bob, fingerprint);
    ck_assert(sp_upload_relabel(upload, fingerprint, SP_ORIGIN_HUB_ANCHOR));
    sp_fingerprint(carol, fingerprint);
    ck_assert(sp_upload_relabel(upload, fingerprint, SP_ORIGIN_HUB));
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    expect(bob, SP_ROLE_CONTACT, SP_ORIGIN_HUB_ANCHOR);
    expect(carol, SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED);
}
END_TEST

/* Members come in the order of their fingerprints, behind one that is given. */
START_TEST(in_order)
{
    struct sp_member members[4];
    unsigned char last[SP_SHA256_LENGTH];

    memset(last, 0xff, sizeof(last));
    take(bob, 1, SP_ROLE_CONTACT, false);
    take(carol, 1, SP_ROLE_CONTACT, false);
    ck_assert_int_eq(sp_keyring_members(keyring, NULL, members, 4), 2);
    ck_assert_int_lt(memcmp(members[0].fingerprint, members[1].fingerprint, SP_SHA256_LENGTH), 0);
    ck_assert_int_eq(sp_keyring_members(keyring, members[0].fingerprint, members + 2, 2), 1);
    ck_assert_mem_eq(members[1].fingerprint, members[2].fingerprint, SP_SHA256_LENGTH);
    ck_assert_int_eq(sp_keyring_members(keyring, members[1].fingerprint, members, 4), 0);
    ck_assert_int_eq(sp_keyring_members(keyring, last, members, 4), 0);
}
END_TEST

/* Removed past the hub, the copy is not whole, and is compared. */
START_TEST(removed_past_the_hub)
{
    unsigned char fingerprint[1][SP_SHA256_LENGTH];
    struct sp_hub hub;

    take(bob, 1, SP_ROLE_CONTACT, false);
    sp_fingerprint(bob, fingerprint[0]);
    ck_assert(sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])fingerprint, 1));
    expect_member(bob, 0, 0, false);
    ck_assert(sp_keyring_hub(keyring, &hub));
    ck_assert_int_eq(hub.revision, 0);
    sp_hub_clear(&hub);
}
END_TEST

/* Reach to two CRLs, one of which was refused. */
static void take_crls(void)
{
    struct sp_hub_crl crls[] = { { .name = { 1 }, .content = { 2 }, .state = SP_HUB_CRL_STORED },
                                 { .name = { 3 }, .state = SP_HUB_CRL_REFUSED } };
    const struct sp_hub reach = { .realm = (char *)(uintptr_t) "default",
                                  .epoch = (char *)(uintptr_t) "one",
                                  .anchors = (char *)(uintptr_t) "no",
                                  .revision = 1,
                                  .crls = crls,
                                  .crl_count = 2 };
    struct sp_upload *upload = sp_upload_begin(keyring);

    sp_upload_hub(upload, &reach);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
}

static void expect_crls_again(bool again)
{
    struct sp_hub hub;

    ck_assert(sp_keyring_hub(keyring, &hub));
    ck_assert_uint_eq(hub.crl_count, 2);
    ck_assert_int_eq(hub.crls[0].name[0], 1);
    ck_assert_int_eq(hub.crls[0].content[0], 2);
    ck_assert_int_eq(hub.crls[1].state, SP_HUB_CRL_REFUSED);
    ck_assert(hub.crls_again == again);
    sp_hub_clear(&hub);
}

/* Take a ca from the hub, in a copy that is not whole yet. */
static void take_ca(void)
{
    X509 *ca = sp_make_contact(3, "Ca", NULL, NULL);
    const struct sp_member member = member_of(ca, 1, SP_ROLE_CA, SP_ORIGIN_UPLOADED);
    struct sp_upload *upload = sp_upload_begin(keyring);

    add(upload, ca, &member, SP_ROLE_CA, SP_ORIGIN_HUB);
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    X509_free(ca);
}

/* A CRL that was refused is looked at again when a ca was stored that a person has uploaded. */
START_TEST(crls)
{
    take_crls();
    expect_crls_again(false);
    upload_by_hand(bob, SP_ROLE_CONTACT);
    expect_crls_again(false);
    upload_by_hand(carol, SP_ROLE_CA);
    expect_crls_again(true);
    take_crls();
    expect_crls_again(false);
    /* What comes from the hub itself is no reason. */
    take_ca();
    expect_crls_again(false);
}
END_TEST

static void expect_damaged(void)
{
    ck_assert_ptr_nonnull(strstr(sp_keyring_why(keyring), "'smime-policy sync --whole' mends it"));
}

static const char *const damages[] = { "UPDATE hub SET crls = x'0102'",
                                       "UPDATE hub SET digest = x'0102'" };

START_TEST(damaged)
{
    struct sp_hub hub;

    take_crls();
    sp_run_sql(place, SP_CERTIFICATES, damages[_i]);
    ck_assert(!sp_keyring_hub(keyring, &hub));
    expect_damaged();
    sp_hub_clear(&hub);
}
END_TEST

static const char *const damaged_members[] = {
    "UPDATE hub_member SET sum = x'0102'",
    "UPDATE hub_member SET fingerprint = CAST(fingerprint || x'00' AS BLOB)"
};

START_TEST(damaged_member)
{
    struct sp_member members[2];

    take(bob, 1, SP_ROLE_CONTACT, false);
    sp_run_sql(place, SP_CERTIFICATES, damaged_members[_i]);
    ck_assert_int_eq(sp_keyring_members(keyring, NULL, members, 2), -1);
    expect_damaged();
}
END_TEST

/* A reader who may not bring up a keyring without the column finds no copy in it. */
START_TEST(form_without_crls)
{
    struct sp_keyring *reader;
    struct sp_hub hub;

    take_crls();
    sp_keyring_close(keyring);
    sp_run_sql(place, SP_CERTIFICATES,
               "ALTER TABLE hub DROP COLUMN crls;"
               "ALTER TABLE hub DROP COLUMN crls_again;"
               "PRAGMA user_version = 3");
    reader = sp_must_open(place, SP_KEYRING_READ);
    ck_assert(sp_keyring_hub(reader, &hub));
    ck_assert_ptr_null(hub.epoch);
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    ck_assert(sp_keyring_hub(reader, &hub));
    ck_assert_str_eq(hub.epoch, "one");
    ck_assert_uint_eq(hub.crl_count, 0);
    sp_hub_clear(&hub);
    sp_keyring_close(reader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replica");
    TCase *tests = tcase_create("replica");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, comes_and_leaves);
    tcase_add_test(tests, replaced);
    tcase_add_test(tests, own_stays);
    tcase_add_test(tests, handed_over);
    tcase_add_test(tests, uploaded_after);
    tcase_add_test(tests, relabelled);
    tcase_add_test(tests, in_order);
    tcase_add_test(tests, removed_past_the_hub);
    tcase_add_test(tests, crls);
    tcase_add_loop_test(tests, damaged, 0, SP_ROWS(damages));
    tcase_add_loop_test(tests, damaged_member, 0, SP_ROWS(damaged_members));
    tcase_add_test(tests, form_without_crls);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
