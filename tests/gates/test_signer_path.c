/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An issuer of a signer has expired: which one is found, how far is looked, and that
 * every allocation of ours fails once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "certs.h"
#include "mail.h"
#include "starve.h"

#define PAST   "20150101000000Z", "20210101000000Z"
#define FUTURE "20200101000000Z", "20991231235959Z"

struct encoded {
    unsigned char *der;
    int length;
};

static struct encoded signer, old_ca, new_ca, key;
static char *conf; /* the name of a file */

static struct encoded encode(X509 *cert)
{
    struct encoded encoded = { 0 };

    encoded.length = i2d_X509(cert, &encoded.der);
    ck_assert_int_gt(encoded.length, 0);
    return encoded;
}

static X509 *make_ca(const char *not_before, const char *not_after, int serial)
{
    return sp_make_cert(&(struct sp_recipe){ .subject = "CA",
                                             .not_before = not_before,
                                             .not_after = not_after,
                                             .key = sp_test_ec(),
                                             .usage = "keyCertSign",
                                             .basic = "critical,CA:TRUE",
                                             .serial = serial,
                                             .again = { "subjectKeyIdentifier", "hash" } });
}

/* Before the provider: it would not let the certificates be made. */
static void make_certs(void)
{
    X509 *old = make_ca(PAST, 1), *renewed = make_ca(FUTURE, 2), *cert;
    const struct sp_recipe recipe = { .not_before = "20200101000000Z",
                                      .not_after = "20991231235959Z",
                                      .issuer = old,
                                      .issuer_key = sp_test_ec(),
                                      .san = "email:bob@example.org",
                                      .usage = "digitalSignature" };

    cert = sp_make_cert(&recipe);
    signer = encode(cert);
    old_ca = encode(old);
    new_ca = encode(renewed);
    key.length = i2d_PrivateKey(sp_test_rsa(), &key.der);
    ck_assert_int_gt(key.length, 0);
    X509_free(cert);
    X509_free(renewed);
    X509_free(old);
}

static void free_certs(void)
{
    OPENSSL_free(signer.der);
    OPENSSL_free(old_ca.der);
    OPENSSL_free(new_ca.der);
    OPENSSL_free(key.der);
}

static X509 *parse(OSSL_LIB_CTX *libctx, const struct encoded *encoded)
{
    const unsigned char *der = encoded->der;
    X509 *cert = X509_new_ex(libctx, NULL);

    if (cert != NULL)
        (void)d2i_X509(&cert, &der, encoded->length);
    return cert;
}

static bool sign_mail(OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY *private)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message = CMS_sign_ex(cert, private, NULL, data, CMS_BINARY, libctx, NULL);
    const bool done = message != NULL;

    CMS_ContentInfo_free(message);
    BIO_free(data);
    return done;
}

/* Sign something that is no mail, as far as can be told. */
static bool sign_bytes(OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY *private)
{
    static const unsigned char bytes[32] = { 1 };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, private, NULL);
    unsigned char signature[512];
    size_t length = sizeof(signature);
    const bool done = EVP_PKEY_sign_init(ctx) == 1 &&
                      EVP_PKEY_sign(ctx, signature, &length, bytes, sizeof(bytes)) == 1;

    (void)cert;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool sign_stamp(OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY *private)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[512];
    size_t length = sizeof(signature);
    const bool done =
        EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, private, NULL) == 1 &&
        EVP_DigestSign(ctx, signature, &length, sp_stamp_attributes, sizeof(sp_stamp_attributes)) ==
            1;

    (void)cert;
    EVP_MD_CTX_free(ctx);
    return done;
}

typedef bool sign_fn(OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY *private);

/* The most certificates that a test has parsed. */
#define MANY 65

/* Sign with |own| while the |count| certificates |others| are parsed. */
static bool sign_as(OSSL_LIB_CTX *libctx, const struct encoded *own, const struct encoded *others,
                    int count, sign_fn *how)
{
    const unsigned char *der = key.der;
    X509 *parsed[MANY], *cert;
    EVP_PKEY *private;
    bool complete = true, done;

    for (int i = 0; i < count; i++)
        complete = (parsed[i] = parse(libctx, &others[i])) != NULL && complete;
    cert = parse(libctx, own);
    private = d2i_AutoPrivateKey_ex(NULL, &der, key.length, libctx, NULL);
    done = complete && cert != NULL && private != NULL && how(libctx, cert, private);
    EVP_PKEY_free(private);
    X509_free(cert);
    for (int i = 0; i < count; i++)
        X509_free(parsed[i]);
    return done;
}

/* Sign while |ca|, and perhaps |other|, are parsed certificates of the process. */
static bool sign(OSSL_LIB_CTX *libctx, const struct encoded *ca, const struct encoded *other)
{
    const struct encoded others[] = { *ca, other != NULL ? *other : *ca };

    return sign_as(libctx, &signer, others, other != NULL ? 2 : 1, sign_mail);
}

static OSSL_LIB_CTX *context(void)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, conf), 1);
    return libctx;
}

/* Sign while one allocation fails; false if none was left to fail. */
static bool refuses(long fails)
{
    OSSL_LIB_CTX *libctx = context();
    bool starving;

    sp_starve(fails);
    ck_assert_msg(!sign(libctx, &old_ca, NULL), "signs when allocation %ld fails", fails);
    starving = sp_starve_end();
    if (!starving)
        ck_assert_ptr_nonnull(strstr(sp_errors(), "on the signer's path expired"));
    ERR_clear_error();
    OSSL_LIB_CTX_free(libctx);
    return starving;
}

START_TEST(every_allocation_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    char *settings = sp_configuration("signer_path = refuse");
    OSSL_LIB_CTX *libctx;
    long fails = 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    make_certs();
    conf = sp_temporary(settings);
    while (refuses(fails))
        fails += step;
    ck_assert_int_gt(fails, 30);
    libctx = context();
    ck_assert(sign(libctx, &new_ca, NULL));
    ck_assert(sign(libctx, &old_ca, &new_ca));
    ck_assert(!sign(libctx, &old_ca, NULL));
    OSSL_LIB_CTX_free(libctx);
    free_certs();
    free(conf);
    free(settings);
}
END_TEST

/* What is found on a path, and who is blamed, is forgotten with the signature. */
START_TEST(nothing_is_left)
{
    char *settings = sp_configuration("signer_path = refuse");
    OSSL_LIB_CTX *libctx;
    long kept = 0;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    make_certs();
    conf = sp_temporary(settings);
    libctx = context();
    for (int i = 0; i < 40; i++) {
        /* By then libcrypto has what it keeps; a few blocks may still be added by chance. */
        if (i == 20)
            kept = sp_starve_kept();
        ck_assert(sign(libctx, &new_ca, NULL));
        ck_assert(sign(libctx, &old_ca, &new_ca));
        ck_assert(!sign(libctx, &old_ca, NULL));
        ERR_clear_error();
    }
    ck_assert_int_lt(sp_starve_kept(), kept + 20);
    OSSL_LIB_CTX_free(libctx);
    free_certs();
    free(conf);
    free(settings);
}
END_TEST

static void begin(void)
{
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    key.length = i2d_PrivateKey(sp_test_rsa(), &key.der);
    ck_assert_int_gt(key.length, 0);
}

/* Sign with a certificate under |issuer| while |others|, which are freed, are parsed. */
static void expect_signed(X509 *issuer, const char *authority, struct encoded *others, int count,
                          const char *refused)
{
    X509 *cert =
        sp_make_cert(&(struct sp_recipe){ .not_before = "20200101000000Z",
                                          .not_after = "20991231235959Z",
                                          .issuer = issuer,
                                          .san = "email:bob@example.org",
                                          .usage = "digitalSignature",
                                          .again = { "authorityKeyIdentifier", authority } });
    struct encoded own = encode(cert);
    char *settings = sp_configuration("signer_path = refuse");
    OSSL_LIB_CTX *libctx;

    X509_free(cert);
    conf = sp_temporary(settings);
    libctx = context();
    EXPECT(sign_as(libctx, &own, others, count, sign_mail), refused);
    OSSL_LIB_CTX_free(libctx);
    for (int i = 0; i < count; i++)
        OPENSSL_free(others[i].der);
    OPENSSL_free(own.der);
    OPENSSL_free(key.der);
    free(conf);
    free(settings);
}

#define CERT_SIGN "keyCertSign"
#define ONE       "DER:04:02:01:05"
#define OTHER     "DER:04:02:02:05"
#define OF_ONE    "DER:30:04:80:02:01:05"

/*
 * What an expired CA has, and what the signer names.  |beside|: the key identifier of a
 * valid CA of the same name.
 */
static const struct {
    const char *subject, *key_id, *usage;
    const char *issuer, *authority;
    bool forged, is_issuer;
    const char *beside;
} issuers[] = {
    { "My CA", NULL, CERT_SIGN, "My CA", NULL, false, true, NULL },
    { "My CA", ONE, CERT_SIGN, "My CA", OF_ONE, false, true, NULL },
    { "My CA", ONE, CERT_SIGN, "My CA", NULL, false, true, NULL },
    { "My CA", NULL, CERT_SIGN, "My CA", OF_ONE, false, true, NULL },
    { "My CA", OTHER, CERT_SIGN, "My CA", OF_ONE, false, false, NULL },
    /* Names are compared as libcrypto compares them. */
    { "My CA", NULL, CERT_SIGN, "my  ca", NULL, false, true, NULL },
    { "My CA", NULL, CERT_SIGN, "My CB", NULL, false, false, NULL },
    { "My CA", NULL, CERT_SIGN, "MyCA", NULL, false, false, NULL },
    /* Whether it may issue is not what proves it. */
    { "My CA", NULL, "digitalSignature", "My CA", NULL, false, true, NULL },
    { "My CA", NULL, CERT_SIGN, "My CA", NULL, true, false, NULL },
    { "My CA", ONE, CERT_SIGN, "My CA", OF_ONE, false, true, OTHER },
    { "My CA", ONE, CERT_SIGN, "My CA", OF_ONE, false, false, ONE },
    { "My CA", ONE, CERT_SIGN, "My CA", NULL, false, false, OTHER },
};

START_TEST(who_is_the_issuer)
{
    EVP_PKEY *forger = sp_make_key("EC", "P-256");
    struct sp_recipe recipe = { .subject = issuers[_i].subject,
                                .not_before = "20150101000000Z",
                                .not_after = "20210101000000Z",
                                .key = issuers[_i].forged ? forger : sp_test_ec(),
                                .usage = issuers[_i].usage,
                                .basic = "critical,CA:TRUE",
                                .again = { "subjectKeyIdentifier", issuers[_i].key_id } };
    struct encoded others[2];
    X509 *cert, *named;
    int count = 0;

    begin();
    cert = sp_make_cert(&recipe);
    others[count++] = encode(cert);
    if (issuers[_i].beside != NULL) {
        X509 *valid;

        recipe.not_after = "20991231235959Z";
        recipe.again[1] = issuers[_i].beside;
        valid = sp_make_cert(&recipe);
        others[count++] = encode(valid);
        X509_free(valid);
    }
    recipe.subject = issuers[_i].issuer;
    named = sp_make_cert(&recipe);
    expect_signed(named, issuers[_i].authority, others, count,
                  issuers[_i].is_issuer ? "on the signer's path expired" : NULL);
    X509_free(named);
    X509_free(cert);
    EVP_PKEY_free(forger);
}
END_TEST

static const struct {
    int above;   /* so many certificates above the signer, of which the root has expired */
    int of_name; /* or so many expired ones of one name */
    const char *refused;
} amounts[] = {
    { 2, 0, "CA 0" }, { 16, 0, "CA 0" }, { 17, 0, NULL },
    { 0, 2, "CA" },   { 0, 64, "CA" },   { 0, 65, NULL },
};

/* Beyond the limits nothing is known, and the readers of the message judge. */
START_TEST(how_far_is_looked)
{
    const int above = amounts[_i].above, count = above + amounts[_i].of_name;
    struct encoded others[MANY];
    X509 *last = NULL;
    char name[20] = "CA";

    begin();
    for (int i = 0; i < count; i++) {
        X509 *issuer = above > 0 ? last : NULL, *before = last;
        const bool expired = i == 0 || above == 0;

        if (above > 0)
            (void)snprintf(name, sizeof(name), "CA %d", i);
        last = sp_make_cert(
            &(struct sp_recipe){ .subject = name,
                                 .not_before = "20150101000000Z",
                                 .not_after = expired ? "20210101000000Z" : "20991231235959Z",
                                 .key = sp_test_ec(),
                                 .issuer = issuer,
                                 .usage = CERT_SIGN,
                                 .basic = "critical,CA:TRUE",
                                 .serial = i + 1 });
        others[i] = encode(last);
        X509_free(before);
    }
    expect_signed(last, NULL, others, count, amounts[_i].refused);
    X509_free(last);
}
END_TEST

/* Of two certificates of the key, one has an issuer that has expired: which one is meant is open.
 */
START_TEST(one_of_two_certificates)
{
    struct sp_recipe recipe = { .subject = "CB",
                                .not_before = "20200101000000Z",
                                .not_after = "20991231235959Z",
                                .key = sp_test_ec(),
                                .usage = CERT_SIGN,
                                .basic = "critical,CA:TRUE" };
    struct encoded others[3], own;
    X509 *old, *valid, *certs[2];
    char *settings = sp_configuration("signer_path = refuse");
    OSSL_LIB_CTX *libctx;

    begin();
    old = make_ca(PAST, 1);
    valid = sp_make_cert(&recipe);
    for (int i = 0; i < 2; i++)
        certs[i] = sp_make_cert(&(struct sp_recipe){ .not_before = "20200101000000Z",
                                                     .not_after = "20991231235959Z",
                                                     .issuer = i == _i ? old : valid,
                                                     .issuer_key = sp_test_ec(),
                                                     .serial = 5 + i,
                                                     .san = "email:bob@example.org",
                                                     .usage = "digitalSignature" });
    others[0] = encode(old);
    others[1] = encode(valid);
    others[2] = encode(certs[0]);
    own = encode(certs[1]);
    conf = sp_temporary(settings);
    libctx = context();
    EXPECT_REFUSED(sign_as(libctx, &own, others, 3, sign_bytes), "on the signer's path expired");
    OSSL_LIB_CTX_free(libctx);
    for (int i = 0; i < 3; i++)
        OPENSSL_free(others[i].der);
    OPENSSL_free(own.der);
    OPENSSL_free(key.der);
    for (int i = 0; i < 2; i++)
        X509_free(certs[i]);
    X509_free(valid);
    X509_free(old);
    free(conf);
    free(settings);
}
END_TEST

/* Of whom the issuers are judged: what is observed shows it, as the key itself may be refused. */
static const struct {
    const char *raw_keys, *extended, *san;
    sign_fn *how;
    int judged; /* issuers in the log */
} keys[] = {
    { "pass", "serverAuth", "DNS:example.org", sign_bytes, 0 },
    { "judge", "serverAuth", "DNS:example.org", sign_bytes, 1 },
    { "pass", "serverAuth", "DNS:example.org", sign_mail, 1 },
    { "judge", "critical,timeStamping", "DNS:example.org", sign_stamp, 0 },
    { "pass", "emailProtection", "email:bob@example.org", sign_bytes, 1 },
};

/* How often |file|, which is removed, has |word|. */
static int count_in(const char *file, const char *word)
{
    FILE *in = fopen(file, "r");
    char line[4096];
    int count = 0;

    while (in != NULL && fgets(line, sizeof(line), in) != NULL)
        for (const char *at = line; (at = strstr(at, word)) != NULL; at++)
            count++;
    if (in != NULL)
        (void)fclose(in);
    (void)unlink(file);
    return count;
}

START_TEST(what_is_no_mail_has_no_path)
{
    char log[] = "/tmp/test_signer_path.XXXXXX", more[200], *settings;
    struct encoded own;
    OSSL_LIB_CTX *libctx;
    X509 *old, *cert;
    const int fd = mkstemp(log);

    begin();
    ck_assert(fd >= 0 && close(fd) == 0);
    old = make_ca(PAST, 1);
    cert = sp_make_cert(&(struct sp_recipe){ .not_before = "20200101000000Z",
                                             .not_after = "20991231235959Z",
                                             .issuer = old,
                                             .issuer_key = sp_test_ec(),
                                             .san = keys[_i].san,
                                             .usage = "digitalSignature",
                                             .extended = keys[_i].extended });
    own = encode(cert);
    old_ca = encode(old);
    (void)snprintf(more, sizeof(more), "mode = observe\nraw_keys = %s\ndecision_log = %s",
                   keys[_i].raw_keys, log);
    settings = sp_configuration(more);
    conf = sp_temporary(settings);
    libctx = context();
    EXPECT_DONE(sign_as(libctx, &own, &old_ca, 1, keys[_i].how));
    ck_assert_int_eq(count_in(log, "on the signer's path"), keys[_i].judged);
    OSSL_LIB_CTX_free(libctx);
    X509_free(cert);
    X509_free(old);
    OPENSSL_free(own.der);
    OPENSSL_free(old_ca.der);
    OPENSSL_free(key.der);
    free(conf);
    free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer_path");
    TCase *tests = sp_case(suite, "signer_path");

    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_add_test(tests, nothing_is_left);
    tcase_add_loop_test(tests, who_is_the_issuer, 0, SP_ROWS(issuers));
    tcase_add_loop_test(tests, how_far_is_looked, 0, SP_ROWS(amounts));
    tcase_add_loop_test(tests, one_of_two_certificates, 0, 2);
    tcase_add_loop_test(tests, what_is_no_mail_has_no_path, 0, SP_ROWS(keys));
    return sp_run_forked(suite);
}
