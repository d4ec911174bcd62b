/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the keyring is, what its CAs vouch for, and which of them issued a certificate.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "capture.h"
#include "keyrings.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"

/* The setting, the option and the environment; what comes of them. */
static const struct {
    const char *setting, *option;
    const char *variable, *data, *home;
    int code;
    const char *path;
    const char *said;
} places[] = {
    { "/set", NULL, "/var", "/data", "/home", SHIM_OK, "/set", NULL },
    { "/set", "/set", NULL, NULL, NULL, SHIM_OK, "/set", NULL },
    { "/set", "/opt", NULL, NULL, NULL, SHIM_USAGE, NULL,
      "--keyring /opt: the policy file sets keyring = /set, which stands" },
    { NULL, "/opt", "/var", "/data", "/home", SHIM_OK, "/opt", NULL },
    { NULL, "k", NULL, NULL, NULL, SHIM_OK, "/dev/k", NULL },
    { NULL, "", "/var", "/data", "/home", SHIM_OK, "/var", NULL },
    { NULL, NULL, "/var", "/data", "/home", SHIM_OK, "/var", NULL },
    { NULL, NULL, "", "/data", "/home", SHIM_OK, "/data/smime-policy", NULL },
    { NULL, NULL, NULL, "data", "/home", SHIM_OK, "/home/.local/share/smime-policy", NULL },
    { NULL, NULL, NULL, NULL, "/home", SHIM_OK, "/home/.local/share/smime-policy", NULL },
    { NULL, NULL, NULL, NULL, "home", SHIM_SYSTEM, NULL, "there is no place for a keyring" },
    { NULL, NULL, NULL, NULL, NULL, SHIM_SYSTEM, NULL, "there is no place for a keyring" },
    { NULL, "/a\nb", NULL, NULL, NULL, SHIM_INPUT, NULL, "; name another keyring" },
};

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(value == NULL ? unsetenv(name) : setenv(name, value, 1), 0);
}

START_TEST(it_is_found)
{
    struct shim shim = { .settings = smimepolicy_settings_new(), .keyring = places[_i].option };

    shim.settings->keyring = places[_i].setting == NULL ? NULL : OPENSSL_strdup(places[_i].setting);
    set("SMIME_POLICY_KEYRING", places[_i].variable);
    set("XDG_DATA_HOME", places[_i].data);
    set("HOME", places[_i].home);
    ck_assert_int_eq(chdir("/dev"), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_keyring_find(&shim), places[_i].code);
    sp_expect_captured(STDERR_FILENO, places[_i].said);
    if (places[_i].path == NULL)
        ck_assert_ptr_null(shim.keyring_path);
    else
        ck_assert_str_eq(shim.keyring_path, places[_i].path);
    OPENSSL_free(shim.keyring_path);
    smimepolicy_settings_free(shim.settings);
}
END_TEST

/* To change what is not there makes none. */
START_TEST(none_is_made_to_be_changed)
{
    char *place = sp_make_place();
    struct shim shim = { .settings = smimepolicy_settings_new(), .keyring = place };
    struct sp_keyring *keyring;
    struct stat is;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_keyring_change(&shim, SP_KEYRING_WRITE, &keyring), SHIM_SYSTEM);
    sp_expect_captured(STDERR_FILENO, "there is no keyring in");
    ck_assert_ptr_null(keyring);
    ck_assert_int_ne(stat(place, &is), 0);

    sp_keyring_close(sp_must_open(place, SP_KEYRING_WRITE));
    ck_assert_int_eq(shim_keyring_change(&shim, SP_KEYRING_WRITE, &keyring), SHIM_OK);
    sp_keyring_close(keyring);
    OPENSSL_free(shim.keyring_path);
    smimepolicy_settings_free(shim.settings);
    sp_remove_place(place);
}
END_TEST

#define CA "critical,CA:TRUE"

/* By the letters of the rows. */
static const struct {
    char letter;
    struct sp_recipe recipe;
    char issuer;
} made[] = {
    { 'R', { .serial = 1, .subject = "Root", .basic = CA }, 'R' },
    { 'I', { .serial = 2, .subject = "Issuer", .basic = CA }, 'R' },
    { 'i', { .serial = 3, .subject = "Issuer", .basic = CA, .not_after = SP_START }, 'R' },
    { 'L', { .serial = 4, .san = "email:bob@example.org" }, 'I' },
    { 'N', { .serial = 5, .subject = "Issuer" }, 'R' },
    { 'S', { .serial = 6, .subject = "Self", .san = "email:sue@example.org" }, 'S' },
};

/* What is stored as a CA, whose chain is asked for, and what it is. */
static const struct {
    const char *stored;
    char of;
    const char *chain; /* "": none */
    int fault;         /* of libcrypto, or X509_V_OK */
} chains[] = {
    { "", 'L', "", X509_V_OK },
    { "S", 'L', "", X509_V_OK },
    /* Each vouches by itself, without its root. */
    { "RI", 'L', "LI", X509_V_OK },
    { "I", 'L', "LI", X509_V_OK },
    /* Whatever the time. */
    { "i", 'L', "Li", X509_V_OK },
    { "R", 'L', "", X509_V_OK },
    { "R", 'I', "IR", X509_V_OK },
    { "N", 'L', "", X509_V_ERR_INVALID_CA },
    { "S", 'S', "S", X509_V_OK },
};

START_TEST(a_chain_leads_to_a_stored_ca)
{
    char *place = sp_make_place();
    struct sp_keyring *keyring = sp_must_open(place, SP_KEYRING_WRITE);
    X509 *certs['z'] = { NULL };
    struct shim_chain chain = { .certs = NULL };
    char letters[10] = "";

    for (int i = 0; i < SP_ROWS(made); i++) {
        struct sp_recipe recipe = made[i].recipe;

        recipe.issuer = certs[(int)made[i].issuer];
        recipe.key = recipe.issuer_key = sp_test_ec();
        certs[(int)made[i].letter] = sp_make_cert(&recipe);
    }
    for (const char *letter = chains[_i].stored; *letter != '\0'; letter++)
        sp_store(keyring, certs[(int)*letter], SP_ROLE_CA);
    ck_assert_int_eq(shim_keyring_chain(keyring, certs[(int)chains[_i].of], NULL, &chain), SHIM_OK);
    for (int i = 0; i < sk_X509_num(chain.certs); i++)
        for (int j = 0; j < SP_ROWS(made); j++)
            if (X509_cmp(sk_X509_value(chain.certs, i), certs[(int)made[j].letter]) == 0)
                letters[i] = made[j].letter;
    ck_assert_str_eq(letters, chains[_i].chain);
    ck_assert_int_eq(chain.count == 0 ? X509_V_OK : chain.faults[0].error, chains[_i].fault);
    shim_chain_clear(&chain);
    for (int i = 0; i < SP_ROWS(made); i++)
        X509_free(certs[(int)made[i].letter]);
    sp_keyring_close(keyring);
    sp_remove_place(place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring_at");
    TCase *tests = tcase_create("keyring_at");

    tcase_add_loop_test(tests, it_is_found, 0, SP_ROWS(places));
    tcase_add_test(tests, none_is_made_to_be_changed);
    tcase_add_loop_test(tests, a_chain_leads_to_a_stored_ca, 0, SP_ROWS(chains));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
