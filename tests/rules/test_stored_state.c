/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The state of a stored certificate at a given time, by its role.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "rules/revocation.h"
#include "rules/rules.h"
#include "verdicts.h"

#define MAIL  .san = "email:bob@example.org"
#define LATE  (SP_END_SECONDS + 1)
#define EARLY (SP_START_SECONDS - 1)

enum {
    SIGNS = 1 << SMIMEPOLICY_SIGN,
    ENCRYPTS = 1 << SMIMEPOLICY_ENCRYPT,
    VERIFIES = 1 << SMIMEPOLICY_VERIFY,
    DECRYPTS = 1 << SMIMEPOLICY_DECRYPT
};

static const struct sp_recipe both = { MAIL, .usage = "digitalSignature,keyEncipherment" };
static const struct sp_recipe signer = { MAIL, .usage = "digitalSignature" };
static const struct sp_recipe recipient = { MAIL, .usage = "keyEncipherment" };
static const struct sp_recipe nameless = { .usage = "digitalSignature,keyEncipherment" };
static const struct sp_recipe server = { MAIL, .usage = "digitalSignature,keyEncipherment",
                                         .extended = "serverAuth" };
static const struct sp_recipe issuer = { .usage = "keyCertSign", .basic = "critical,CA:TRUE" };
static const struct sp_recipe no_issuer = { MAIL, .usage = "digitalSignature,keyEncipherment",
                                            .basic = "CA:FALSE" };

static const struct {
    const struct sp_recipe *recipe;
    enum sp_role role;
    time_t at;
    enum sp_stored_state state;
    unsigned uses;
    bool vouches;
} rows[] = {
    { &both, SP_ROLE_IDENTITY, SP_NOW, SP_STORED_USABLE, SIGNS | ENCRYPTS | VERIFIES | DECRYPTS,
      false },
    { &signer, SP_ROLE_IDENTITY, SP_NOW, SP_STORED_USABLE, SIGNS | VERIFIES | DECRYPTS, false },
    { &recipient, SP_ROLE_IDENTITY, SP_NOW, SP_STORED_USABLE, ENCRYPTS | DECRYPTS, false },
    /* Old mail is verified and decrypted; nothing new is made. */
    { &both, SP_ROLE_IDENTITY, LATE, SP_STORED_EXPIRED, VERIFIES | DECRYPTS, false },
    { &both, SP_ROLE_IDENTITY, EARLY, SP_STORED_NOT_YET_VALID, DECRYPTS, false },
    { &nameless, SP_ROLE_IDENTITY, SP_NOW, SP_STORED_UNUSABLE, DECRYPTS, false },
    /* Unusable at any date, so its state is not "expired". */
    { &server, SP_ROLE_IDENTITY, LATE, SP_STORED_UNUSABLE, DECRYPTS, false },
    { &both, SP_ROLE_CONTACT, SP_NOW, SP_STORED_USABLE, ENCRYPTS | VERIFIES, false },
    { &signer, SP_ROLE_CONTACT, SP_NOW, SP_STORED_USABLE, VERIFIES, false },
    { &recipient, SP_ROLE_CONTACT, SP_NOW, SP_STORED_USABLE, ENCRYPTS, false },
    { &both, SP_ROLE_CONTACT, LATE, SP_STORED_EXPIRED, VERIFIES, false },
    { &both, SP_ROLE_CONTACT, EARLY, SP_STORED_NOT_YET_VALID, 0, false },
    { &server, SP_ROLE_CONTACT, SP_NOW, SP_STORED_UNUSABLE, 0, false },
    /* Without a role it counts as a contact. */
    { &both, SP_ROLE_NONE, SP_NOW, SP_STORED_USABLE, ENCRYPTS | VERIFIES, false },
    { &issuer, SP_ROLE_CA, SP_NOW, SP_STORED_USABLE, 0, true },
    { &issuer, SP_ROLE_CA, LATE, SP_STORED_EXPIRED, 0, false },
    { &issuer, SP_ROLE_CA, EARLY, SP_STORED_NOT_YET_VALID, 0, false },
    { &no_issuer, SP_ROLE_CA, SP_NOW, SP_STORED_UNUSABLE, 0, false },
};

START_TEST(stored_state)
{
    X509 *cert = sp_make_cert(rows[_i].recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct sp_stored_verdicts stored;

    ck_assert(sp_judge_stored(facts, rows[_i].role, rows[_i].at, settings, NULL, &stored));
    ck_assert_str_eq(sp_stored_state_name(stored.state), sp_stored_state_name(rows[_i].state));
    ck_assert_uint_eq(stored.uses, rows[_i].uses);
    ck_assert_int_eq(stored.vouches, rows[_i].vouches);
    sp_stored_verdicts_clear(&stored);
    for (int use = 0; use < SP_USE_COUNT; use++)
        ck_assert_ptr_null(stored.verdicts[use]);
    smimepolicy_settings_free(settings);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* What is revoked, or not known, where it has to be. */
static const struct {
    const struct sp_recipe *recipe;
    enum sp_role role;
    enum sp_revocation_state revocation;
    time_t at;
    enum sp_stored_state state;
    unsigned uses;
    bool vouches;
} asked[] = {
    { &both, SP_ROLE_IDENTITY, SP_REVOCATION_REVOKED, SP_NOW, SP_STORED_REVOKED, DECRYPTS, false },
    { &both, SP_ROLE_IDENTITY, SP_REVOCATION_REVOKED, LATE, SP_STORED_REVOKED, DECRYPTS, false },
    /* It was not revoked then. */
    { &both, SP_ROLE_IDENTITY, SP_REVOCATION_REVOKED, SP_NOW - 1, SP_STORED_USABLE,
      SIGNS | ENCRYPTS | VERIFIES | DECRYPTS, false },
    { &server, SP_ROLE_IDENTITY, SP_REVOCATION_REVOKED, SP_NOW, SP_STORED_UNUSABLE, DECRYPTS,
      false },
    { &both, SP_ROLE_CONTACT, SP_REVOCATION_REVOKED, SP_NOW, SP_STORED_REVOKED, 0, false },
    { &both, SP_ROLE_CONTACT, SP_REVOCATION_UNKNOWN, SP_NOW, SP_STORED_UNUSABLE, 0, false },
    { &both, SP_ROLE_CONTACT, SP_REVOCATION_NONE, SP_NOW, SP_STORED_USABLE, ENCRYPTS | VERIFIES,
      false },
    { &issuer, SP_ROLE_CA, SP_REVOCATION_REVOKED, SP_NOW, SP_STORED_REVOKED, 0, false },
    { &issuer, SP_ROLE_CA, SP_REVOCATION_REVOKED, LATE, SP_STORED_REVOKED, 0, false },
    { &issuer, SP_ROLE_CA, SP_REVOCATION_UNKNOWN, SP_NOW, SP_STORED_USABLE, 0, true },
    { &issuer, SP_ROLE_INTERMEDIATE, SP_REVOCATION_REVOKED, SP_NOW, SP_STORED_REVOKED, 0, false },
    { &issuer, SP_ROLE_INTERMEDIATE, SP_REVOCATION_UNKNOWN, SP_NOW, SP_STORED_UNUSABLE, 0, false },
    { &issuer, SP_ROLE_INTERMEDIATE, SP_REVOCATION_NONE, SP_NOW, SP_STORED_USABLE, 0, false },
    { &issuer, SP_ROLE_INTERMEDIATE, SP_REVOCATION_NONE, LATE, SP_STORED_EXPIRED, 0, false },
};

START_TEST(revoked)
{
    static const char *const hard[] = { "revocation", "hard", NULL };
    const struct sp_revocation revocation = {
        .state = asked[_i].revocation, .at = SP_NOW, .reason = -1, .this_update = SP_NOW
    };
    X509 *root = sp_make_cert(&(struct sp_recipe){ .subject = "Root", .key = sp_test_ec() });
    struct sp_recipe recipe = *asked[_i].recipe;
    smimepolicy_settings *settings = sp_settings_of(hard);
    struct sp_stored_verdicts stored;
    struct sp_facts *facts;
    X509 *cert;

    recipe.issuer = root;
    cert = sp_make_cert(&recipe);
    facts = sp_facts_new(cert);
    ck_assert(sp_judge_stored(facts, asked[_i].role, asked[_i].at, settings, &revocation, &stored));
    ck_assert_str_eq(sp_stored_state_name(stored.state), sp_stored_state_name(asked[_i].state));
    ck_assert_uint_eq(stored.uses, asked[_i].uses);
    ck_assert_int_eq(stored.vouches, asked[_i].vouches);
    sp_stored_verdicts_clear(&stored);
    smimepolicy_settings_free(settings);
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(root);
}
END_TEST

/* The verdicts tell what makes it unusable, for every use of its role. */
START_TEST(verdicts)
{
    X509 *cert = sp_make_cert(&server);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct sp_stored_verdicts stored;

    ck_assert(sp_judge_stored(facts, SP_ROLE_CONTACT, SP_NOW, settings, NULL, &stored));
    ck_assert_ptr_null(stored.verdicts[SMIMEPOLICY_SIGN]);
    ck_assert_ptr_null(stored.verdicts[SMIMEPOLICY_DECRYPT]);
    ck_assert_ptr_nonnull(sp_find(stored.verdicts[SMIMEPOLICY_ENCRYPT], "extended-key-usage"));
    ck_assert_ptr_nonnull(sp_find(stored.verdicts[SMIMEPOLICY_VERIFY], "signer-certificate"));
    sp_stored_verdicts_clear(&stored);
    smimepolicy_settings_free(settings);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

START_TEST(names)
{
    static const char *const known[] = { "usable", "expired", "not-yet-valid", "unusable",
                                         "revoked" };
    enum sp_stored_state state;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        ck_assert(sp_stored_state_named(known[i], &state));
        ck_assert_str_eq(sp_stored_state_name(state), known[i]);
    }
    ck_assert(!sp_stored_state_named("Usable", &state));
    ck_assert(!sp_stored_state_named("", &state));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stored state");
    TCase *tests = tcase_create("stored state");

    tcase_add_loop_test(tests, stored_state, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, revoked, 0, SP_ROWS(asked));
    tcase_add_test(tests, verdicts);
    tcase_add_test(tests, names);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
