/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of each certificate: only what the settings and the command need.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyring_of_test.h"
#include "register/state.h"

#define LOG     "decision_log = /dev/null\n"
#define CHECKED "unverified_signers = refuse\n"
#define PATH    "signer_path = refuse\n"

static const struct {
    const char *settings;
    bool keyring;
    const char *use; /* of the command that started this program; NULL: there is none */
    bool digests, lineage, kinship;
} rows[] = {
    { "", false, NULL, false, false, false },
    { LOG, false, NULL, true, true, true },
    { CHECKED, false, NULL, true, false, false },
    { PATH, false, NULL, false, true, true },
    { "", true, NULL, false, true, true },
    { "revocation = off\n", true, NULL, false, false, true },
    { "revocation = hard\n", false, NULL, false, false, true },
    { "", false, "sign", true, false, false },
    { PATH, false, "sign", true, true, true },
    { PATH, false, "encrypt", true, false, false },
    { "", true, "sign", true, true, true },
    { "", true, "encrypt", true, true, true },
    { "", true, "verify", true, false, true },
    { "revocation = off\n", true, "encrypt", true, false, true },
};

START_TEST(kept)
{
    char report[200] = "", *settings;
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    if (rows[_i].use != NULL)
        (void)snprintf(report, sizeof(report),
                       "report = %d\nreport_nonce = 0123456789abcdef0123456789abcdef\n"
                       "report_use = %s\n",
                       ends[1], rows[_i].use);
    ck_assert_int_gt(asprintf(&settings, "%s%s", report, rows[_i].settings), -1);
    if (rows[_i].keyring)
        sp_start_with_keyring(settings);
    else
        sp_start(settings);
    ck_assert(sp_register_has_digests() == rows[_i].digests);
    ck_assert(sp_register_keeps_lineage() == rows[_i].lineage);
    ck_assert(sp_register_keeps_kinship() == rows[_i].kinship);
    free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kept");
    TCase *tests = sp_case(suite, "kept");

    tcase_add_loop_test(tests, kept, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
