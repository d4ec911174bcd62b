/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The purposes and email trust of the process: replaced while the provider is
 * loaded, restored afterwards, and never with a dangling name.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "base/compat.h"
#include "keyring_of_test.h"
#include "mail.h"
#include "register/register.h"

static const int ids[] = { X509_PURPOSE_SMIME_SIGN, X509_PURPOSE_SMIME_ENCRYPT, X509_PURPOSE_ANY };
static const char *const names[][2] = { { "S/MIME signing", "smimesign" },
                                        { "S/MIME encryption", "smimeencrypt" },
                                        { "Any Purpose", "any" } };

static X509_PURPOSE *purpose(int i)
{
    int index = X509_PURPOSE_get_by_id(ids[i]);

    ck_assert_int_ge(index, 0);
    return X509_PURPOSE_get0(index);
}

static void expect_names(void)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(X509_PURPOSE_get0_name(purpose(i)), names[i][0]);
        ck_assert_str_eq(X509_PURPOSE_get0_sname(purpose(i)), names[i][1]);
    }
}

static const struct row {
    const char *name;
    int may_sign, may_encrypt;
} rows[] = {
    { "good-rsa", 1, 1 },         { "good-ec", 1, 1 },      { "expired-rsa", 1, 1 },
    { "no-address-rsa", 0, 0 },   { "no-usage-rsa", 1, 0 }, { "sign-only-rsa", 1, 0 },
    { "encrypt-only-rsa", 0, 1 }, { "server-rsa", 0, 0 },
};

START_TEST(tell_the_truth)
{
    const struct row *row = &rows[_i];
    X509 *cert;

    sp_start(NULL);
    cert = sp_read_cert(row->name);
    ck_assert_int_eq(X509_check_purpose(cert, ids[0], 0), row->may_sign);
    ck_assert_int_eq(X509_check_purpose(cert, ids[1], 0), row->may_encrypt);
    X509_free(cert);
}
END_TEST

#define YEARS .not_before = "20200101000000Z", .not_after = "20991231235959Z"

static X509 *make(struct sp_recipe recipe)
{
    X509 *made = sp_make_cert(&recipe), *parsed = NULL;
    unsigned char *der = NULL;
    int length = i2d_X509(made, &der);
    const unsigned char *end = der;

    ck_assert_int_gt(length, 0);
    parsed = d2i_X509(NULL, &end, length);
    ck_assert_ptr_nonnull(parsed);
    OPENSSL_free(der);
    X509_free(made);
    return parsed;
}

/* Who is refused by libcrypto alone, for the type of Netscape, is not taken for verified. */
START_TEST(refused_by_libcrypto)
{
    X509 *cert;
    struct sp_cert *registered;

    sp_start("unverified_signers = refuse");
    cert =
        make((struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature",
                                 .again = { "nsCertType", _i == 0 ? "server" : "email" } });
    ck_assert_int_eq(X509_check_purpose(cert, ids[0], 0), _i);
    registered = sp_register_of_x509(cert);
    ck_assert_ptr_nonnull(registered);
    ck_assert_int_eq(sp_register_was_verified(registered), _i);
    sp_cert_unref(registered);
    X509_free(cert);
}
END_TEST

/* Other purposes are not changed. */
START_TEST(others_are_left_alone)
{
    X509 *server, *ca;

    sp_start(NULL);
    server = sp_read_cert("server-rsa");
    ca = sp_read_cert("ca");
    ck_assert_int_eq(X509_check_purpose(server, X509_PURPOSE_SSL_SERVER, 0), 1);
    ck_assert_int_eq(X509_check_purpose(server, X509_PURPOSE_SSL_CLIENT, 0), 1);
    ck_assert_int_eq(X509_check_purpose(ca, ids[0], 1), 1);
    ck_assert_int_eq(X509_check_purpose(ca, ids[1], 1), 1);
    X509_free(server);
    X509_free(ca);
}
END_TEST

/* Reading an incomplete certificate must not cache wrong answers into it. */
START_TEST(nothing_is_cached_early)
{
    X509 *cert;
    EVP_PKEY *key;

    sp_start(NULL);
    key = sp_read_key("good-rsa");
    cert = X509_new();
    X509_free(X509_new());
    ck_assert_int_eq(X509_set_version(cert, X509_VERSION_3), 1);
    ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
    X509_free(X509_new());
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(cert), -60));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    X509_free(X509_new());
    for (int i = 0; i < 2; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_nconf(NULL, NULL, i == 0 ? "subjectAltName" : "keyUsage",
                             i == 0 ? "email:bob@example.org" : "digitalSignature");

        ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    ck_assert_int_eq(X509_check_purpose(cert, ids[0], 0), 1);
    EXPECT_DONE(sp_cms_sign(cert, key, 0));
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/*
 * Verify.  |by_name|: by the name of the purpose, as mail functions do; else by its
 * id, without email trust.
 */
static int verify(X509 *cert, X509 *anchor, bool by_name)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int answer;

    ck_assert_int_eq(X509_STORE_add_cert(store, anchor), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    if (by_name)
        ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    else
        ck_assert_int_eq(X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), ids[0]), 1);
    answer = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return answer;
}

/* An earlier verification, good or failed, makes no issuer of a person's own certificate. */
START_TEST(one_chain_after_another)
{
    X509 *person, *minted, *ca, *good, *odd, *stray;

    sp_start(NULL);
    person = make((struct sp_recipe){ YEARS, .subject = "person", .san = "email:eve@example.org",
                                      .usage = "digitalSignature,keyCertSign",
                                      .basic = "critical,CA:TRUE" });
    minted =
        make((struct sp_recipe){ YEARS, .san = "email:ceo@example.org", .usage = "digitalSignature",
                                 .issuer = person, .issuer_key = sp_test_rsa() });
    ca = make((struct sp_recipe){ YEARS, .subject = "CA", .usage = "keyCertSign",
                                  .basic = "critical,CA:TRUE" });
    good =
        make((struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature",
                                 .issuer = ca, .issuer_key = sp_test_rsa() });
    odd = make((struct sp_recipe){
        YEARS, .san = "email:bob@example.org", .usage = "digitalSignature", .issuer = ca,
        .issuer_key = sp_test_rsa(), .again = { "1.2.3.4", "critical,DER:05:00" } });
    stray = make((struct sp_recipe){
        YEARS, .san = "email:ceo@example.org", .usage = "digitalSignature", .issuer = person,
        .issuer_key = sp_test_rsa(), .again = { "1.2.3.4", "critical,DER:05:00" } });
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(X509_check_purpose(person, ids[0], 1), 0);
        ck_assert_int_eq(verify(stray, person, true), 0);
        ck_assert_int_eq(X509_check_purpose(person, ids[0], 1), 0);
        ck_assert_int_eq(X509_check_purpose(person, ids[0], 0), 1);
        ck_assert_int_eq(X509_check_purpose(person, ids[0], 1), 0);
        ck_assert_int_eq(verify(minted, person, true), 0);
        ck_assert_int_eq(verify(minted, person, false), 0);
        ck_assert_int_eq(verify(good, ca, true), 1);
        ck_assert_int_eq(X509_check_purpose(person, ids[0], 1), 0);
        /* The verification fails before purposes are asked. */
        ck_assert_int_eq(verify(odd, ca, true), 0);
        ck_assert_int_eq(verify(minted, person, false), 0);
    }
    X509_free(person);
    X509_free(minted);
    X509_free(ca);
    X509_free(good);
    X509_free(odd);
    X509_free(stray);
}
END_TEST

/* |cert| by way of those |along| and of those in |store|, which is freed; what is raised. */
static const char *expect_verified(X509_STORE *store, X509 *cert, STACK_OF(X509) *along,
                                   unsigned long flags, bool done)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const char *errors;
    int answer;

    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, along), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_STORE_CTX_set_flags(ctx, flags);
    answer = X509_verify_cert(ctx);
    errors = sp_errors();
    ck_assert_msg(answer == done, "%d: %s", answer, errors);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return errors;
}

/* By way of |middle|, if given, with |anchor| in the store. */
static const char *expect_chain(X509 *cert, X509 *middle, X509 *anchor, bool done)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *along = sk_X509_new_null();
    const char *errors;

    ck_assert_int_eq(X509_STORE_add_cert(store, anchor), 1);
    if (middle != NULL)
        ck_assert_int_gt(sk_X509_push(along, middle), 0);
    errors = expect_verified(store, cert, along, X509_V_FLAG_PARTIAL_CHAIN, done);
    sk_X509_free(along);
    return errors;
}

/* A company's intermediate with an address issues, below the root and as an anchor. */
START_TEST(intermediate_with_an_address)
{
    X509 *root, *middle, *signer, *own;

    sp_start(NULL);
    root = make((struct sp_recipe){ YEARS, .subject = "root", .usage = "keyCertSign",
                                    .basic = "critical,CA:TRUE" });
    middle = make((struct sp_recipe){ YEARS, .subject = "middle", .san = "email:ca@example.org",
                                      .usage = "keyCertSign,digitalSignature",
                                      .basic = "critical,CA:TRUE", .issuer = root,
                                      .issuer_key = sp_test_rsa() });
    signer =
        make((struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature",
                                 .issuer = middle, .issuer_key = sp_test_rsa() });
    own = make((struct sp_recipe){ YEARS, .subject = "own", .san = "email:eve@example.org",
                                   .usage = "digitalSignature,keyCertSign",
                                   .basic = "critical,CA:TRUE" });
    for (int i = 0; i < 2; i++) {
        expect_chain(signer, middle, root, true);
        expect_chain(signer, NULL, middle, true);
        /* Who is an anchor vouches for itself, and for nobody else. */
        expect_chain(own, NULL, own, true);
        expect_chain(signer, NULL, signer, true);
        expect_chain(signer, middle, own, false);
    }
    X509_free(own);
    X509_free(signer);
    X509_free(middle);
    X509_free(root);
}
END_TEST

/* Verify a mail for any purpose. */
static bool verify_for_any(X509 *cert, X509 *anchor)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool done;

    ck_assert_int_eq(X509_STORE_add_cert(store, anchor), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    ck_assert_int_eq(
        X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), X509_PURPOSE_ANY), 1);
    done = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return done;
}

/*
 * A signer in the store needs no issuer, and is not asked to be one; who is one may be it, or the
 * mail is refused.
 */
START_TEST(any_purpose)
{
    X509 *alone, *issuers[2];

    sp_start(NULL);
    alone = make(
        (struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature" });
    EXPECT_DONE(verify_for_any(alone, alone));
    issuers[0] = make((struct sp_recipe){ YEARS, .subject = "CA", .usage = "keyCertSign",
                                          .basic = "critical,CA:TRUE" });
    issuers[1] = make(
        (struct sp_recipe){ YEARS, .subject = "person", .san = "email:eve@example.org",
                            .usage = "digitalSignature,keyCertSign", .basic = "critical,CA:TRUE" });
    for (int i = 0; i < 2; i++) {
        X509 *signer = make((struct sp_recipe){ YEARS, .san = "email:bob@example.org",
                                                .usage = "digitalSignature", .issuer = issuers[i],
                                                .issuer_key = sp_test_rsa() });

        EXPECT(verify_for_any(signer, issuers[i]), i == 0 ? NULL : "[distrust-default]");
        X509_free(signer);
        X509_free(issuers[i]);
    }
    X509_free(alone);
}
END_TEST

static const struct {
    const char *san; /* of the issuer between root and signer */
    bool done;
} middles[] = { { NULL, true }, { "email:eve@example.org", false } };

/*
 * Both are in the store and have one name.  The root does not vouch for a person's own CA.  Each
 * has a serial of its own: OpenSSL 4.0 takes the root for the issuer of a signer with its serial.
 */
START_TEST(intermediate_with_the_name_of_the_root)
{
    X509_STORE *store = X509_STORE_new();
    X509 *root, *middle, *signer;
    const char *errors;

    sp_start(NULL);
    root = make((struct sp_recipe){ YEARS, .subject = "root", .usage = "keyCertSign",
                                    .basic = "critical,CA:TRUE",
                                    .again = { "subjectKeyIdentifier", "01" } });
    middle = make(
        (struct sp_recipe){ YEARS, .subject = "root", .serial = 2, .san = middles[_i].san,
                            .usage = "keyCertSign,digitalSignature", .basic = "critical,CA:TRUE",
                            .key = sp_test_ec(), .issuer = root, .issuer_key = sp_test_rsa(),
                            .again = { "subjectKeyIdentifier", "02", "authorityKeyIdentifier",
                                       "DER:30:03:80:01:01" } });
    signer = make((struct sp_recipe){
        YEARS, .serial = 3, .san = "email:bob@example.org", .usage = "digitalSignature",
        .issuer = middle, .again = { "authorityKeyIdentifier", "DER:30:03:80:01:02" } });
    ck_assert_int_eq(X509_STORE_add_cert(store, root), 1);
    ck_assert_int_eq(X509_STORE_add_cert(store, middle), 1);
    errors = expect_verified(store, signer, NULL, 0, middles[_i].done);
    ck_assert_msg((strstr(errors, "[distrust-default]") == NULL) == middles[_i].done, "%s", errors);
    X509_free(signer);
    X509_free(middle);
    X509_free(root);
}
END_TEST

/* Kept as a contact it vouches for itself alone, wherever else it might have issued. */
START_TEST(intermediate_kept_as_a_contact)
{
    X509 *root, *middle, *signer;

    sp_start_with_keyring("");
    root = make((struct sp_recipe){ YEARS, .subject = "root", .usage = "keyCertSign",
                                    .basic = "critical,CA:TRUE" });
    middle = make((struct sp_recipe){ YEARS, .subject = "middle", .san = "email:ca@example.org",
                                      .usage = "keyCertSign,digitalSignature",
                                      .basic = "critical,CA:TRUE", .issuer = root,
                                      .issuer_key = sp_test_rsa() });
    signer =
        make((struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature",
                                 .issuer = middle, .issuer_key = sp_test_rsa() });
    sp_put(SP_ROLE_CONTACT, "good-ec");
    expect_chain(signer, NULL, middle, true);
    sp_put_cert(SP_ROLE_CONTACT, middle, NULL, NULL);
    expect_chain(signer, NULL, middle, false);
    X509_free(signer);
    X509_free(middle);
    X509_free(root);
}
END_TEST

/* Whether it may issue is not known: that is the reason, and no other is given. */
START_TEST(issuer_in_a_keyring_that_cannot_be_read)
{
    static const char *const told = "keyring cannot be used";
    X509 *person;
    const char *errors;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    person = make((struct sp_recipe){ YEARS, .subject = "person", .san = "email:eve@example.org",
                                      .usage = "digitalSignature,keyCertSign",
                                      .basic = "critical,CA:TRUE" });
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    ck_assert_int_eq(X509_check_purpose(person, ids[0], 1), 0);
    errors = sp_errors();
    ck_assert_msg(strncmp(errors, told, strlen(told)) == 0, "%s", errors);
    ck_assert_msg(strchr(errors, '\n') == strrchr(errors, '\n'), "%s", errors);
    X509_free(person);
}
END_TEST

/* A signer outside of a verification has no chain that the keyring would be asked about. */
START_TEST(signer_beside_a_keyring_that_cannot_be_read)
{
    X509 *cert;

    sp_start_with_keyring("revocation = off");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    cert = sp_read_cert("good-rsa");
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    EXPECT_DONE(X509_check_purpose(cert, ids[0], 0) == 1);
    X509_free(cert);
}
END_TEST

/* The rules are asked first, and what keeps them is refused too. */
START_TEST(a_signer_that_cannot_be_read)
{
    static const char *const told[][2] = { { NULL, "[signer-certificate]" },
                                           { "email:bob@example.org", "[distrust-default]" } };
    X509 *cert;
    const char *errors;

    sp_start(NULL);
    cert = make((struct sp_recipe){ YEARS, .san = told[_i][0], .usage = "digitalSignature",
                                    .again = { "nameConstraints", "DER:05:00" } });
    errors = expect_chain(cert, NULL, cert, false);
    ck_assert_msg(strstr(errors, told[_i][1]) != NULL, "%s", errors);
    ck_assert_msg(strstr(errors, told[1 - _i][1]) == NULL, "%s", errors);
    X509_free(cert);
}
END_TEST

/* In which role signer and CA are kept.  The program trusts the signer, and the CA if it is kept.
 */
static const struct {
    enum sp_role signer, ca;
    bool done;
} kept[] = {
    { SP_ROLE_NONE, SP_ROLE_NONE, false },    { SP_ROLE_CONTACT, SP_ROLE_NONE, true },
    { SP_ROLE_IDENTITY, SP_ROLE_NONE, true }, { SP_ROLE_NONE, SP_ROLE_CA, true },
    { SP_ROLE_NONE, SP_ROLE_CONTACT, false }, { SP_ROLE_CONTACT, SP_ROLE_CA, true },
};

/* A contact that another one has issued is trusted by itself. */
START_TEST(trusted_by_the_keyring_alone)
{
    X509_STORE *store = X509_STORE_new();
    X509 *ca, *signer;
    const char *errors;

    sp_start_with_keyring("trust = keyring");
    ca = make((struct sp_recipe){ YEARS, .subject = "CA", .usage = "keyCertSign",
                                  .basic = "critical,CA:TRUE" });
    signer =
        make((struct sp_recipe){ YEARS, .san = "email:bob@example.org", .usage = "digitalSignature",
                                 .issuer = ca, .issuer_key = sp_test_rsa() });
    sp_put(SP_ROLE_CONTACT, "good-ec");
    if (kept[_i].signer != SP_ROLE_NONE)
        sp_put_cert(kept[_i].signer, signer, NULL, NULL);
    if (kept[_i].ca != SP_ROLE_NONE) {
        sp_put_cert(kept[_i].ca, ca, NULL, NULL);
        ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
    }
    ck_assert_int_eq(X509_STORE_add_cert(store, signer), 1);
    errors = expect_verified(store, signer, NULL, X509_V_FLAG_PARTIAL_CHAIN, kept[_i].done);
    ck_assert_msg((strstr(errors, "[distrust-default]") == NULL) == kept[_i].done, "%s", errors);
    X509_free(signer);
    X509_free(ca);
}
END_TEST

START_TEST(put_back)
{
    X509_PURPOSE before[3];
    X509_TRUST *trust;
    int (*check_trust)(X509_TRUST *, sp_trust_x509 *, int);
    X509 *cert;

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    cert = sp_read_cert("no-address-rsa");
    trust = X509_TRUST_get0(X509_TRUST_get_by_id(X509_TRUST_EMAIL));
    check_trust = trust->check_trust;
    for (int i = 0; i < 3; i++)
        before[i] = *purpose(i);
    for (int round = 0; round < 3; round++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;

        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
        provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
        ck_assert_ptr_nonnull(provider);
        expect_names();
        ck_assert(purpose(0)->check_purpose != before[0].check_purpose);
        ck_assert(purpose(1)->check_purpose != before[1].check_purpose);
        ck_assert_int_eq(X509_check_purpose(cert, ids[0], 0), 0);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
        expect_names();
        ck_assert(purpose(0)->check_purpose == before[0].check_purpose);
        ck_assert(purpose(1)->check_purpose == before[1].check_purpose);
        ck_assert(purpose(2)->check_purpose == before[2].check_purpose);
        trust = X509_TRUST_get0(X509_TRUST_get_by_id(X509_TRUST_EMAIL));
        ck_assert(trust->check_trust == check_trust);
        ck_assert_int_eq(X509_check_purpose(cert, ids[0], 0), 1);
    }
    X509_free(cert);
}
END_TEST

static int always(const X509_PURPOSE *p, const X509 *cert, int ca)
{
    (void)p;
    (void)cert;
    (void)ca;
    return 1;
}

static int trust_always(X509_TRUST *trust, sp_trust_x509 *cert, int flags)
{
    (void)trust, (void)cert, (void)flags;
    return X509_TRUST_TRUSTED;
}

/* If a program replaced the check after us, its check stays when we go. */
START_TEST(somebody_came_after_us)
{
    static char name[] = "S/MIME signing", short_name[] = "smimesign";
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider;

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
    ck_assert_ptr_nonnull(provider);
    ck_assert_int_eq(X509_PURPOSE_add(ids[0], X509_TRUST_EMAIL, 0, always, name, short_name, NULL),
                     1);
    ck_assert_int_eq(
        X509_TRUST_add(X509_TRUST_EMAIL, 0, trust_always, name, NID_email_protect, NULL), 1);
    ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
    OSSL_LIB_CTX_free(libctx);
    ck_assert(purpose(0)->check_purpose == always);
    ck_assert(X509_TRUST_get0(X509_TRUST_get_by_id(X509_TRUST_EMAIL))->check_trust == trust_always);
    expect_names();
}
END_TEST

/* Who may end a chain is asked for nothing when nothing is trusted. */
START_TEST(trusted_while_locked)
{
    X509 *ca;

    sp_start(_i == 0 ? NULL : "mode = other");
    ca = sp_read_cert("ca");
    ck_assert_int_eq(X509_check_trust(ca, X509_TRUST_EMAIL, 0) == X509_TRUST_REJECTED, _i == 1);
    ck_assert_msg(strstr(sp_errors(), _i == 0 ? "" : "mode = other") != NULL, "not told");
    X509_free(ca);
}
END_TEST

/* A keyring that is not there yet vouches for nobody; where it alone vouches it has to be there. */
START_TEST(trusted_without_a_keyring)
{
    X509 *ca;

    sp_start(_i == 0 ? "keyring = /nonexistent/ring"
                     : "keyring = /nonexistent/ring\ntrust = keyring");
    ca = sp_read_cert("ca");
    EXPECT(X509_check_trust(ca, X509_TRUST_EMAIL, 0) != X509_TRUST_REJECTED,
           _i == 0 ? NULL : "keyring cannot be used");
    X509_free(ca);
}
END_TEST

/* What was rejected is logged, with the certificate if the register has it. */
START_TEST(rejected_anchor_is_logged)
{
    char path[] = "/tmp/test-purposes-XXXXXX", text[8192] = "", *settings, *conf, *file;
    const bool before = _i == 1;
    const int log = mkstemp(path);
    X509 *cert;

    ck_assert_int_ge(log, 0);
    ck_assert_int_gt(asprintf(&settings, "trust = keyring\ndecision_log = %s", path), 0);
    conf = sp_configuration(settings);
    file = sp_temporary(conf);
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    cert = before ? sp_read_cert("good-rsa") : NULL;
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(NULL, file), 1);
    if (!before)
        cert = sp_read_cert("good-rsa");
    ERR_clear_error();
    ck_assert_int_eq(X509_check_trust(cert, X509_TRUST_EMAIL, 0), X509_TRUST_REJECTED);
    ck_assert_int_gt(read(log, text, sizeof(text) - 1), 0);
    ck_assert_msg(strstr(text, "distrust-default") != NULL, "%s", text);
    ck_assert_msg((strstr(text, "\"certificate\":null") != NULL) == before, "%s", text);
    ck_assert_int_eq(unlink(path), 0);
    (void)close(log);
    X509_free(cert);
    free(file);
    free(conf);
    free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("purposes");
    TCase *tests = sp_case(suite, "purposes");

    tcase_add_loop_test(tests, tell_the_truth, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, refused_by_libcrypto, 0, 2);
    tcase_add_test(tests, others_are_left_alone);
    tcase_add_test(tests, nothing_is_cached_early);
    tcase_add_test(tests, one_chain_after_another);
    tcase_add_test(tests, intermediate_with_an_address);
    tcase_add_test(tests, any_purpose);
    tcase_add_loop_test(tests, intermediate_with_the_name_of_the_root, 0, SP_ROWS(middles));
    tcase_add_test(tests, intermediate_kept_as_a_contact);
    tcase_add_test(tests, issuer_in_a_keyring_that_cannot_be_read);
    tcase_add_test(tests, signer_beside_a_keyring_that_cannot_be_read);
    tcase_add_loop_test(tests, a_signer_that_cannot_be_read, 0, 2);
    tcase_add_loop_test(tests, trusted_by_the_keyring_alone, 0, SP_ROWS(kept));
    tcase_add_test(tests, put_back);
    tcase_add_test(tests, somebody_came_after_us);
    tcase_add_loop_test(tests, trusted_while_locked, 0, 2);
    tcase_add_loop_test(tests, trusted_without_a_keyring, 0, 2);
    tcase_add_loop_test(tests, rejected_anchor_is_logged, 0, 2);
    return sp_run_forked(suite);
}
