/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options that would take the policy out of the way.
 */
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "common/shim.h"
#include "stock/refused_options.h"
#include "tool/run/ciphers.h"
#include "verdicts.h"

/* Under the verb or stock name; NULL: nothing is refused. */
static const struct {
    enum shim_api api;
    const char *words[10];
    const char *said;
} rows[] = {
    { SHIM_VERB, { "-in", "x", "-out", "y", "-nosmimecap" }, NULL },
    { SHIM_VERB,
      { "-engine", "x" },
      "refused: it: -engine would take the operation out of the "
      "policy's hands; give the key in a file\n" },
    { SHIM_CMS, { "-provider=default" }, "set `backend` in the policy file" },
    { SHIM_CMS, { "-provider-path", "x" }, "set `backend` in the policy file" },
    { SHIM_CMS, { "-propquery", "x" }, "all algorithms come through the policy provider" },
    { SHIM_CMS, { "-config", "x" }, "put settings into the policy file" },
    { SHIM_CMS, { "-no_check_time" }, "-no_check_time would switch a check off" },
    { SHIM_CMS, { "-purpose", "any" }, "the signer is judged for S/MIME" },
    { SHIM_CMS, { "-verify_name=default" }, "the signer is judged for S/MIME" },
    { SHIM_CMS, { "-nosigs" }, "a signature that does not verify is none" },
    { SHIM_CMS, { "-no_signer_cert_verify" }, "with -CAfile" },
    { SHIM_SMIME, { "-nochain" }, "with -CAfile, intermediates with -certfile" },
    { SHIM_CMS, { "-in", "x", "-nosigs", "-ignore_critical" }, "-ignore_critical would" },

    /* Mailers extract the signer of a stranger's mail with it. */
    { SHIM_VERB,
      { "-noverify" },
      "-noverify would switch a check off; name the sender's issuing CA" },
    { SHIM_CMS, { "-noverify" }, NULL },
    { SHIM_SMIME, { "-noverify" }, NULL },

    /* A key of an engine, by whichever option it is named. */
    { SHIM_CMS, { "-keyform", "ENGINE" }, "-keyform would take the operation out of" },
    { SHIM_CMS, { "-keyform", "e" }, "-keyform would take the operation out of" },
    { SHIM_CMS, { "-keyform", "PEM" }, NULL },
    { SHIM_CMS, { "-inkey", "org.openssl.engine:x:y" }, "-inkey would take the operation" },
    { SHIM_CMS, { "-inkey=ORG.OpenSSL.engine:x" }, "give the key in a file" },
    { SHIM_CMS, { "-signer", "org.openssl.engine:x" }, "-signer would take the operation" },
    { SHIM_CMS, { "-inkey", "org.openssl.engines" }, NULL },
    { SHIM_CMS, { "-inkey", "engine" }, NULL },
};

START_TEST(are_refused)
{
    struct shim_args args;
    char *words[10];

    memcpy(words, rows[_i].words, sizeof(words));
    ck_assert_int_eq(shim_args_parse(rows[_i].api, words, shim_cipher_is_known, &args), SHIM_OK);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(
        shim_has_refused_option(&args, "it",
                                rows[_i].api == SHIM_VERB ? &shim_manner_verb : &shim_manner_stock),
        rows[_i].said != NULL);
    sp_expect_captured(STDERR_FILENO, rows[_i].said);
    shim_args_free(&args);
}
END_TEST

/* Each that takes the operation away, or a check, has a way out of its own or the general one. */
START_TEST(every_one_of_the_table_is_refused)
{
    const struct shim_option *option;
    unsigned refused = 0;

    for (size_t i = 0; (option = shim_option_at(i)) != NULL; i++) {
        struct shim_given given = { option, option->name, option->takes_value ? "x" : NULL };
        struct shim_args args = { .given = &given, .count = 1 };

        if (option->role != ROLE_FOREIGN && option->role != ROLE_UNCHECKED)
            continue;
        sp_capture_begin(STDERR_FILENO);
        ck_assert_msg(shim_has_refused_option(&args, "it", &shim_manner_stock), "-%s",
                      option->name);
        sp_expect_captured(STDERR_FILENO, option->name);
        refused++;
    }
    ck_assert_uint_gt(refused, 12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("refused_options");
    TCase *tests = tcase_create("refused_options");

    tcase_add_loop_test(tests, are_refused, 0, SP_ROWS(rows));
    tcase_add_test(tests, every_one_of_the_table_is_refused);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
