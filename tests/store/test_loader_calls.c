/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The store of the keyring, called as libcrypto calls it: also in ways in which no
 * release does.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "gates/slots.h"
#include "keyring_of_test.h"
#include "keyrings.h"
#include "policy/command.h"
#include "store/loader.h"

#define BOB(kind) "smimepolicy:" kind "/bob@example.org"

static struct {
    OSSL_FUNC_store_open_fn *open;
    OSSL_FUNC_store_attach_fn *attach;
    OSSL_FUNC_store_settable_ctx_params_fn *settable;
    OSSL_FUNC_store_set_ctx_params_fn *set;
    OSSL_FUNC_store_load_fn *load;
    OSSL_FUNC_store_eof_fn *eof;
    OSSL_FUNC_store_close_fn *close;
} calls;

static void *provctx;

static void (*find(int id))(void)
{
    const OSSL_DISPATCH *function = sp_store_loader.implementation;

    while (function->function_id != 0 && function->function_id != id)
        function++;
    ck_assert_int_eq(function->function_id, id);
    return function->function;
}

static void start(void)
{
    OSSL_PROVIDER *provider;

    sp_start_with_keyring("");
    sp_keyring_close(sp_must_open(sp_keyring_of_test(), SP_KEYRING_WRITE));
    provider = OSSL_PROVIDER_load(NULL, "smimepolicy");
    ck_assert_ptr_nonnull(provider);
    provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    /* The configuration keeps it loaded. */
    OSSL_PROVIDER_unload(provider);
    calls.open = (OSSL_FUNC_store_open_fn *)find(OSSL_FUNC_STORE_OPEN);
    calls.attach = (OSSL_FUNC_store_attach_fn *)find(OSSL_FUNC_STORE_ATTACH);
    calls.settable =
        (OSSL_FUNC_store_settable_ctx_params_fn *)find(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS);
    calls.set = (OSSL_FUNC_store_set_ctx_params_fn *)find(OSSL_FUNC_STORE_SET_CTX_PARAMS);
    calls.load = (OSSL_FUNC_store_load_fn *)find(OSSL_FUNC_STORE_LOAD);
    calls.eof = (OSSL_FUNC_store_eof_fn *)find(OSSL_FUNC_STORE_EOF);
    calls.close = (OSSL_FUNC_store_close_fn *)find(OSSL_FUNC_STORE_CLOSE);
}

/* What is handed over: the number of objects, and the answer to each. */
struct taken {
    int count, answer;
    int type;
    char kind[64];
};

static int take(const OSSL_PARAM params[], void *arg)
{
    struct taken *taken = arg;
    const OSSL_PARAM *type = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_TYPE);
    const OSSL_PARAM *kind = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_DATA_TYPE);
    const OSSL_PARAM *data = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_DATA);

    if (kind == NULL)
        kind = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_DATA_STRUCTURE);
    taken->count++;
    ck_assert_int_eq(OSSL_PARAM_get_int(type, &taken->type), 1);
    ck_assert_ptr_nonnull(kind);
    ck_assert_uint_eq(kind->data_size, strlen(kind->data));
    (void)strncpy(taken->kind, kind->data, sizeof(taken->kind) - 1);
    ck_assert_uint_gt(data->data_size, 100);
    return taken->answer;
}

static int load(void *loader, struct taken *taken)
{
    return calls.load(loader, take, taken, NULL, NULL);
}

static int set_one(void *loader, OSSL_PARAM param)
{
    const OSSL_PARAM params[] = { param, OSSL_PARAM_construct_end() };

    return calls.set(loader, params);
}

START_TEST(parameters)
{
    char text[] = "text";
    unsigned char bad[] = { 0x30, 0x05 }, empty[] = { 0x30, 0x00 };
    int cert = OSSL_STORE_INFO_CERT;
    const OSSL_PARAM *settable;
    const OSSL_PARAM none[] = { OSSL_PARAM_construct_end() };
    void *loader;

    start();
    settable = calls.settable(provctx);
    ck_assert_str_eq(settable[0].key, OSSL_STORE_PARAM_EXPECT);
    ck_assert_uint_eq(settable[0].data_type, OSSL_PARAM_INTEGER);
    ck_assert_str_eq(settable[1].key, OSSL_STORE_PARAM_SUBJECT);
    ck_assert_uint_eq(settable[1].data_type, OSSL_PARAM_OCTET_STRING);
    ck_assert_ptr_null(settable[2].key);
    loader = calls.open(provctx, "smimepolicy:trust");
    ck_assert_ptr_nonnull(loader);
    ck_assert_int_eq(calls.set(loader, NULL), 1);
    ck_assert_int_eq(calls.set(loader, none), 1);
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &cert)), 1);
    ck_assert_int_eq(
        set_one(loader, OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_EXPECT, text, 0)), 0);
    ck_assert_int_eq(
        set_one(loader, OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_SUBJECT, text, 0)), 0);
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_octet_string(OSSL_STORE_PARAM_SUBJECT,
                                                                       bad, sizeof(bad))),
                     0);
    /* The last one counts, and the one before is freed. */
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_octet_string(OSSL_STORE_PARAM_SUBJECT,
                                                                           empty, sizeof(empty))),
                         1);
    ck_assert_int_eq(calls.close(loader), 1);
    ck_assert_int_eq(calls.close(NULL), 1);
}
END_TEST

START_TEST(of_another_provider)
{
    int other;

    start();
    ck_assert_ptr_null(calls.open(&other, "smimepolicy:trust"));
    ck_assert_ptr_null(calls.open(NULL, "smimepolicy:trust"));
    (void)sp_errors();
    ck_assert_ptr_null(calls.attach(provctx, NULL));
    ck_assert_ptr_nonnull(strstr(sp_errors(), "not read from a stream"));
}
END_TEST

/* After the end, and after a failure, nothing more is handed over. */
START_TEST(after_the_end)
{
    struct taken taken = { .answer = 1 };
    void *loader;

    start();
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    loader = calls.open(provctx, BOB("identity"));
    ck_assert_int_eq(load(loader, &taken), 1);
    ck_assert_int_eq(taken.type, OSSL_OBJECT_CERT);
    ck_assert_str_eq(taken.kind, "TRUSTED CERTIFICATE");
    ck_assert_int_eq(calls.eof(loader), 0);
    ck_assert_int_eq(load(loader, &taken), 1);
    ck_assert_int_eq(taken.type, OSSL_OBJECT_PKEY);
    ck_assert_str_eq(taken.kind, "PrivateKeyInfo");
    ck_assert_int_eq(calls.eof(loader), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(load(loader, &taken), 0);
        ck_assert_int_eq(calls.eof(loader), 1);
    }
    ck_assert_int_eq(taken.count, 2);
    ck_assert_str_eq(sp_errors(), "");
    ck_assert_int_eq(calls.close(loader), 1);
}
END_TEST

START_TEST(after_a_failure)
{
    struct taken taken = { .answer = 0 };
    void *loader;

    start();
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    loader = calls.open(provctx, BOB("identity"));
    /* A program that goes on all the same comes to an end. */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(load(loader, &taken), 0);
        ck_assert_int_eq(calls.eof(loader), i > 0);
    }
    ck_assert_int_eq(taken.count, 1);
    ck_assert_int_eq(calls.close(loader), 1);

    /* The key is not taken. */
    taken = (struct taken){ .answer = 1 };
    loader = calls.open(provctx, BOB("identity"));
    ck_assert_int_eq(load(loader, &taken), 1);
    taken.answer = 0;
    ck_assert_int_eq(load(loader, &taken), 0);
    ck_assert_int_eq(calls.eof(loader), 0);
    ck_assert_ptr_nonnull(strstr(sp_errors(), "it could not be decoded"));
    ck_assert_int_eq(calls.close(loader), 1);
}
END_TEST

/* Whoever wants the key alone gets one, and then there is no more. */
START_TEST(one_key)
{
    int key = OSSL_STORE_INFO_PKEY;
    struct taken taken = { .answer = 1 };
    void *loader;

    start();
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_IDENTITY, "good-rsa");
    loader = calls.open(provctx, BOB("identity"));
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &key)), 1);
    ck_assert_int_eq(load(loader, &taken), 1);
    ck_assert_int_eq(taken.type, OSSL_OBJECT_PKEY);
    ck_assert_int_eq(load(loader, &taken), 0);
    ck_assert_int_eq(calls.eof(loader), 1);
    ck_assert_int_eq(taken.count, 1);
    ck_assert_int_eq(calls.close(loader), 1);
    ck_assert_str_eq(sp_errors(), "");
}
END_TEST

static int refuse(char *buffer, size_t size, size_t *length, const OSSL_PARAM params[], void *arg)
{
    (void)buffer, (void)size, (void)params;
    *length = 0;
    ++*(int *)arg;
    return 0;
}

/* Who is asked for a passphrase and says none, or cannot be asked, gets no key: not even under "".
 */
START_TEST(no_passphrase)
{
    struct taken taken = { .answer = 1 };
    int key = OSSL_STORE_INFO_PKEY, asked = 0;
    char *file, uri[200];
    EVP_PKEY *pkey;
    X509 *cert;
    BIO *out;
    void *loader;

    start();
    cert = sp_read_cert("good-rsa");
    pkey = sp_read_key("good-rsa");
    file = sp_temporary("");
    out = BIO_new_file(file, "w");
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(out, pkey, EVP_aes_128_cbc(), "", 0, NULL, NULL),
                     1);
    BIO_free(out);
    (void)snprintf(uri, sizeof(uri), "file:%s", file);
    sp_put_elsewhere(cert, uri);
    loader = calls.open(provctx, BOB("identity"));
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &key)), 1);
    if (_i == 0)
        ck_assert_int_eq(calls.load(loader, take, &taken, refuse, &asked), 0);
    else
        ck_assert_int_eq(calls.load(loader, take, &taken, NULL, NULL), 0);
    ck_assert_int_eq(asked > 0, _i == 0);
    ck_assert_int_eq(taken.count, 0);
    ck_assert_ptr_nonnull(strstr(sp_errors(), "no private key could be loaded"));
    ck_assert_int_eq(calls.close(loader), 1);
    EVP_PKEY_free(pkey);
    X509_free(cert);
    free(file);
}
END_TEST

/* A contact has no key.  That is the only fault. */
START_TEST(no_key)
{
    int key = OSSL_STORE_INFO_PKEY;
    struct taken taken = { .answer = 1 };
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT], uri[100];
    X509 *cert;
    void *loader;
    const char *errors;

    start();
    sp_put(SP_ROLE_CONTACT, "good-ec");
    cert = sp_read_cert("good-ec");
    sp_fingerprint(cert, fingerprint);
    sp_fingerprint_text(fingerprint, text);
    (void)snprintf(uri, sizeof(uri), "smimepolicy:cert/%s", text);
    loader = calls.open(provctx, uri);
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &key)), 1);
    ck_assert_int_eq(load(loader, &taken), 0);
    errors = sp_errors();
    ck_assert_ptr_nonnull(strstr(errors, "no private key belongs to this certificate"));
    ck_assert_ptr_null(strstr(errors, "keyring cannot be used"));
    ck_assert_int_eq(calls.close(loader), 1);
    X509_free(cert);
}
END_TEST

/* What fails is told once, and is no end: libcrypto would forget it. */
static const struct failing {
    enum sp_role role;
    const char *elsewhere; /* where the key is; NULL: none is elsewhere */
    const char *damage;    /* as SQL; NULL: none */
    const char *uri;
    int expected;
    const char *fault, *no_fault;
    bool no_asking; /* by the command */
} failing[] = {
    { SP_ROLE_CONTACT, NULL, NULL, BOB("contact"), OSSL_STORE_INFO_PKEY, "nothing of the kind",
      "no contact", false },
    { SP_ROLE_CONTACT, NULL, NULL, BOB("contact"), OSSL_STORE_INFO_CRL, "nothing of the kind",
      "no contact", false },
    { SP_ROLE_CONTACT, NULL, NULL, BOB("identity"), 0, "no identity has this address",
      "nothing of the kind", false },
    { SP_ROLE_IDENTITY, "pkcs11:object=x", NULL, BOB("identity"), OSSL_STORE_INFO_PKEY,
      "the key is not in a file", "no private key", false },
    { SP_ROLE_IDENTITY, "file:/nonexistent", NULL, BOB("identity"), OSSL_STORE_INFO_PKEY,
      "no private key could be loaded", "no private key belongs", false },
    { SP_ROLE_CONTACT, NULL, "UPDATE certificate SET der = x'3000'", BOB("contact"), 0,
      "cannot be parsed", "no contact has this address", false },
    { SP_ROLE_IDENTITY, "pkcs11:object=x", NULL, BOB("identity"), OSSL_STORE_INFO_PKEY,
      "it needs a token", "not in a file", true },
    { SP_ROLE_IDENTITY, NULL, NULL, BOB("identity"), OSSL_STORE_INFO_PKEY, "it needs a passphrase",
      "could not be decrypted", true },
};

START_TEST(failure_is_no_end)
{
    const struct failing *row = &failing[_i];
    struct taken taken = { .answer = 1 };
    int expected = row->expected;
    const char *errors;
    void *loader;
    EVP_PKEY *key;
    X509 *cert;

    start();
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    if (row->elsewhere != NULL)
        sp_put_elsewhere(cert, row->elsewhere);
    else if (row->no_asking)
        sp_put_cert(row->role, cert, key, "secret");
    else
        sp_put(row->role, "good-rsa");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    ck_assert(sp_command_adopt(&(struct sp_command){ .no_asking = row->no_asking }));
    if (row->damage != NULL)
        sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES, row->damage);
    loader = calls.open(provctx, row->uri);
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &expected)),
                     1);
    ck_assert_int_eq(load(loader, &taken), 0);
    ck_assert_int_eq(calls.eof(loader), 0);
    ck_assert_int_eq(taken.count, 0);
    errors = sp_errors();
    ck_assert_msg(strstr(errors, row->fault) != NULL && strstr(errors, row->no_fault) == NULL, "%s",
                  errors);
    ck_assert_int_eq(calls.close(loader), 1);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* To expect nothing of a kind is to expect all. */
START_TEST(expecting_all)
{
    struct taken taken = { .answer = 1 };
    int all = 0;
    void *loader;

    start();
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    loader = calls.open(provctx, BOB("identity"));
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &all)), 1);
    while (load(loader, &taken) == 1)
        ;
    ck_assert_int_eq(calls.eof(loader), 1);
    ck_assert_int_eq(taken.count, 2);
    ck_assert_int_eq(calls.close(loader), 1);
}
END_TEST

static void *open_first(void *of, const char *uri)
{
    (void)uri;
    return of;
}

static void *open_second(void *of, const char *uri)
{
    (void)of, (void)uri;
    return NULL;
}

#define OPEN(name)                                                                                 \
    {                                                                                              \
        OSSL_FUNC_STORE_OPEN, (void (*)(void))(name)                                               \
    }

/* The loader of files of the first backend is told that there are no files of our scheme. */
START_TEST(loader_of_files)
{
    static const OSSL_DISPATCH closes[] = { { OSSL_FUNC_STORE_CLOSE, NULL }, { 0, NULL } };
    static const OSSL_DISPATCH first[] = { OPEN(open_first), { 0, NULL } };
    static const OSSL_DISPATCH second[] = { OPEN(open_second), { 0, NULL } };
    static const struct {
        const char *names;
        const OSSL_DISPATCH *functions;
        bool gated;
    } loaders[] = { { "http", first, false },
                    { "file", closes, false },
                    { "FILE:x", first, true },
                    { "file", second, false },
                    { "file", first, true } };
    int file;

    for (int i = 0; i < SP_ROWS(loaders); i++) {
        const OSSL_ALGORITHM algorithm = { loaders[i].names, "", loaders[i].functions, NULL };
        bool untouched = loaders[i].gated;
        OSSL_DISPATCH *gated = sp_gate_store(&algorithm, NULL, &untouched);

        ck_assert_int_eq(gated != NULL, loaders[i].gated);
        ck_assert_int_eq(untouched, !loaders[i].gated);
        if (gated != NULL) {
            OSSL_FUNC_store_open_fn *open = (OSSL_FUNC_store_open_fn *)gated[0].function;

            ck_assert_ptr_eq(open(&file, "file:x"), &file);
            ck_assert_ptr_null(open(&file, "SMIMEPolicy:trust"));
        }
        OPENSSL_free(gated);
    }
}
END_TEST

/* A search that finds nothing is no error: libcrypto looks for issuers so. */
START_TEST(nothing_is_found)
{
    unsigned char empty[] = { 0x30, 0x00 };
    struct taken taken = { .answer = 1 };
    void *loader;

    start();
    loader = calls.open(provctx, "smimepolicy:trust");
    ck_assert_int_eq(load(loader, &taken), 0);
    ck_assert_int_eq(calls.eof(loader), 0);
    ck_assert_ptr_nonnull(
        strstr(sp_errors(), "smimepolicy:trust: nothing in the keyring was uploaded"));
    ck_assert_int_eq(calls.close(loader), 1);
    loader = calls.open(provctx, "smimepolicy:trust");
    ck_assert_int_eq(set_one(loader, OSSL_PARAM_construct_octet_string(OSSL_STORE_PARAM_SUBJECT,
                                                                       empty, sizeof(empty))),
                     1);
    ck_assert_int_eq(load(loader, &taken), 0);
    ck_assert_int_eq(calls.eof(loader), 1);
    ck_assert_str_eq(sp_errors(), "");
    ck_assert_int_eq(calls.close(loader), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls of the loader");
    TCase *tests = sp_case(suite, "calls");

    tcase_add_test(tests, parameters);
    tcase_add_test(tests, of_another_provider);
    tcase_add_test(tests, after_the_end);
    tcase_add_test(tests, after_a_failure);
    tcase_add_test(tests, one_key);
    tcase_add_loop_test(tests, no_passphrase, 0, 2);
    tcase_add_test(tests, no_key);
    tcase_add_loop_test(tests, failure_is_no_end, 0, SP_ROWS(failing));
    tcase_add_test(tests, expecting_all);
    tcase_add_test(tests, loader_of_files);
    tcase_add_test(tests, nothing_is_found);
    return sp_run_forked(suite);
}
