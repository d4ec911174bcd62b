/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading, unloading, library contexts, property queries and forks.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "mail.h"
#include "register/register.h"
#include "starve.h"

static X509 *read_in(OSSL_LIB_CTX *libctx, const char *name)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    unsigned char *der;
    int length = sp_read_der(name, &der);
    const unsigned char *p = der;

    ck_assert_ptr_eq(d2i_X509(&cert, &p, length), cert);
    OPENSSL_free(der);
    return cert;
}

static bool encrypt_in(OSSL_LIB_CTX *libctx, const char *name)
{
    X509 *cert = read_in(libctx, name);
    STACK_OF(X509) *to = sk_X509_new_null();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, "AES-128-CBC", NULL);
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message;

    ck_assert_ptr_nonnull(cipher);
    ck_assert_int_gt(sk_X509_push(to, cert), 0);
    message = CMS_encrypt_ex(to, data, cipher, CMS_BINARY, libctx, NULL);
    CMS_ContentInfo_free(message);
    EVP_CIPHER_free(cipher);
    BIO_free(data);
    sk_X509_free(to);
    X509_free(cert);
    return message != NULL;
}

/* Expect that the rules hold in |libctx|. */
static void expect_rules(OSSL_LIB_CTX *libctx)
{
    EXPECT_DONE(encrypt_in(libctx, "good-rsa"));
    EXPECT_DONE(encrypt_in(libctx, "good-ec"));
    EXPECT_REFUSED(encrypt_in(libctx, "expired-rsa"), "[expired]");
    EXPECT_REFUSED(encrypt_in(libctx, "expired-ec"), "[expired]");
}

/* Expect the same of all mail operations, in the default context. */
static void expect_rules_of_mail(void)
{
    expect_rules(NULL);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-rsa"), "[expired]");
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_REFUSED(sp_cms_verify("no-address-ec", 0), "[signer-certificate]");
    /* Reading is never refused, whichever provider has the own key. */
    EXPECT_DONE(sp_cms_decrypt("expired-rsa"));
    EXPECT_DONE(sp_cms_decrypt("expired-ec"));
    EXPECT_DONE(sp_cms_decrypt("good-ec"));
}

static void expect_no_rules(OSSL_LIB_CTX *libctx)
{
    EXPECT_DONE(encrypt_in(libctx, "good-rsa"));
    EXPECT_DONE(encrypt_in(libctx, "expired-rsa"));
    EXPECT_DONE(encrypt_in(libctx, "expired-ec"));
}

/* The last context went, and nothing of it was held back. */
static void expect_unloaded(void)
{
    ck_assert(!sp_register_enter());
    expect_no_rules(NULL);
}

static OSSL_PROVIDER *load(OSSL_LIB_CTX *libctx, const char *name)
{
    OSSL_PROVIDER *provider;

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, name, OSSL_provider_init), 1);
    provider = OSSL_PROVIDER_load(libctx, name);
    ck_assert_msg(provider != NULL, "%s", sp_errors());
    return provider;
}

static OSSL_LIB_CTX *configured(const char *settings)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    char *text = sp_configuration(settings), *path = sp_temporary(text);

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, path), 1);
    ck_assert_msg(OSSL_PROVIDER_available(libctx, "smimepolicy"), "%s", sp_errors());
    free(text);
    free(path);
    return libctx;
}

START_TEST(beside_default_and_legacy)
{
    OSSL_PROVIDER *first, *again, *legacy;

    sp_start(NULL);
    expect_rules_of_mail();
    first = OSSL_PROVIDER_load(NULL, "default");
    expect_rules_of_mail();
    ck_assert_int_eq(OSSL_PROVIDER_unload(first), 1);
    expect_rules_of_mail();
    again = OSSL_PROVIDER_load(NULL, "default");
    legacy = OSSL_PROVIDER_load(NULL, "legacy");
    expect_rules_of_mail();
    ck_assert_int_eq(OSSL_PROVIDER_unload(again), 1);
    ck_assert_int_eq(OSSL_PROVIDER_unload(legacy), 1);
    expect_rules_of_mail();
}
END_TEST

/* The file itself activates `default`, before or after ours. */
START_TEST(default_in_the_same_file)
{
    static const char *const orders[] = { "smimepolicy = policy\ndefault = stock\n",
                                          "default = stock\nsmimepolicy = policy\n" };
    char *text;

    ck_assert_int_gt(asprintf(&text,
                              "openssl_conf = init\n[init]\nproviders = providers\n"
                              "alg_section = algorithms\n"
                              "[algorithms]\ndefault_properties = ?smime.policy=yes\n"
                              "[providers]\n%s[policy]\nactivate = 1\n[stock]\nactivate = 1\n",
                              orders[_i]),
                     0);
    sp_start_with(text);
    free(text);
    expect_rules_of_mail();
}
END_TEST

START_TEST(own_context_with_its_own_configuration)
{
    OSSL_LIB_CTX *libctx;

    sp_start(NULL);
    libctx = configured(NULL);
    expect_rules(libctx);
    expect_rules(NULL);
    OSSL_LIB_CTX_free(libctx);
    expect_rules(NULL);
}
END_TEST

/* A library context without configuration has stock's providers and no policy. */
START_TEST(own_context_without_configuration)
{
    OSSL_LIB_CTX *libctx;

    sp_start(NULL);
    libctx = OSSL_LIB_CTX_new();
    expect_no_rules(libctx);
    expect_rules(NULL);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* Another provider, with a library context that is a child of the program's. */
static OSSL_LIB_CTX *followed;

static void forget_child(void *ctx)
{
    OSSL_LIB_CTX_free(ctx);
    followed = NULL;
}

static int other_provider(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                          const OSSL_DISPATCH **out, void **ctx)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))forget_child }, { 0, NULL }
    };

    *out = functions;
    *ctx = followed = OSSL_LIB_CTX_new_child(core, in);
    return followed != NULL;
}

START_TEST(child_context)
{
    OSSL_PROVIDER *other;

    sp_start(NULL);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "other", other_provider), 1);
    other = OSSL_PROVIDER_load(NULL, "other");
    ck_assert_ptr_nonnull(other);
    expect_rules(followed);
    expect_rules(NULL);
    ck_assert_int_eq(OSSL_PROVIDER_unload(other), 1);
    expect_rules(NULL);
}
END_TEST

START_TEST(only_in_an_own_context)
{
    OSSL_LIB_CTX *libctx = configured(NULL);

    expect_rules(libctx);
    expect_no_rules(NULL);
    OSSL_LIB_CTX_free(libctx);
    expect_no_rules(NULL);
}
END_TEST

START_TEST(two_contexts_that_agree)
{
    OSSL_LIB_CTX *first = configured("unknown_keys = refuse");
    OSSL_LIB_CTX *second = configured("unknown_keys = refuse");

    expect_rules(first);
    expect_rules(second);
    OSSL_LIB_CTX_free(first);
    expect_rules(second);
    OSSL_LIB_CTX_free(second);
}
END_TEST

/* Purposes and certificates belong to the process, so there is only one policy. */
START_TEST(two_contexts_that_disagree)
{
    OSSL_LIB_CTX *first = configured("unknown_keys = refuse"), *second;

    expect_rules(first);
    second = configured("unknown_keys = pass");
    EXPECT_REFUSED(encrypt_in(first, "good-rsa"), "settings that disagree");
    EXPECT_REFUSED(encrypt_in(second, "good-ec"), "settings that disagree");
    OSSL_LIB_CTX_free(first);
    EXPECT_REFUSED(encrypt_in(second, "good-rsa"), "settings that disagree");
    OSSL_LIB_CTX_free(second);
    /* After a reset another policy may start. */
    first = configured("unknown_keys = pass");
    expect_rules(first);
    OSSL_LIB_CTX_free(first);
}
END_TEST

START_TEST(two_contexts_that_disagree_about_raw_keys)
{
    OSSL_LIB_CTX *first = configured("raw_keys = pass"), *second;

    expect_rules(first);
    second = configured(NULL);
    EXPECT_REFUSED(encrypt_in(first, "good-rsa"), "settings that disagree");
    EXPECT_REFUSED(encrypt_in(second, "good-ec"), "settings that disagree");
    OSSL_LIB_CTX_free(first);
    OSSL_LIB_CTX_free(second);
}
END_TEST

START_TEST(loaded_twice_under_two_names)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *first = load(libctx, "one"), *second = load(libctx, "two");

    expect_rules(libctx);
    ck_assert_int_eq(OSSL_PROVIDER_unload(first), 1);
    expect_rules(libctx);
    ck_assert_int_eq(OSSL_PROVIDER_unload(second), 1);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* An earlier load leaves nothing behind, and a new one misses nothing. */
START_TEST(loaded_and_unloaded_again)
{
    for (int i = 0; i < 5; i++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider = load(libctx, "smimepolicy");

        expect_rules(libctx);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
        expect_no_rules(NULL);
    }
}
END_TEST

/*
 * A certificate that a thread still holds after a parse would keep the context, and
 * the provider, alive.
 */
START_TEST(a_context_ends_behind_a_parse)
{
    for (int i = 0; i < 3; i++) {
        OSSL_LIB_CTX *libctx = configured(NULL);

        X509_free(read_in(libctx, "good-rsa"));
        OSSL_LIB_CTX_free(libctx);
        expect_unloaded();
    }
}
END_TEST

/* As a thread does that is done with a context, and then uses it once more. */
START_TEST(a_context_that_this_thread_had_done_with)
{
    OSSL_LIB_CTX *libctx = configured(NULL);

    X509_free(read_in(libctx, "good-rsa"));
    OPENSSL_thread_stop_ex(libctx);
    X509_free(read_in(libctx, "good-rsa"));
    OSSL_LIB_CTX_free(libctx);
    expect_unloaded();
}
END_TEST

/* The one that is left is watched on: what is parsed in it does not keep it. */
START_TEST(a_context_ends_before_another)
{
    OSSL_LIB_CTX *first = configured(NULL), *second = configured(NULL);
    const bool used = _i == 1;

    if (used) {
        X509_free(read_in(first, "good-rsa"));
        X509_free(read_in(second, "good-ec"));
    }
    OSSL_LIB_CTX_free(first);
    X509_free(read_in(second, "good-rsa"));
    expect_rules(second);
    X509_free(read_in(second, "good-rsa"));
    OSSL_LIB_CTX_free(second);
    expect_unloaded();
}
END_TEST

/* What libcrypto keeps of an index for ex_data that is freed, as we do at the end. */
static long kept_of_an_index(void)
{
    const long before = sp_starve_kept();

    CRYPTO_free_ex_index(CRYPTO_EX_INDEX_X509, X509_get_ex_new_index(0, NULL, NULL, NULL, NULL));
    return sp_starve_kept() - before;
}

/*
 * Once libcrypto has all of its own, the error queue too, a load and what is done in it
 * leave nothing behind.
 */
START_TEST(nothing_is_left)
{
    static const char *const settings[] = { NULL, "keys = mail", "raw_keys = pass",
                                            "signer_path = refuse" };
    long index = 0, least = LONG_MAX;

    ck_assert(sp_starve_watch());
    for (int i = 0; i < 48 && least > index; i++) {
        const long before = sp_starve_kept();
        OSSL_LIB_CTX *libctx = configured(settings[_i]);

        expect_rules(libctx);
        OSSL_LIB_CTX_free(libctx);
        CONF_modules_finish();
        if (i > 0 && sp_starve_kept() - before < least)
            least = sp_starve_kept() - before;
        if (i == 0)
            index = kept_of_an_index();
    }
    /* A loss comes each time.  By the address of a context, libcrypto 3.6 keeps more of some. */
    ck_assert_int_le(least, index);
}
END_TEST

/* Certificates and keys outlive the provider that watched them. */
START_TEST(certificates_outlive_the_provider)
{
    OSSL_LIB_CTX *libctx = configured(NULL);
    X509 *cert = read_in(libctx, "expired-rsa"), *other = read_in(NULL, "good-rsa");
    EVP_PKEY *key = X509_get_pubkey(cert);

    OSSL_LIB_CTX_free(libctx);
    ck_assert_int_ge(X509_cmp(cert, cert), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
    libctx = configured(NULL);
    EXPECT_DONE(X509_check_purpose(other, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    X509_free(other);
    expect_rules(libctx);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* Property queries of programs, with `default` loaded as well. */
static const char *const queries[] = { "fips=no", "?fips=no", "?provider=default", "" };

START_TEST(default_properties_set_by_the_program)
{
    /* With this query 3.5 and later find no decoder for keys at all. */
    if (OpenSSL_version_num() >= 0x30500000UL && strcmp(queries[_i], "fips=no") == 0)
        return;
    sp_start(NULL);
    ck_assert_int_eq(EVP_set_default_properties(NULL, queries[_i]), 1);
    expect_rules(NULL);
    EXPECT_REFUSED(sp_sign_as("expired-rsa"), "[expired]");
}
END_TEST

START_TEST(fips_switched_off)
{
    OSSL_PROVIDER *provider;

    sp_start(NULL);
    provider = OSSL_PROVIDER_load(NULL, "default");
    ck_assert_int_eq(EVP_default_properties_enable_fips(NULL, 0), 1);
    expect_rules(NULL);
    ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
}
END_TEST

/* Every other algorithm of the backend is there. */
START_TEST(nothing_is_missing)
{
    unsigned char bytes[16];
    EVP_MD *md;
    EVP_KDF *kdf;

    sp_start(NULL);
    ck_assert_int_eq(RAND_bytes(bytes, sizeof(bytes)), 1);
    md = EVP_MD_fetch(NULL, "SHA3-256", NULL);
    kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    ck_assert_ptr_nonnull(md);
    ck_assert_ptr_nonnull(kdf);
    ck_assert_str_eq(OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(md)), "smimepolicy");
    EVP_MD_free(md);
    EVP_KDF_free(kdf);
}
END_TEST

static void judge_in_a_child(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        const bool right = encrypt_in(NULL, "good-rsa") && !encrypt_in(NULL, "expired-rsa") &&
                           sp_sign_as("good-ec") && !sp_sign_as("expired-ec");

        _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    ck_assert_int_ge(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

START_TEST(after_a_fork)
{
    X509 *before;

    sp_start(NULL);
    judge_in_a_child();
    before = sp_read_cert("good-rsa");
    judge_in_a_child();
    expect_rules(NULL);
    judge_in_a_child();
    X509_free(before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("life");
    TCase *tests = sp_case(suite, "life");

    tcase_add_test(tests, beside_default_and_legacy);
    tcase_add_loop_test(tests, default_in_the_same_file, 0, 2);
    tcase_add_test(tests, own_context_with_its_own_configuration);
    tcase_add_test(tests, own_context_without_configuration);
    tcase_add_test(tests, child_context);
    tcase_add_test(tests, only_in_an_own_context);
    tcase_add_test(tests, two_contexts_that_agree);
    tcase_add_test(tests, two_contexts_that_disagree);
    tcase_add_test(tests, two_contexts_that_disagree_about_raw_keys);
    tcase_add_test(tests, loaded_twice_under_two_names);
    tcase_add_test(tests, loaded_and_unloaded_again);
    tcase_add_test(tests, a_context_ends_behind_a_parse);
    tcase_add_test(tests, a_context_that_this_thread_had_done_with);
    tcase_add_loop_test(tests, a_context_ends_before_another, 0, 2);
    tcase_add_loop_test(tests, nothing_is_left, 0, 4);
    tcase_add_test(tests, certificates_outlive_the_provider);
    tcase_add_loop_test(tests, default_properties_set_by_the_program, 0, SP_ROWS(queries));
    tcase_add_test(tests, fips_switched_off);
    tcase_add_test(tests, nothing_is_missing);
    tcase_add_test(tests, after_a_fork);
    return sp_run_forked(suite);
}
