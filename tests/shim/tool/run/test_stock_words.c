/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words that stock is run with.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/text.h"
#include "capture.h"
#include "common/shim.h"
#include "tool/run/ciphers.h"
#include "keyrings.h"
#include "tool/run/key_options.h"
#include "tool/run/run.h"

static char *place;
static X509 *rsa, *ec, *pss;
static EVP_PKEY *pss_key;

/* Before the forks. */
static void make_key(void)
{
    pss_key = sp_make_rsa("RSA-PSS", 2048);
}

static void free_key(void)
{
    EVP_PKEY_free(pss_key);
}

static X509 *make_cert(const char *name, EVP_PKEY *key)
{
    X509 *cert = sp_make_contact(1, name, "email:bob@example.org", key);
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, cert), 1);
    fclose(file);
    return cert;
}

/* Certificates in files of the current directory: rsa, ec and pss. */
static void set_up(void)
{
    place = sp_make_place();
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(chdir(place), 0);
    place[strlen(place)] = '/';
    rsa = make_cert("rsa", sp_test_rsa());
    ec = make_cert("ec", sp_test_ec());
    pss = make_cert("pss", pss_key);
}

static void tear_down(void)
{
    X509_free(rsa);
    X509_free(ec);
    X509_free(pss);
    ck_assert_int_eq(chdir("/"), 0);
    sp_remove_place(place);
}

/* One run, to be read as a line of words. */
struct prepared {
    struct shim_args args;
    struct shim_request request;
    struct shim_operation operation;
    struct shim_run run;
    char *words[11]; /* of the command line */
};

/* The stock name |api| or the verb |verb|, which is "-sign" for `sign`, with |words|. */
static void prepare(struct prepared *made, enum shim_api api, const char *verb,
                    const char *const *words)
{
    static char module_dir[] = "/m";

    memcpy(made->words, words, 10 * sizeof(*words));
    made->words[10] = NULL;
    ck_assert_int_eq(shim_request_parse(verb != NULL ? SHIM_VERB : api, made->words,
                                        shim_cipher_is_known, &made->args, &made->request),
                     SHIM_OK);
    if (verb != NULL)
        made->request.operation = verb + 1;
    made->operation =
        (struct shim_operation){ .api = api,
                                 .manner = verb != NULL ? &shim_manner_verb : &shim_manner_stock,
                                 .verb = verb,
                                 .args = &made->args,
                                 .request = &made->request };
    made->run =
        (struct shim_run){ .operation = &made->operation,
                           .module_dir = module_dir,
                           .delivery = { .secrecy = shim_secrecy_of(&made->request), .sink = -1 } };
}

static void clear(struct prepared *made)
{
    for (size_t i = 0; i < made->run.delivery.output_count; i++)
        shim_output_end(&made->run.delivery.outputs[i]);
    if (made->run.delivery.sink >= 0)
        close(made->run.delivery.sink);
    OPENSSL_free(made->run.delivery.outputs);
    OPENSSL_free(made->run.words);
    shim_request_clear(&made->request);
    shim_args_free(&made->args);
}

/* To free with OPENSSL_free(). */
static char *line_of(char *const *words)
{
    struct sp_text text = { 0 };

    for (; *words != NULL; words++) {
        if (text.len > 0)
            sp_text_add_bytes(&text, " ", 1);
        sp_text_add_bytes(&text, *words, strlen(*words));
    }
    return sp_text_take(&text);
}

static void expect_words(struct prepared *made, const char *expected)
{
    char *line;

    ck_assert(shim_run_words(&made->run));
    line = line_of(made->run.words);
    ck_assert_str_eq(line, expected);
    OPENSSL_free(line);
}

#define P      " -provider-path /m -provider smimepolicy"
#define CMS    "openssl cms" P
#define VERIFY " -no-CAfile -no-CApath -no-CAstore"

/* Under which name, with which words: what stock is given. */
static const struct {
    enum shim_api api;
    const char *verb;
    const char *words[10];
    const char *given;
} rows[] = {
    { SHIM_CMS, NULL, { "-sign", "--signer=a" }, CMS " -sign --signer=a" },
    { SHIM_SMIME, NULL, { "-sign", "-in", "x" }, "openssl smime" P " -sign -in x" },
    { SHIM_CMS, NULL, { "-encrypt", "-aes128", "r" }, CMS " -encrypt -aes128 -- r" },
    { SHIM_CMS, NULL, { "-encrypt", "ec", "-r" }, CMS " -encrypt -- ec -r" },
    { SHIM_CMS, NULL, { "-verify", "-in", "x" }, CMS VERIFY " -verify -in x" },
    { SHIM_CMS, NULL, { "-sign", "-signer", "pss" }, CMS " -sign -signer pss" },
    /* A variable might mean something to stock. */
    { SHIM_CMS, NULL, { "-passin", "env:X" }, CMS " -passin env:SMIME_POLICY_PASSIN" },
    { SHIM_CMS, NULL, { "--passin=env:X" }, CMS " -passin env:SMIME_POLICY_PASSIN" },
    { SHIM_CMS, NULL, { "-passin", "pass:env:X" }, CMS " -passin pass:env:X" },
    { SHIM_CMS, NULL, { "-sign", "-keyopt", "rsa_x:y" }, CMS " -sign -keyopt rsa_x:y" },

    { SHIM_CMS, "-sign", { "-signer", "rsa" }, CMS " -sign -stream -signer rsa" },
    { SHIM_CMS,
      "-sign",
      { "--json", "--keyring", "k", "-q", "--from", "x", "-from", "y" },
      CMS " -sign -stream -from y" },
    { SHIM_CMS,
      "-sign",
      { "-signer", "pss" },
      CMS " -sign -stream -signer pss -keyopt rsa_padding_mode:pss" },
    /* The parameters of PSS are not known yet where the signature comes first. */
    { SHIM_CMS,
      "-sign",
      { "-nodetach", "-signer", "pss" },
      CMS " -sign -nodetach -signer pss -keyopt rsa_padding_mode:pss" },
    { SHIM_CMS,
      "-sign",
      { "-outform", "DER", "-signer", "pss" },
      CMS " -sign -outform DER -signer pss -keyopt rsa_padding_mode:pss" },
    { SHIM_CMS,
      "-sign",
      { "-nodetach", "-signer", "rsa" },
      CMS " -sign -stream -nodetach -signer rsa" },
    { SHIM_CMS, "-encrypt", { "rsa" }, CMS " -encrypt -stream -aes256 -- rsa" },
    { SHIM_CMS, "-encrypt", { "-aes128", "rsa" }, CMS " -encrypt -stream -aes128 -- rsa" },
    { SHIM_CMS,
      "-encrypt",
      { "rsa", "ec" },
      CMS " -encrypt -stream -aes256 -recip ec -keyopt ecdh_kdf_md:sha256 -- rsa" },
    { SHIM_CMS,
      "-encrypt",
      { "-recip", "ec" },
      CMS " -encrypt -stream -aes256 -recip ec -keyopt ecdh_kdf_md:sha256" },
    { SHIM_CMS, "-decrypt", { "-recip", "ec" }, CMS " -decrypt -recip ec" },
    { SHIM_CMS, "-verify", { "-CAfile", "x", "--no-sender" }, CMS " -verify" VERIFY " -CAfile x" },
};

START_TEST(stock_is_given_words)
{
    struct prepared made;

    prepare(&made, rows[_i].api, rows[_i].verb, rows[_i].words);
    expect_words(&made, rows[_i].given);
    clear(&made);
}
END_TEST

/* What was prepared for the operation comes instead of what was given. */
static const struct {
    const char *verb;
    struct shim_operation with;
    const char *words[10];
    const char *given;
} replaced[] = {
    { "-verify",
      { .takes_input = true, .times_judged = true },
      { "-in", "x", "-inform", "PEM" },
      CMS " -verify" VERIFY " -no_check_time -inform PEM" },
    { "-verify",
      { .content_path = "/c", .input_is_der = true },
      { "-inform", "PEM", "-out", "-" },
      CMS " -verify" VERIFY " -inform DER -content /c" },
    { "-verify",
      { .takes_input = true, .input_is_der = true },
      { "-in", "x", "-inform", "PEM" },
      CMS " -verify" VERIFY " -inform DER" },
    { "-sign",
      { .selection.issuers_path = "/i" },
      { "-certfile", "x", "-md", "sha512" },
      CMS " -sign -stream -certfile /i -md sha512" },
    { "-sign", { .selection.nothing_along = true }, { "-certfile", "x" }, CMS " -sign -stream" },
    { "-verify",
      { .selection = { .anchors_path = "/a", .anchors_vouch = true } },
      { "-CAfile", "x" },
      CMS " -verify" VERIFY " -CAfile /a -partial_chain" },
    { "-verify",
      { .selection.anchors_path = "/a" },
      { "-CAfile=x" },
      CMS " -verify" VERIFY " -CAfile /a" },
    { "-sign",
      { .selection.passin = "fd:9" },
      { "-signer", "rsa" },
      CMS " -sign -stream -signer rsa -passin fd:9" },
    { NULL,
      { .selection.path = "/k" },
      { "-verify" },
      CMS VERIFY " -CAstore smimepolicy:trust -partial_chain -verify" },
    { NULL,
      { .selection.path = "/k" },
      { "-verify", "-CAstore", "x" },
      CMS VERIFY " -verify -CAstore x" },
    /* The verbs have looked for the anchors themselves. */
    { "-verify", { .selection.path = "/k" }, { NULL }, CMS " -verify" VERIFY },
    { NULL, { .selection.path = "/k" }, { "-decrypt" }, CMS " -decrypt" },
};

START_TEST(what_was_prepared_comes_first)
{
    struct prepared made;
    struct shim_operation *operation = &made.operation;

    prepare(&made, SHIM_CMS, replaced[_i].verb, replaced[_i].words);
    operation->takes_input = replaced[_i].with.takes_input;
    operation->times_judged = replaced[_i].with.times_judged;
    operation->content_path = replaced[_i].with.content_path;
    operation->input_is_der = replaced[_i].with.input_is_der;
    operation->selection = replaced[_i].with.selection;
    expect_words(&made, replaced[_i].given);
    clear(&made);
}
END_TEST

/* Whom the keyring brings: R, E and P, by the kind of their keys; "-" is for a key alone. */
static const struct {
    const char *verb;
    const char *signers, *recipients;
    const char *words[10];
    const char *given; /* NULL: a key option is for nobody */
} selected[] = {
    { "-sign", "R", "", { NULL }, " -stream -signer c0 -inkey k0" },
    { "-sign", "P", "", { NULL }, " -stream -signer c0 -inkey k0 -keyopt rsa_padding_mode:pss" },
    { "-sign",
      "P",
      "",
      { "-nodetach" },
      " -nodetach -signer c0 -inkey k0 -keyopt rsa_padding_mode:pss" },
    { "-sign",
      "RE",
      "",
      { "-keyopt", "rsa_x:1" },
      " -stream -signer c0 -inkey k0 -keyopt rsa_x:1 -signer c1 -inkey k1" },
    { "-sign",
      "RE",
      "",
      { "-keyopt", "digest:1" },
      " -stream -signer c0 -inkey k0 -keyopt digest:1 -signer c1 -inkey k1 -keyopt digest:1" },
    { "-sign", "E", "", { "-keyopt", "rsa_x:1" }, NULL },
    { "-sign",
      "E",
      "",
      { "-signer", "rsa", "-keyopt", "rsa_x:1" },
      " -stream -signer rsa -keyopt rsa_x:1 -signer c0 -inkey k0" },
    { "-sign",
      "R",
      "",
      { "-signer", "rsa", "--from", "x", "-keyopt", "RSA_x:1" },
      " -stream -signer rsa -signer c0 -inkey k0 -keyopt RSA_x:1" },
    { "-encrypt",
      "",
      "RE",
      { NULL },
      " -stream -aes256 -recip c0 -recip c1 -keyopt ecdh_kdf_md:sha256" },
    { "-encrypt",
      "",
      "RE",
      { "-keyopt", "ecdh_x:1" },
      " -stream -aes256 -recip c0 -recip c1 -keyopt ecdh_kdf_md:sha256 -keyopt ecdh_x:1" },
    { "-encrypt", "", "R", { "-keyopt", "ecdh_x:1" }, NULL },
    { "-decrypt", "", "-", { NULL }, " -debug_decrypt -inkey k0" },
    { "-decrypt", "", "-", { "-debug_decrypt" }, " -debug_decrypt -inkey k0" },
    { "-decrypt",
      "",
      "-",
      { "-keyopt", "ecdh_x:1" },
      " -keyopt ecdh_x:1 -debug_decrypt -inkey k0" },
};

static struct shim_selected *select_all(const char *kinds, bool with_keys)
{
    static char certs[][3] = { "c0", "c1" }, keys[][3] = { "k0", "k1" };
    struct shim_selected *all = OPENSSL_zalloc(2 * sizeof(*all));

    for (size_t i = 0; kinds[i] != '\0'; i++) {
        all[i].cert = kinds[i] == 'E' ? ec : kinds[i] == 'P' ? pss : rsa;
        all[i].uri = kinds[i] == '-' ? NULL : certs[i];
        all[i].key_uri = with_keys ? keys[i] : NULL;
    }
    return all;
}

START_TEST(the_keyring_brings_others)
{
    struct prepared made;
    struct shim_selection *selection = &made.operation.selection;
    const char *recipients = selected[_i].recipients;
    const char *said = "there is nobody with such a key whom it could be for";

    prepare(&made, SHIM_CMS, selected[_i].verb, selected[_i].words);
    selection->signers = select_all(selected[_i].signers, true);
    selection->signer_count = strlen(selected[_i].signers);
    selection->recipients = select_all(recipients, recipients[0] == '-');
    selection->recipient_count = strlen(recipients);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_key_options_check(&made.operation),
                     selected[_i].given == NULL ? SHIM_USAGE : SHIM_OK);
    sp_expect_captured(STDERR_FILENO, selected[_i].given == NULL ? said : NULL);
    if (selected[_i].given != NULL) {
        char *expected = sp_format(CMS " %s%s", selected[_i].verb, selected[_i].given);

        expect_words(&made, expected);
        OPENSSL_free(expected);
    }
    OPENSSL_free(selection->signers);
    OPENSSL_free(selection->recipients);
    clear(&made);
}
END_TEST

/* A plan is shown: without what only we need, and without secrets. */
static const struct {
    const char *words[10];
    const char *shown;
} plans[] = {
    { { "-sign", "-signer", "a", "-out", "x" }, "openssl cms -sign -signer a -out x" },
    { { "-sign", "-passin", "pass:secret" }, "openssl cms -sign -passin pass:***" },
    { { "-sign", "-passin=pass:secret" }, "openssl cms -sign -passin pass:***" },
    { { "-sign", "-passin", "env:X" }, "openssl cms -sign -passin env:X" },
    { { "-encrypt", "-secretkey", "0011", "-secretkeyid", "1" },
      "openssl cms -encrypt -secretkey *** -secretkeyid 1" },
    { { "-encrypt", "--pwri_password=secret" }, "openssl cms -encrypt -pwri_password ***" },
    { { "-verify", "-signer", "x", "-certsout", "y" },
      "openssl cms" VERIFY " -verify -signer x -certsout y" },
};

START_TEST(a_plan_holds_no_secret)
{
    struct prepared made;

    prepare(&made, SHIM_CMS, NULL, plans[_i].words);
    made.run.plan = true;
    expect_words(&made, plans[_i].shown);
    ck_assert_uint_eq(made.run.delivery.output_count, 0);
    clear(&made);
}
END_TEST

/*
 * What stock writes: the message comes through its standard output, certificates into
 * files beside their targets ("~" stands for such a name).  Of two the last counts.
 */
static const struct {
    const char *words[10];
    const char *given;
    const char *sink; /* NULL: none */
    size_t certificates;
    enum shim_secrecy secrecy;
} outputs[] = {
    { { "-sign", "-out", "x" }, " -sign", "x", 0, SHIM_PUBLIC },
    { { "-sign", "-out", "x", "-out=y" }, " -sign", "y", 0, SHIM_PUBLIC },
    { { "-sign", "-out", "-" }, " -sign", NULL, 0, SHIM_PUBLIC },
    { { "-sign", "-signer", "x" }, " -sign -signer x", NULL, 0, SHIM_PUBLIC },
    { { "-decrypt", "-out", "x" }, " -decrypt", "x", 0, SHIM_MAIL },
    { { "-EncryptedData_decrypt", "-out", "x" }, " -EncryptedData_decrypt", "x", 0, SHIM_MAIL },
    { { "-verify", "-signer", "x" }, VERIFY " -verify -signer ~", NULL, 1, SHIM_PUBLIC },
    { { "-verify", "-signer", "x", "-certsout=y", "-out", "z" },
      VERIFY " -verify -signer ~ -certsout ~",
      "z",
      2,
      SHIM_PUBLIC },
    { { "-verify", "-signer", "x", "-signer", "y" },
      VERIFY " -verify -signer ~",
      NULL,
      1,
      SHIM_PUBLIC },
};

START_TEST(outputs_are_ours_first)
{
    static char some_name[] = "~";
    struct prepared made;
    size_t certificates = 0;
    char *line;

    prepare(&made, SHIM_CMS, NULL, outputs[_i].words);
    ck_assert(shim_run_words(&made.run));
    for (size_t i = 0; i < made.run.delivery.output_count; i++) {
        struct shim_output *output = &made.run.delivery.outputs[i];

        certificates += output->look != NULL;
        ck_assert_int_eq(output->secrecy, output->look != NULL ? SHIM_PUBLIC : outputs[_i].secrecy);
        for (char **word = made.run.words; *word != NULL; word++)
            if (*word == output->temporary)
                *word = some_name;
    }
    ck_assert_uint_eq(certificates, outputs[_i].certificates);
    ck_assert_int_eq(made.run.delivery.sink >= 0, outputs[_i].sink != NULL);
    if (outputs[_i].sink != NULL)
        ck_assert_str_eq(made.run.delivery.sink_name, outputs[_i].sink);
    line = line_of(made.run.words);
    ck_assert_int_eq(strncmp(line, CMS, strlen(CMS)), 0);
    ck_assert_str_eq(line + strlen(CMS), outputs[_i].given);
    OPENSSL_free(line);
    ck_assert_int_eq(shim_secrecy_of(&made.request), outputs[_i].secrecy);
    clear(&made);
}
END_TEST

START_TEST(an_output_that_cannot_be_written_stops_it)
{
    const char *const words[][10] = { { "-sign", "-out", "/nonexistent/x" },
                                      { "-verify", "-certsout", "/nonexistent/x" } };
    struct prepared made;

    prepare(&made, SHIM_CMS, NULL, words[_i]);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_run_words(&made.run));
    sp_expect_captured(STDERR_FILENO, "cannot write /nonexistent/x: No such file or directory");
    clear(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stock_words");
    TCase *tests = tcase_create("stock_words");

    tcase_add_unchecked_fixture(tests, make_key, free_key);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, stock_is_given_words, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, what_was_prepared_comes_first, 0, SP_ROWS(replaced));
    tcase_add_loop_test(tests, the_keyring_brings_others, 0, SP_ROWS(selected));
    tcase_add_loop_test(tests, a_plan_holds_no_secret, 0, SP_ROWS(plans));
    tcase_add_loop_test(tests, outputs_are_ours_first, 0, SP_ROWS(outputs));
    tcase_add_loop_test(tests, an_output_that_cannot_be_written_stops_it, 0, 2);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
