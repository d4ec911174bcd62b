/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stock is given of our environment.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "starve.h"
#include "stock/environment.h"
#include "verdicts.h"

static char *ours[] = { "PATH=/bin",
                        "HOME=/h",
                        "LC_ALL=C",
                        "LANG=de",
                        "OPENSSL_CONF=/evil",
                        "LD_PRELOAD=x",
                        "OPENSSL_MODULES=/evil",
                        "PATHS=x",
                        "SECRET=s",
                        "SSL_CERT_FILE=/x",
                        NULL };

/* What stock is given, in its order. */
static const struct {
    struct shim_stock stock;
    const char *given;
} environments[] = {
    { { .conf = "/c" }, "OPENSSL_CONF=/c PATH=/bin HOME=/h LC_ALL=C LANG=de" },
    { { .conf = "/c", .expect = "e", .pass = "p" },
      "OPENSSL_CONF=/c SMIME_POLICY_EXPECT=e SMIME_POLICY_PASSIN=p PATH=/bin HOME=/h LC_ALL=C "
      "LANG=de" },
    { { .conf = "/c", .as_is = true },
      "OPENSSL_CONF=/c PATH=/bin HOME=/h LC_ALL=C LANG=de LD_PRELOAD=x OPENSSL_MODULES=/evil "
      "PATHS=x SECRET=s SSL_CERT_FILE=/x" },
    { { .as_is = false }, "PATH=/bin HOME=/h LC_ALL=C LANG=de" },
};

START_TEST(the_environment_is_a_list_of_what_is_passed)
{
    char **before = environ;
    char given[400] = "";
    char **environment;

    environ = ours;
    environment = shim_environment(&environments[_i].stock);
    environ = before;
    ck_assert_ptr_nonnull(environment);
    for (char **entry = environment; *entry != NULL; entry++) {
        strcat(given, entry == environment ? "" : " ");
        strcat(given, *entry);
    }
    ck_assert_str_eq(given, environments[_i].given);
    shim_environment_free(environment);
}
END_TEST

/* It is whole, or there is none, and no memory is lost. */
START_TEST(no_memory_for_the_environment)
{
    const struct shim_stock stock = { .conf = "/c", .expect = "e", .pass = "p" };
    bool starved = true;

    for (long number = 1; starved; number++) {
        const long kept = sp_starve_kept();
        char **before = environ, **environment;

        environ = ours;
        sp_starve(number);
        environment = shim_environment(&stock);
        starved = sp_starve_end();
        environ = before;
        ck_assert_int_eq(environment == NULL, starved);
        shim_environment_free(environment);
        ck_assert_int_eq(sp_starve_kept(), kept);
    }
}
END_TEST

START_TEST(the_variable_of_a_passphrase)
{
    ck_assert_int_eq(setenv("SP_PASS", "secret", 1), 0);
    unsetenv("SP_NONE");
    ck_assert_str_eq(shim_environment_pass("env:SP_PASS"), "secret");
    ck_assert_ptr_null(shim_environment_pass("env:SP_NONE"));
    ck_assert_ptr_null(shim_environment_pass("pass:SP_PASS"));
    ck_assert_ptr_null(shim_environment_pass("ENV:SP_PASS"));
    ck_assert_ptr_null(shim_environment_pass(NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("environment");
    TCase *tests = tcase_create("environment");

    if (!sp_starve_watch())
        return 1;
    tcase_add_loop_test(tests, the_environment_is_a_list_of_what_is_passed, 0,
                        SP_ROWS(environments));
    tcase_add_test(tests, no_memory_for_the_environment);
    tcase_add_test(tests, the_variable_of_a_passphrase);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
