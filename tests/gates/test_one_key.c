/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One key with an expired certificate and a renewed one, in one process: the
 * certificate that the key was compared with is the one meant.
 */
#include <pthread.h>

#include <openssl/err.h>

#include "mail.h"

#define TEXT "hello\nworld\n"

static const struct row {
    const char *good, *old;
    bool good_first; /* the good certificate is parsed first */
} rows[] = { { "good-rsa", "old-rsa", true },
             { "good-rsa", "old-rsa", false },
             { "good-ec", "old-ec", true },
             { "good-ec", "old-ec", false } };

struct pair {
    X509 *good, *old;
    EVP_PKEY *key;
};

static struct pair start(size_t which)
{
    const struct row *row = &rows[which];
    struct pair pair = { 0 };

    sp_start(NULL);
    pair.good = row->good_first ? sp_read_cert(row->good) : NULL;
    pair.old = sp_read_cert(row->old);
    if (pair.good == NULL)
        pair.good = sp_read_cert(row->good);
    pair.key = sp_read_key(row->good);
    return pair;
}

static void end(struct pair *pair)
{
    X509_free(pair->good);
    X509_free(pair->old);
    EVP_PKEY_free(pair->key);
}

/* A message whose signature is made when it is written. */
static PKCS7 *begin(X509 *signer, EVP_PKEY *key)
{
    return PKCS7_sign(signer, key, NULL, NULL, PKCS7_BINARY | PKCS7_STREAM);
}

static bool finish(PKCS7 *message)
{
    BIO *data = BIO_new_mem_buf(TEXT, -1);
    bool done = PKCS7_final(message, data, PKCS7_BINARY) == 1;

    BIO_free(data);
    return done;
}

/*
 * Sign and write as Ruby, PHP and M2Crypto do: writing signs again.  |written| are
 * the flags for writing.
 */
static bool sign_and_write(X509 *signer, EVP_PKEY *key, int flags, int written)
{
    BIO *data = BIO_new_mem_buf(TEXT, -1), *out = BIO_new(BIO_s_null());
    PKCS7 *message = PKCS7_sign(signer, key, NULL, data, flags | PKCS7_DETACHED);
    bool done = message != NULL;

    BIO_free(data);
    data = BIO_new_mem_buf(TEXT, -1);
    done = done && SMIME_write_PKCS7(out, message, data, written | PKCS7_DETACHED) == 1;
    PKCS7_free(message);
    BIO_free(data);
    BIO_free(out);
    return done;
}

static bool decrypt(X509 *cert, EVP_PKEY *key)
{
    BIO *file = sp_read_file("old-rsa", "enc"), *out = BIO_new(BIO_s_null());
    PKCS7 *message = d2i_PKCS7_bio(file, NULL);
    bool done = PKCS7_decrypt(message, key, cert, out, 0) == 1;

    PKCS7_free(message);
    BIO_free(file);
    BIO_free(out);
    return done;
}

static bool decrypt_cms(EVP_PKEY *key)
{
    BIO *file = sp_read_file("old-rsa", "enc"), *out = BIO_new(BIO_s_null());
    CMS_ContentInfo *message = d2i_CMS_bio(file, NULL);
    bool done = CMS_decrypt(message, key, NULL, NULL, out, 0) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(file);
    BIO_free(out);
    return done;
}

static const int ways[][2] = { { 0, 0 },
                               { PKCS7_BINARY, PKCS7_BINARY },
                               { PKCS7_BINARY, 0 }, /* the content unchanged, then with CR LF */
                               { PKCS7_NOATTR, PKCS7_NOATTR } };
#define WAYS (sizeof(ways) / sizeof(ways[0]))

START_TEST(signed_and_written)
{
    struct pair pair = start((size_t)_i);

    for (size_t i = 0; i < 2 * WAYS; i++) {
        const int *way = ways[i % WAYS];

        EXPECT_DONE(sign_and_write(pair.good, pair.key, way[0], way[1]));
    }
    EXPECT_DONE(sp_cms_sign(pair.good, pair.key, CMS_STREAM));
    EXPECT_DONE(sp_cms_sign(pair.good, pair.key, CMS_NOATTR));
    EXPECT_REFUSED(sign_and_write(pair.old, pair.key, 0, 0), "[expired]");
    EXPECT_REFUSED(sp_cms_sign(pair.old, pair.key, CMS_STREAM), "[expired]");
    /* Signing the same message again is the same signature, even if others were refused before. */
    EXPECT_DONE(sign_and_write(pair.good, pair.key, 0, 0));
    EXPECT_DONE(sign_and_write(pair.good, pair.key, PKCS7_NOATTR, PKCS7_NOATTR));
    EXPECT_DONE(sp_pkcs7_sign(pair.good, pair.key, 0));
    /* Another message is another signature. */
    EXPECT_REFUSED(sign_and_write(pair.good, pair.key, PKCS7_NOATTR | PKCS7_BINARY, PKCS7_NOATTR),
                   "share this key");
    end(&pair);
}
END_TEST

/* With an EC key it decrypts nothing, so its comparison is not told from one to sign. */
START_TEST(decrypted_in_vain)
{
    struct pair pair = start((size_t)_i);

    ck_assert(!decrypt(pair.old, pair.key));
    ERR_clear_error();
    EXPECT_REFUSED(sp_pkcs7_sign(pair.good, pair.key, 0), "share this key");
    EXPECT_DONE(sp_pkcs7_sign(pair.good, pair.key, 0));
    end(&pair);
}
END_TEST

START_TEST(old_mail_first)
{
    struct pair pair = start((size_t)_i);

    EXPECT_DONE(decrypt(pair.old, pair.key));
    for (size_t i = 0; i < WAYS; i++) {
        EXPECT_DONE(sign_and_write(pair.good, pair.key, ways[i][0], ways[i][1]));
        EXPECT_DONE(decrypt(pair.old, pair.key));
    }
    EXPECT_DONE(sp_cms_sign(pair.good, pair.key, CMS_STREAM));
    EXPECT_REFUSED(sign_and_write(pair.old, pair.key, 0, 0), "[expired]");
    end(&pair);
}
END_TEST

/* Two signatures are made at once: it is not known for whom the next one is. */
START_TEST(two_at_once)
{
    struct pair pair = start((size_t)_i);
    PKCS7 *old = begin(pair.old, pair.key), *good = begin(pair.good, pair.key);

    EXPECT_REFUSED(finish(good), "share this key");
    EXPECT_REFUSED(finish(old), "[expired]");
    /* An earlier comparison is remembered while other messages are signed. */
    EXPECT_DONE(sp_pkcs7_sign(pair.good, pair.key, 0));
    EXPECT_REFUSED(finish(old), "[expired]");
    PKCS7_free(old);
    PKCS7_free(good);
    end(&pair);
}
END_TEST

/* A comparison for a signature stays one when the key decrypts in between. */
START_TEST(decrypted_in_between)
{
    struct pair pair = start((size_t)_i);
    PKCS7 *old;

    EXPECT_DONE(sp_pkcs7_sign(pair.good, pair.key, 0));
    old = begin(pair.old, pair.key);
    EXPECT_DONE(decrypt_cms(pair.key));
    EXPECT_REFUSED(finish(old), "[expired]");
    PKCS7_free(old);
    end(&pair);
}
END_TEST

static struct pair called;
static PKCS7 *begun;

static long begin_at_write(BIO *bio, int operation, const char *data, size_t length, int argi,
                           long argl, int done, size_t *processed)
{
    (void)bio, (void)data, (void)length, (void)argi, (void)argl, (void)processed;
    if (operation == BIO_CB_WRITE && begun == NULL)
        begun = begin(called.old, called.key);
    return done;
}

/* What a program does in a callback of PKCS7_decrypt() is not libcrypto's decryption. */
START_TEST(compared_in_a_callback)
{
    BIO *file, *out = BIO_new(BIO_s_mem());
    PKCS7 *message;

    called = start((size_t)_i);
    EXPECT_DONE(sp_pkcs7_sign(called.good, called.key, 0));
    file = sp_read_file("old-rsa", "enc");
    message = d2i_PKCS7_bio(file, NULL);
    BIO_set_callback_ex(out, begin_at_write);
    ck_assert_int_eq(PKCS7_decrypt(message, called.key, called.old, out, 0), 1);
    ck_assert_ptr_nonnull(begun);
    EXPECT_REFUSED(finish(begun), "[expired]");
    PKCS7_free(begun);
    PKCS7_free(message);
    BIO_free(file);
    BIO_free(out);
    end(&called);
}
END_TEST

#define ROUNDS 200

static void *read_old_mail(void *arg)
{
    const struct pair *pair = arg;
    size_t done = 0;

    for (size_t i = 0; i < ROUNDS; i++)
        done += decrypt(pair->old, pair->key);
    return done == ROUNDS ? arg : NULL;
}

static void *begin_old(void *arg)
{
    const struct pair *pair = arg;

    return begin(pair->old, pair->key);
}

/* One key object in two threads. */
START_TEST(old_mail_in_another_thread)
{
    struct pair pair = start((size_t)_i);
    pthread_t reader;
    void *done;

    ck_assert_int_eq(pthread_create(&reader, NULL, read_old_mail, &pair), 0);
    for (size_t i = 0; i < ROUNDS; i++)
        EXPECT_DONE(sign_and_write(pair.good, pair.key, ways[i % WAYS][0], ways[i % WAYS][1]));
    ck_assert_int_eq(pthread_join(reader, &done), 0);
    ck_assert_ptr_nonnull(done);
    end(&pair);
}
END_TEST

START_TEST(begun_in_another_thread)
{
    struct pair pair = start((size_t)_i);
    PKCS7 *good;
    pthread_t other;
    void *old;

    EXPECT_DONE(sp_pkcs7_sign(pair.good, pair.key, 0));
    ck_assert_int_eq(pthread_create(&other, NULL, begin_old, &pair), 0);
    ck_assert_int_eq(pthread_join(other, &old), 0);
    good = begin(pair.good, pair.key);
    EXPECT_REFUSED(finish(old), "[expired]");
    EXPECT_REFUSED(finish(good), "[expired]");
    PKCS7_free(old);
    PKCS7_free(good);
    end(&pair);
}
END_TEST

#define RSA_ROWS 2

int main(void)
{
    Suite *suite = suite_create("one_key");
    TCase *tests = sp_case(suite, "one_key");

    tcase_add_loop_test(tests, signed_and_written, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, two_at_once, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, begun_in_another_thread, 0, SP_ROWS(rows));
    /* PKCS7_decrypt() compares RSA keys only. */
    tcase_add_loop_test(tests, decrypted_in_vain, RSA_ROWS, SP_ROWS(rows));
    tcase_add_loop_test(tests, old_mail_first, 0, RSA_ROWS);
    tcase_add_loop_test(tests, decrypted_in_between, 0, RSA_ROWS);
    tcase_add_loop_test(tests, compared_in_a_callback, 0, RSA_ROWS);
    tcase_add_loop_test(tests, old_mail_in_another_thread, 0, RSA_ROWS);
    return sp_run_forked(suite);
}
