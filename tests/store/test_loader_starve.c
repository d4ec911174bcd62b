/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once while a URI is loaded: all of it is given, or it fails with
 * a reason, and nothing is lost.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "keyring/forks.h"
#include "keyring_of_test.h"
#include "keyrings.h"
#include "log/report.h"
#include "reporting.h"
#include "starve.h"
#include "store/loader.h"

static struct {
    OSSL_FUNC_store_open_fn *open;
    OSSL_FUNC_store_load_fn *load;
    OSSL_FUNC_store_eof_fn *eof;
    OSSL_FUNC_store_close_fn *close;
} calls;

#define LATER "20991231235959Z"
#define NONCE "0123456789abcdef0123456789abcdef"

static void *provctx;

static void (*find(int id))(void)
{
    const OSSL_DISPATCH *function = sp_store_loader.implementation;

    while (function->function_id != id)
        function++;
    return function->function;
}

static int note(const OSSL_PARAM params[], void *arg)
{
    const OSSL_PARAM *type = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_TYPE);
    char *given = arg;
    int kind = 0;

    ck_assert_int_eq(OSSL_PARAM_get_int(type, &kind), 1);
    given[strlen(given)] = kind == OSSL_OBJECT_CERT ? 'C' : 'K';
    return 1;
}

/* What |uri| gives, in letters, and "!" if it failed. */
static void load(const char *uri, char given[16])
{
    void *loader = calls.open(provctx, uri);
    bool going = loader != NULL;

    memset(given, 0, 16);
    while (going)
        going = calls.load(loader, note, given, NULL, NULL) == 1;
    if (loader == NULL || calls.eof(loader) == 0)
        given[strlen(given)] = '!';
    ck_assert_int_eq(calls.close(loader), 1);
}

/* Store Bob as an identity, his issuer and its root; |uri| gets the URI of his certificate. */
static void put_chain(char *uri, size_t size)
{
    X509 *root = sp_make_cert(&(struct sp_recipe){
        .subject = "Root", .basic = "CA:TRUE", .not_after = LATER, .key = sp_test_ec() });
    X509 *issuer = sp_make_cert(&(struct sp_recipe){ .subject = "Issuer",
                                                     .basic = "CA:TRUE",
                                                     .not_after = LATER,
                                                     .key = sp_test_ec(),
                                                     .issuer = root });
    X509 *bob = sp_make_cert(&(struct sp_recipe){ .not_after = LATER,
                                                  .san = "email:bob@example.org",
                                                  .usage = "digitalSignature",
                                                  .issuer = issuer });
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT];

    sp_fingerprint(bob, fingerprint);
    sp_fingerprint_text(fingerprint, text);
    (void)snprintf(uri, size, "smimepolicy:cert/%s", text);
    sp_put_cert(SP_ROLE_IDENTITY, bob, sp_test_rsa(), NULL);
    sp_put_cert(SP_ROLE_CA, issuer, NULL, NULL);
    sp_put_cert(SP_ROLE_CA, root, NULL, NULL);
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    X509_free(bob);
    X509_free(issuer);
    X509_free(root);
}

/* The pipe of the report, and the end that it is read from. */
static int ends[2];

enum { OF_THE_SETTING, OF_THE_USER };

static void start(int keyring, const char *settings)
{
    OSSL_PROVIDER *provider;

    ck_assert(sp_starve_watch());
    ck_assert(pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    if (keyring == OF_THE_USER) {
        ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", sp_keyring_of_test(), 1), 0);
        sp_start(settings);
    } else {
        sp_start_with_keyring(settings);
    }
    provider = OSSL_PROVIDER_load(NULL, "smimepolicy");
    ck_assert_ptr_nonnull(provider);
    provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    /* The configuration keeps it loaded. */
    OSSL_PROVIDER_unload(provider);
    calls.open = (OSSL_FUNC_store_open_fn *)find(OSSL_FUNC_STORE_OPEN);
    calls.load = (OSSL_FUNC_store_load_fn *)find(OSSL_FUNC_STORE_LOAD);
    calls.eof = (OSSL_FUNC_store_eof_fn *)find(OSSL_FUNC_STORE_EOF);
    calls.close = (OSSL_FUNC_store_close_fn *)find(OSSL_FUNC_STORE_CLOSE);
}

static const struct {
    const char *uri; /* NULL: that of the certificate */
    const char *given;
    int keyring;
    const char *settings;
    bool reports;
} rows[] = {
    { "smimepolicy:identity/bob@example.org", "CK", OF_THE_SETTING, "", false },
    { "smimepolicy:contact/bob@example.org", "CCC", OF_THE_SETTING, "", false },
    { "smimepolicy:issuers/bob@example.org", "C", OF_THE_SETTING, "", false },
    { "smimepolicy:chain/bob@example.org", "CC", OF_THE_SETTING, "", false },
    { "smimepolicy:trust", "CCCCC", OF_THE_SETTING, "", false },
    { "smimepolicy:trust", "CCCCC", OF_THE_USER, "", false },
    { NULL, "CK", OF_THE_SETTING, "", false },
    { "smimepolicy:contact/bob@example.org", "C", OF_THE_SETTING, "", true },
    { "smimepolicy:chain/bob@example.org", "CC", OF_THE_SETTING, "", true },
};

/*
 * Load |uri| while one allocation fails, with a report if |reports|: what is given was reported,
 * or the report has failed.
 */
static void load_and_report(const char *uri, bool reports, long fails, char given[16],
                            bool *starved)
{
    static const char *const kinds[] = { "chosen encrypt ", "key encrypt ",
                                         "passed-over encrypt " };
    /* Bob has three. */
    static const int numbers[] = { 1, 1, 2 };
    char text[4000] = "";

    if (reports)
        sp_report_open(ends[1], NONCE);
    sp_starve(fails);
    load(uri, given);
    *starved = sp_starve_end();
    if (!reports)
        return;
    ck_assert(read(ends[0], text, sizeof(text) - 1) > 0 || sp_report_failed());
    for (int i = 0; i < SP_ROWS(kinds) && strchr(given, '!') == NULL && !sp_report_failed() &&
                    strstr(uri, "contact") != NULL;
         i++)
        ck_assert_msg(sp_count_lines(text, kinds[i], "") == numbers[i], "%s", text);
    sp_report_close();
}

/* Only a part was given, and it is said that memory ran out. */
static void expect_failure(const char *uri, const char *given, const char *expected, long fails)
{
    const size_t got = strlen(given) - 1;
    const char *errors = sp_errors();

    ck_assert_msg(given[got] == '!' && strncmp(given, expected, got) == 0 &&
                      strstr(errors, "out of memory") != NULL,
                  "%s: %s when %ld fails: %s", uri, given, fails, errors);
}

START_TEST(every_allocation_fails_once)
{
    char of_cert[100], given[16];
    const char *uri = rows[_i].uri != NULL ? rows[_i].uri : of_cert;
    bool starved;
    long fails = 0, kept;

    start(rows[_i].keyring, rows[_i].settings);
    put_chain(of_cert, sizeof(of_cert));
    /* Until as much is kept as will be: libcrypto keeps memory for some errors. */
    for (int i = 0; i < 20; i++) {
        load("smimepolicy:", given);
        load_and_report(uri, rows[_i].reports, 0, given, &starved);
        sp_keyring_keep_none();
        ck_assert_str_eq(given, rows[_i].given);
    }
    ck_assert_str_ne(sp_errors(), "");
    kept = sp_starve_kept();
    do {
        load_and_report(uri, rows[_i].reports, ++fails, given, &starved);
        if (strcmp(given, rows[_i].given) != 0) {
            ck_assert_msg(starved, "%s: %s", uri, given);
            expect_failure(uri, given, rows[_i].given, fails);
        }
        sp_keyring_keep_none();
        (void)sp_errors();
    } while (starved);
    /* Less than a block each time. */
    ck_assert_int_le(sp_starve_kept(), kept + 16);
    ck_assert_int_gt(fails, 20);
}
END_TEST

/* A keyring that its hub was never in touch with vouches for nothing, with all the memory or less.
 */
START_TEST(stale)
{
    char of_cert[100], given[16];
    const char *errors;
    long fails = 0;
    bool starved;

    start(OF_THE_SETTING, "hub = postgresql:///none\n");
    put_chain(of_cert, sizeof(of_cert));
    do {
        sp_starve(++fails);
        load("smimepolicy:trust", given);
        starved = sp_starve_end();
        ck_assert_str_eq(given, "!");
        errors = sp_errors();
        ck_assert_msg((starved && strstr(errors, "out of memory") != NULL) ||
                          strstr(errors, "[keyring-stale]") != NULL,
                      "when %ld fails: %s", fails, errors);
    } while (starved);
    ck_assert_int_gt(fails, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory of the loader");
    TCase *tests = sp_case(suite, "memory");

    tcase_add_loop_test(tests, every_allocation_fails_once, 0, SP_ROWS(rows));
    tcase_add_test(tests, stale);
    return sp_run_forked(suite);
}
