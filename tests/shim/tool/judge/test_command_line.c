/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the rules say of a command line before stock runs.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "capture.h"
#include "common/shim.h"
#include "keyrings.h"
#include "outcomes.h"
#include "tool/judge/judge.h"
#include "tool/run/ciphers.h"

#define LATER "20990731142028Z"
#define BOTH  "digitalSignature,keyEncipherment"
#define BOB   "email:bob@example.org"
#define CA    "critical,CA:TRUE"

/* In files of these names, in the current directory. */
static const struct {
    const char *name;
    struct sp_recipe recipe;
} made[] = {
    { "good", { .serial = 1, .san = BOB, .usage = BOTH, .not_after = LATER } },
    { "expired", { .serial = 2, .san = BOB, .usage = BOTH } },
    { "signs", { .serial = 3, .san = BOB, .usage = "digitalSignature", .not_after = LATER } },
    { "encrypts", { .serial = 4, .san = BOB, .usage = "keyEncipherment", .not_after = LATER } },
    { "ca", { .serial = 5, .subject = "CA", .basic = CA, .not_after = LATER } },
    { "oldca", { .serial = 6, .subject = "CA", .basic = CA } },
};

static char *place;
static smimepolicy_settings *settings;

static void set_up(void)
{
    static const char *const pairs[] = { "validity_too_long", "ignore", "weak_digest", "deny",
                                         "weak_cipher",       "deny",   NULL };
    X509 *ca = sp_make_cert(&made[4].recipe);

    place = sp_make_place();
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(chdir(place), 0);
    place[strlen(place)] = '/';
    for (int i = 0; i < SP_ROWS(made); i++) {
        struct sp_recipe recipe = made[i].recipe;
        FILE *file = fopen(made[i].name, "w");
        X509 *cert;

        recipe.issuer = recipe.basic == NULL ? ca : NULL;
        recipe.issuer_key = sp_test_rsa();
        cert = sp_make_cert(&recipe);
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(PEM_write_X509(file, cert), 1);
        fclose(file);
        X509_free(cert);
    }
    X509_free(ca);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    settings = sp_settings_of(pairs);
}

static void tear_down(void)
{
    smimepolicy_settings_free(settings);
    ck_assert_int_eq(chdir("/"), 0);
    sp_remove_place(place);
}

#define VERB     &shim_manner_verb
#define STOCK    &shim_manner_stock
#define REQUIRED "-:deny:certificate-required"
#define NO_FILE  "cannot read a certificate from none: No such file or directory"

/* Under a verb, or a stock name: what the rules say, the code, and what is said beside. */
static const struct {
    const struct shim_manner *manner;
    const char *words[10];
    const char *told;
    int code;
    const char *said;
} rows[] = {
    { VERB, { "-sign", "-signer", "good" }, "1 -", SHIM_OK, NULL },
    { VERB, { "-sign", "-signer", "signs" }, "3 -", SHIM_OK, NULL },
    { VERB, { "-sign", "-signer", "expired" }, "2:deny:expired -", SHIM_REFUSED, NULL },
    { STOCK, { "-sign", "-signer", "expired" }, "2:deny:expired -", SHIM_REFUSED, NULL },
    { VERB, { "-sign", "-signer", "encrypts" }, "4:deny:usage-sign -", SHIM_REFUSED, NULL },
    { VERB, { "-resign", "-signer", "encrypts" }, "4:deny:usage-sign -", SHIM_REFUSED, NULL },
    { VERB,
      { "-sign", "-signer", "good", "-signer", "expired" },
      "1 2:deny:expired -",
      SHIM_REFUSED,
      NULL },
    { VERB,
      { "-sign", "-signer", "good", "-md", "sha1" },
      "1 -:deny:weak-digest",
      SHIM_REFUSED,
      NULL },
    { VERB, { "-sign" }, REQUIRED " -", SHIM_REFUSED, NULL },
    { STOCK, { "-sign" }, REQUIRED " -", SHIM_REFUSED, NULL },

    /* What cannot be read is a mistake, under a stock name stock's to tell; a pipe is left to it.
     */
    { VERB, { "-sign", "-signer", "none" }, "-", SHIM_INPUT, NO_FILE },
    { STOCK, { "-sign", "-signer", "none" }, "-", SHIM_OK, NULL },
    { VERB, { "-sign", "-signer", "pipe" }, "-", SHIM_OK, NULL },
    { VERB, { "-sign", "-signer", "smimepolicy:cert/00" }, "-", SHIM_OK, NULL },
    { VERB,
      { "-sign", "-signer", "good", "-passin", "env:SP_NONE" },
      "",
      SHIM_INPUT,
      "cannot read the passphrase from env:SP_NONE" },
    { VERB,
      { "-encrypt", "good", "none" },
      "- 1",
      SHIM_INPUT,
      "give one in PEM, DER or PKCS#12; -in names the message" },

    /* What goes along is judged, as nobody asks later. */
    { VERB, { "-sign", "-signer", "good", "-certfile", "ca" }, "1 - 5", SHIM_OK, NULL },
    { STOCK,
      { "-sign", "-signer", "good", "-certfile", "oldca" },
      "1 - 6:deny:expired",
      SHIM_REFUSED,
      NULL },
    { VERB,
      { "-sign", "-signer", "good", "-certfile", "expired" },
      "1 - 2:warn:expired",
      SHIM_OK,
      NULL },
    { VERB,
      { "-sign", "-signer", "pipe", "-certfile", "expired" },
      "- 2:deny:expired",
      SHIM_REFUSED,
      NULL },
    { STOCK,
      { "-sign", "-signer", "good", "-certfile", "none" },
      "1 -",
      SHIM_INPUT,
      "cannot read a certificate from -certfile none: No such file" },
    { STOCK,
      { "-sign", "-signer", "good", "-certfile", "pipe" },
      "1 - " REQUIRED,
      SHIM_REFUSED,
      NULL },

    /* A verb compares the sender that it writes into the header. */
    { VERB,
      { "-sign", "-signer", "good", "-from", "eve@example.org" },
      "1 - 1:warn:sender-match",
      SHIM_OK,
      NULL },
    { STOCK, { "-sign", "-signer", "good", "-from", "eve@example.org" }, "1 -", SHIM_OK, NULL },

    { VERB, { "-encrypt", "good", "-recip", "encrypts" }, "- 4 1", SHIM_OK, NULL },
    { VERB, { "-encrypt", "signs" }, "- 3:deny:usage-encrypt", SHIM_REFUSED, NULL },
    { VERB, { "-encrypt", "good", "expired" }, "- 1 2:deny:expired", SHIM_REFUSED, NULL },
    { VERB, { "-encrypt" }, "- " REQUIRED, SHIM_REFUSED, NULL },
    { VERB, { "-encrypt", "-pwri_password", "x", "good" }, "- 1 " REQUIRED, SHIM_REFUSED, NULL },
    { VERB, { "-encrypt", "-secretkey", "00" }, "- " REQUIRED, SHIM_REFUSED, NULL },
    { STOCK, { "-encrypt", "-aes128", "good" }, "- 1", SHIM_OK, NULL },
    { STOCK, { "-encrypt", "-des3", "good" }, "-:deny:weak-cipher 1", SHIM_REFUSED, NULL },
    { VERB, { "-encrypt", "-des3-wrap", "good" }, "- -:deny:weak-cipher 1", SHIM_REFUSED, NULL },
    { VERB, { "-encrypt", "-wrap", "no-such-cipher", "good" }, "- 1", SHIM_OK, NULL },
    { STOCK, { "-EncryptedData_encrypt" }, REQUIRED, SHIM_REFUSED, NULL },

    { VERB, { "-decrypt", "-recip", "expired" }, "2:note:decrypt-expired", SHIM_OK, NULL },
    { VERB, { "-verify", "-signer", "expired" }, "", SHIM_OK, NULL },
    { STOCK, { "-in", "x" }, "", SHIM_OK, NULL },
    { STOCK, { "-sign", "-help" }, "", SHIM_OK, NULL },
};

/* One run, up to the verdict. */
static int judge(const char *const *words, const struct shim_manner *manner,
                 struct shim_outcome *outcome, struct shim_operation *operation)
{
    struct shim shim = { .settings = settings };
    char *copies[11] = { NULL };
    struct shim_request request;
    struct shim_args args;
    int code;

    memcpy(copies, words, 10 * sizeof(*words));
    ck_assert_int_eq(shim_request_parse(manner == VERB ? SHIM_VERB : SHIM_CMS, copies,
                                        shim_cipher_is_known, &args, &request),
                     SHIM_OK);
    *operation = (struct shim_operation){
        .shim = &shim, .api = SHIM_CMS, .manner = manner, .args = &args, .request = &request
    };
    shim_selection_init(&operation->selection);
    code = shim_judge_request(operation, outcome);
    shim_request_clear(&request);
    shim_args_free(&args);
    return code;
}

START_TEST(a_command_line_is_judged)
{
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_operation operation;
    int code;

    unsetenv("SP_NONE");
    sp_capture_begin(STDERR_FILENO);
    code = judge(rows[_i].words, rows[_i].manner, &outcome, &operation);
    sp_expect_captured(STDERR_FILENO, rows[_i].said);
    sp_expect_outcome(&outcome, rows[_i].told);
    ck_assert_int_eq(code, rows[_i].code);
    shim_selection_clear(&operation.selection);
    shim_outcome_clear(&outcome);
}
END_TEST

/* A denial stops nothing where it is only observed; the verbs say that. */
START_TEST(what_is_observed_goes_on)
{
    const char *const words[10] = { "-sign", "-signer", "expired" };
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_operation operation;

    ck_assert_int_eq(smimepolicy_settings_set(settings, "mode", "observe", NULL), 1);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(judge(words, _i == 1 ? STOCK : VERB, &outcome, &operation), SHIM_OK);
    sp_expect_captured(STDERR_FILENO, _i == 1 ? NULL : "going ahead all the same: mode = observe");
    ck_assert(outcome.denied);
    shim_selection_clear(&operation.selection);
    shim_outcome_clear(&outcome);
}
END_TEST

/* The very certificates that were judged go along: each once, and the signer's by itself. */
static const struct {
    const char *words[10];
    const char *along; /* which files they are, or NULL: nothing goes along */
} sent[] = {
    { { "-sign", "-signer", "good", "-certfile", "ca" }, "ca" },
    { { "-sign", "-signer", "good", "-certfile", "good" }, NULL },
    { { "-sign", "-signer", "good", "-nocerts", "-certfile", "good" }, "good" },
};

START_TEST(what_was_judged_goes_along)
{
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_operation operation;
    struct shim_selection *selection = &operation.selection;

    ck_assert_int_eq(judge(sent[_i].words, STOCK, &outcome, &operation), SHIM_OK);
    ck_assert_int_eq(selection->nothing_along, sent[_i].along == NULL);
    ck_assert_int_eq(selection->issuers_path == NULL, sent[_i].along == NULL);
    if (sent[_i].along != NULL) {
        FILE *along = fopen(selection->issuers_path, "r"), *named = fopen(sent[_i].along, "r");
        X509 *cert = PEM_read_X509_AUX(along, NULL, NULL, NULL);
        X509 *wanted = PEM_read_X509(named, NULL, NULL, NULL);

        ck_assert_int_eq(X509_cmp(cert, wanted), 0);
        ck_assert_ptr_null(PEM_read_X509_AUX(along, NULL, NULL, NULL));
        X509_free(cert);
        X509_free(wanted);
        fclose(along);
        fclose(named);
    }
    shim_selection_clear(selection);
    shim_outcome_clear(&outcome);
}
END_TEST

/* Nobody vouched for the sender, and stock failed. */
START_TEST(a_stranger_is_distrusted)
{
    static const struct {
        struct shim_stock_result result;
        const char *told;
    } ends[] = {
        { { .code = 4, .distrusted = true }, "-:deny:distrust-default" },
        { { .code = 0, .distrusted = true }, "" },
        { { .code = 4 }, "" },
    };
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };

    shim_judge_trust(&ends[_i].result, &outcome);
    sp_expect_outcome(&outcome, ends[_i].told);
    shim_outcome_clear(&outcome);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command_line");
    TCase *tests = tcase_create("command_line");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_command_line_is_judged, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, what_is_observed_goes_on, 0, 2);
    tcase_add_loop_test(tests, what_was_judged_goes_along, 0, SP_ROWS(sent));
    tcase_add_loop_test(tests, a_stranger_is_distrusted, 0, 3);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
