/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bob.h"

#include <stdio.h>

#include "base/text.h"

#define DAY ((time_t)24 * 60 * 60)

/* By their serial numbers. */
static const struct sp_recipe recipes[] = {
    { .serial = 1 },
    { .serial = 2, .not_after = "20250731142028Z" },
    { .serial = 3, .not_after = "20231130000000Z" },
    { .serial = 4, .not_after = "20260731142028Z", .usage = "digitalSignature" },
    { .serial = 5, .san = "email:rob@example.org" },
};

struct sp_bob bob;

void sp_bob_set_up(void)
{
    bob.place = sp_make_place();
    bob.keyring = sp_must_open(bob.place, SP_KEYRING_WRITE);
    bob.settings = smimepolicy_settings_new();
}

void sp_bob_tear_down(void)
{
    smimepolicy_settings_free(bob.settings);
    sp_keyring_close(bob.keyring);
    sp_remove_place(bob.place);
}

static void store(struct sp_recipe recipe, bool own, time_t uploaded)
{
    X509 *cert;
    char *sql;

    /* A certificate with the key of an identity would become one. */
    recipe.key = own ? sp_test_ec() : sp_test_rsa();
    recipe.san = recipe.san == NULL ? "email:" BOB : recipe.san;
    recipe.usage =
        recipe.usage == NULL ? "digitalSignature,keyEncipherment,keyAgreement" : recipe.usage;
    cert = sp_make_cert(&recipe);
    sp_store(bob.keyring, cert, own ? SP_ROLE_IDENTITY : SP_ROLE_CONTACT);
    sql = sp_format("UPDATE certificate SET uploaded = %lld WHERE id = (SELECT max(id) FROM "
                    "certificate)",
                    (long long)uploaded);
    sp_run_sql(bob.place, SP_CERTIFICATES, sql);
    OPENSSL_free(sql);
    X509_free(cert);
}

void sp_bob_store(const char *stored)
{
    int number, days, used;
    char role;

    for (; sscanf(stored, "%d%c%d%n", &number, &role, &days, &used) == 3; stored += used)
        store(recipes[number - 1], role == 'i', SP_NOW - days * DAY);
}

struct sp_choice sp_bob_choose(smimepolicy_use use)
{
    struct sp_choice choice;
    char *why;

    ck_assert(sp_choice_find(&choice, bob.keyring, BOB, use, &why));
    ck_assert(sp_choice_rank(&choice, NULL, SP_NOW, bob.settings, &why));
    ck_assert_ptr_null(why);
    return choice;
}
