/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the gates report to the command that started this program, and what they refuse
 * for it alone.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "certs.h"
#include "mail.h"
#include "reporting.h"

static bool encrypt_to_both(const char *first, const char *second)
{
    X509 *a = sp_read_cert(first), *b = sp_read_cert(second);
    bool done = sp_cms_encrypt(a, b, CMS_BINARY);

    X509_free(a);
    X509_free(b);
    return done;
}

START_TEST(used)
{
    const char *use = _i == 0 ? "sign" : "encrypt";
    char *rsa, *ec, *lines;

    sp_start_reporting("");
    rsa = sp_fingerprint_of("good-rsa");
    ec = sp_fingerprint_of("good-ec");
    EXPECT_DONE(_i == 0 ? sp_sign_as("good-rsa") && sp_sign_as("good-ec")
                        : encrypt_to_both("good-rsa", "good-ec"));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", use), 2);
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", rsa), 1);
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", ec), 1);
    ck_assert_int_eq(sp_count_lines(lines, "refused ", ""), 0);
    free(lines);
    free(rsa);
    free(ec);
}
END_TEST

/* A signature of something else than a mail is not reported. */
START_TEST(no_mail)
{
    EVP_PKEY *key;
    sp_start_reporting("");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_sign_data(key, "SHA256", "data", 4));
    EVP_PKEY_free(key);
    sp_expect_reported("");
}
END_TEST

/* An unknown key that is refused, and one that is only observed. */
START_TEST(unknown_key)
{
    EVP_PKEY *key;
    char *lines;

    sp_start_reporting(_i == 0 ? "unknown_keys = refuse\n"
                               : "unknown_keys = refuse\nmode = observe\n");
    key = sp_read_key("good-rsa");
    if (_i == 0)
        EXPECT_REFUSED(sp_sign_data(key, NULL, sp_mail_attributes, 32), "[certificate-required]");
    else
        EXPECT_DONE(sp_sign_data(key, NULL, sp_mail_attributes, 32));
    EVP_PKEY_free(key);
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, _i == 0 ? "refused sign - " : "observed sign - ",
                                    "certificate-required"),
                     1);
    ck_assert_int_eq(sp_count_lines(lines, "allowed sign -", ""), _i);
    free(lines);
}
END_TEST

/* Of the rest those are judged that were parsed for this use, once. */
START_TEST(rest)
{
    X509 *other, *ca;
    char *lines;

    sp_start_reporting(_i == 0 ? "" : (_i == 1 ? "report_use = encrypt\n" : "report_use = sign\n"));
    other = sp_read_cert("future-rsa");
    ca = sp_read_cert("ca");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    X509_free(other);
    X509_free(ca);
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "refused encrypt ", " expired "), 2);
    ck_assert_int_eq(sp_count_lines(lines, "refused encrypt ", " not-yet-valid "), _i == 1);
    ck_assert_int_eq(sp_count_lines(lines, "refused ", ""), _i == 1 ? 3 : 2);
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", ""), 0);
    free(lines);
}
END_TEST

/* A locked policy says why, and judges nothing. */
START_TEST(locked)
{
    X509 *other;
    char *lines;

    sp_start_reporting("report_use = encrypt\nmode = other\n");
    other = sp_read_cert("future-rsa");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "mode = other");
    X509_free(other);
    lines = sp_reported();
    ck_assert_int_eq(
        sp_count_lines(lines, "refused encrypt - - refused: encrypt: mode = other", ""), 1);
    ck_assert_int_eq(sp_count_lines(lines, "", ""), 1);
    free(lines);
}
END_TEST

/* To sign, those are judged that a key was compared with; the allowed ones have no line. */
START_TEST(rest_of_signers)
{
    struct sp_owner good, bad, worse, gone;
    X509 *other;
    char *lines;

    sp_start_reporting("report_use = sign\n");
    other = sp_read_cert("no-address-rsa");
    good = sp_read_owner("good-ec");
    bad = sp_read_owner("future-rsa");
    worse = sp_read_owner("expired-rsa");
    ck_assert_int_eq(X509_check_private_key(good.cert, good.key), 1);
    ck_assert_int_eq(X509_check_private_key(bad.cert, bad.key), 1);
    gone = sp_read_owner("no-usage-rsa");
    ck_assert_int_eq(X509_check_private_key(gone.cert, gone.key), 1);
    X509_free(gone.cert);
    gone.cert = NULL;
    EXPECT_REFUSED(sp_cms_sign(worse.cert, worse.key, 0), "[expired]");
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "refused sign ", " expired "), 1);
    ck_assert_int_eq(sp_count_lines(lines, "refused sign ", " not-yet-valid "), 1);
    ck_assert_int_eq(sp_count_lines(lines, "refused ", ""), 2);
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", ""), 0);
    free(lines);
    X509_free(other);
    sp_free_owner(&good);
    sp_free_owner(&bad);
    sp_free_owner(&worse);
    sp_free_owner(&gone);
}
END_TEST

static const struct {
    const char *settings;
    bool refused;
    int lines;
} ciphers[] = { { "report_cipher = des3\nweak_cipher = deny\n", true, 1 },
                { "report_cipher = des3\nweak_cipher = warn\n", false, 1 },
                { "report_cipher = des3\nweak_cipher = deny\nmode = observe\n", false, 1 },
                { "report_cipher = 1.2.840.113549.3.7\nweak_cipher = deny\n", true, 1 },
                { "report_cipher = aes-256-ecb\nweak_cipher = deny\n", true, 1 },
                { "report_cipher = aes256\nweak_cipher = deny\n", false, 0 },
                { "weak_cipher = deny\n", false, 0 } };

START_TEST(cipher)
{
    const char *const text = ciphers[_i].refused ? "[weak-cipher]" : NULL;
    char *lines;

    sp_start_reporting(ciphers[_i].settings);
    EXPECT(encrypt_to_both("good-rsa", "good-ec"), text);
    EXPECT(sp_encrypt_to("good-ec"), text != NULL ? "refused before" : NULL);
    /* It is no cipher for a signature. */
    EXPECT_DONE(sp_sign_as("good-rsa"));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "", "encrypt - weak-cipher "), ciphers[_i].lines);
    ck_assert_int_eq(sp_count_lines(lines, "allowed encrypt ", ""), text != NULL ? 0 : 3);
    free(lines);
}
END_TEST

/* What is encrypted to a key without a certificate is no mail. */
START_TEST(cipher_of_no_mail)
{
    EVP_PKEY *key;
    sp_start_reporting("report_cipher = des3\nweak_cipher = deny\n");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_rsa_encrypt(key, "data", 4));
    EVP_PKEY_free(key);
    sp_expect_reported("");
}
END_TEST

static const struct {
    const char *settings;
    int notes;
} senders[] = { { "report_sender = bob@example.org\n", 0 },
                { "report_sender = nobody@example.org\n", 1 },
                { "", 0 } };

/* It is compared once, and refuses nothing. */
START_TEST(sender)
{
    char *lines;

    sp_start_reporting(senders[_i].settings);
    EXPECT_DONE(sp_encrypt_to("good-rsa"));
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "note sign - sender-match warning: sign: ", ""),
                     senders[_i].notes);
    ck_assert_int_eq(sp_count_lines(lines, "", "sender-match"), senders[_i].notes);
    ck_assert_int_eq(sp_count_lines(lines, "allowed sign ", ""), 2);
    free(lines);
}
END_TEST

/* What a message as a whole has to be told about is logged, beside its certificate. */
static const struct {
    const char *settings;
    bool (*use)(const char *name);
    int lines;
} logged[] = { { "report_cipher = aes256\n", sp_encrypt_to, 1 },
               { "report_cipher = des3\nweak_cipher = warn\n", sp_encrypt_to, 2 },
               { "report_sender = bob@example.org\n", sp_sign_as, 1 },
               { "report_sender = nobody@example.org\n", sp_sign_as, 2 } };

START_TEST(logged_of_a_message)
{
    char path[] = "/tmp/test-command-XXXXXX", text[8192] = "", *settings;
    const int log = mkstemp(path);

    ck_assert_int_ge(log, 0);
    ck_assert_int_gt(asprintf(&settings, "decision_log = %s\n%s", path, logged[_i].settings), 0);
    sp_start_reporting(settings);
    EXPECT_DONE(logged[_i].use("good-rsa"));
    ck_assert_int_ge(read(log, text, sizeof(text) - 1), 0);
    ck_assert_int_eq(sp_count_lines(text, "{", ""), logged[_i].lines);
    ck_assert_int_eq(unlink(path), 0);
    (void)close(log);
    free(settings);
}
END_TEST

/* Without a signer's certificate there is nobody to compare the sender with. */
START_TEST(sender_without_signer)
{
    EVP_PKEY *key;
    char *lines;

    sp_start_reporting("report_sender = nobody@example.org\nunknown_keys = pass\n");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_sign_data(key, NULL, sp_mail_attributes, 32));
    EVP_PKEY_free(key);
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "", "sender-match"), 0);
    ck_assert_int_eq(sp_count_lines(lines, "refused ", ""), 0);
    free(lines);
}
END_TEST

/* Somebody who is a CA of their own may be a recipient, and a CA that issues is none. */
START_TEST(rest_with_a_ca)
{
    struct sp_recipe recipe = { .subject = "Own CA",
                                .san = "email:own@example.org",
                                .usage = "digitalSignature,keyEncipherment,keyCertSign",
                                .basic = "critical,CA:TRUE" };
    X509 *own, *issuer;
    char *lines;

    sp_start_reporting("report_use = encrypt\n");
    own = sp_make_cert(&recipe);
    recipe.subject = "Issuing CA";
    recipe.usage = "keyCertSign";
    issuer = sp_make_cert(&recipe);
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "refused encrypt ", "Own CA"), 1);
    ck_assert_int_eq(sp_count_lines(lines, "", "Issuing CA"), 0);
    free(lines);
    X509_free(own);
    X509_free(issuer);
}
END_TEST

static const struct {
    const char *name, *note;
} decrypting[] = { { "good-rsa", NULL },
                   { "good-ec", NULL },
                   { "expired-rsa", "decrypt-expired" },
                   { "expired-ec", "decrypt-expired" } };

START_TEST(decrypts)
{
    const char *name = decrypting[_i].name, *note = decrypting[_i].note;
    char *print, *lines;

    sp_start_reporting("report_use = decrypt\n");
    print = sp_fingerprint_of(name);
    EXPECT_DONE(sp_cms_decrypt(name));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "allowed decrypt ", print), 1);
    ck_assert_int_eq(sp_count_lines(lines, "note decrypt ", note != NULL ? note : ""),
                     note != NULL);
    ck_assert_int_eq(sp_count_lines(lines, "", ""), note != NULL ? 2 : 1);
    free(lines);
    free(print);
}
END_TEST

static bool decrypt_with_key(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    BIO *file = sp_read_file(name, "enc"), *out = BIO_new(BIO_s_null());
    CMS_ContentInfo *message = d2i_CMS_bio(file, NULL);
    bool done = CMS_decrypt(message, key, NULL, NULL, out, 0) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(file);
    BIO_free(out);
    EVP_PKEY_free(key);
    return done;
}

/* A key whose certificate was not parsed is reported once. */
START_TEST(decrypts_without_certificate)
{
    sp_start_reporting("report_use = decrypt\n");
    EXPECT_DONE(decrypt_with_key("good-ec"));
    EXPECT_DONE(decrypt_with_key("expired-rsa"));
    sp_expect_reported("allowed decrypt -\n");
}
END_TEST

/* It has gates only if the command decrypts. */
START_TEST(decrypts_for_others)
{
    sp_start_reporting("report_use = sign\n");
    EXPECT_DONE(sp_cms_decrypt("good-rsa"));
    EXPECT_DONE(sp_cms_decrypt("expired-ec"));
    sp_expect_reported("");
}
END_TEST

/* A lost line refuses this very use, and all that follow. */
START_TEST(reader_has_gone)
{
    sp_start_reporting("report_use = decrypt\n");
    ck_assert_int_eq(close(sp_report_ends[0]), 0);
    if (_i == 0)
        EXPECT_REFUSED(sp_sign_as("good-rsa"), "could not be reported");
    else if (_i == 1)
        EXPECT_REFUSED(sp_encrypt_to("good-ec"), "could not be reported");
    else
        ck_assert(!sp_cms_decrypt("good-ec"));
    ERR_clear_error();
    EXPECT_REFUSED(sp_sign_as("good-ec"), "could not be reported");
    ck_assert(!sp_cms_verify("good-rsa", 0));
}
END_TEST

/* Begin to decrypt with |name|'s key in one of three ways. */
static bool begin_to_decrypt(const char *name, int way)
{
    EVP_PKEY *key = sp_read_key(name), *peer = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done;

    if (way == 0)
        done = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1;
    else if (way == 1)
        done = EVP_PKEY_decrypt_init(ctx) == 1;
    else
        done = EVP_PKEY_decapsulate_init(ctx, NULL) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    return done;
}

static const char *const begun_with[] = { "good-ec", "good-rsa", "good-rsa" };

START_TEST(begins_to_decrypt)
{
    sp_start_reporting("report_use = decrypt\n");
    EXPECT_DONE(begin_to_decrypt(begun_with[_i], _i));
    sp_expect_reported("allowed decrypt -\n");
}
END_TEST

/* What is reported of a message that is verified. */
static const struct {
    const char *settings;
    const char *refused; /* NULL: it passes */
    const char *found;   /* the line on the sender, or NULL */
    const char *through;
} verifications[] = {
    { "report_sender = bob@example.org\nown_anchors = first\n", NULL, NULL, "through CN=" },
    { "report_sender = BOB@example.ORG\n", NULL, NULL, "clock" },
    { "own_anchors = first\n", NULL, "note verify ", "through CN=" },
    { "report_sender = eve@example.org\n", "[sender-match]", "refused verify ", NULL },
    { "report_sender = eve@example.org\nmode = observe\n", NULL, "observed verify ", "clock" },
};

START_TEST(verifies)
{
    const char *refused = verifications[_i].refused, *found = verifications[_i].found;
    const int passes = refused == NULL;
    char *settings, *lines, *print;

    ck_assert_int_gt(asprintf(&settings, "report_use = verify\nunverified_signers = refuse\n%s",
                              verifications[_i].settings),
                     0);
    sp_start_reporting(settings);
    print = sp_fingerprint_of("good-rsa");
    EXPECT(sp_cms_verify("good-rsa", 0), refused);
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "vouched ", print), 1);
    ck_assert_int_eq(sp_count_lines(lines, "allowed verify ", print), passes);
    ck_assert_int_eq(sp_count_lines(lines, "verified ", " verified: bob@example.org ("), passes);
    ck_assert(!passes || sp_count_lines(lines, "verified ", verifications[_i].through) == 1);
    ck_assert_int_eq(sp_count_lines(lines, "", " sender-match "), found != NULL);
    ck_assert(found == NULL || sp_count_lines(lines, found, " sender-match ") == 1);
    free(lines);
    free(print);
    free(settings);
}
END_TEST

/* For a program the setting `sender` decides.  What it would refuse is logged. */
static const struct {
    const char *settings;
    bool refused, logged;
} for_programs[] = {
    { "report_sender = bob@example.org\nsender = refuse\n", false, false },
    { "report_sender = eve@example.org\nsender = refuse\n", true, true },
    { "report_sender = eve@example.org\nsender = refuse\nmode = observe\n", false, true },
    { "report_sender = eve@example.org\n", false, true },
    { "sender = refuse\n", true, true },
    { "", false, false },
};

START_TEST(verifies_for_a_program)
{
    char path[] = "/tmp/test-command-XXXXXX", text[8192] = "";
    int log = mkstemp(path);
    char *settings, *lines;

    ck_assert_int_ge(log, 0);
    ck_assert_int_gt(asprintf(&settings,
                              "report_use = verify\nreport_for = program\ndecision_log = %s\n%s",
                              path, for_programs[_i].settings),
                     0);
    sp_start_reporting(settings);
    EXPECT(sp_cms_verify("good-rsa", 0), for_programs[_i].refused ? "[sender-match]" : NULL);
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "vouched ", ""), 1);
    ck_assert_int_eq(sp_count_lines(lines, "allowed verify ", ""), !for_programs[_i].refused);
    ck_assert_int_eq(sp_count_lines(lines, "refused verify ", " sender-match "),
                     for_programs[_i].refused);
    ck_assert_int_ge(read(log, text, sizeof(text) - 1), 0);
    ck_assert_int_eq(sp_count_lines(text, "{", "sender-match"), for_programs[_i].logged);
    ck_assert_int_eq(unlink(path), 0);
    (void)close(log);
    free(lines);
    free(settings);
}
END_TEST

/* Each message, and each certificate once; the sender is compared once. */
START_TEST(verifies_again)
{
    char *lines;

    sp_start_reporting("report_use = verify\nunverified_signers = refuse\nown_anchors = first\n");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_DONE(sp_cms_verify("good-ec", 0));
    ck_assert(!sp_cms_verify("no-address-rsa", 0));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "vouched ", ""), 2);
    ck_assert_int_eq(sp_count_lines(lines, "allowed verify ", ""), 3);
    ck_assert_int_eq(sp_count_lines(lines, "note verify ", " sender-match "), 1);
    ck_assert_int_eq(sp_count_lines(lines, "refused verify ", " signer-certificate "), 1);
    free(lines);
}
END_TEST

static long close_reader(BIO *out, int what, const char *data, size_t length, int argi, long argl,
                         int done, size_t *processed)
{
    (void)out, (void)data, (void)length, (void)argi, (void)argl, (void)processed;
    if (what == BIO_CB_WRITE)
        ck_assert_int_eq(close(sp_report_ends[0]), 0);
    return done;
}

/* The reader goes while the content is read, when the chain is in order: the signature is not. */
START_TEST(reader_goes_before_the_signature)
{
    BIO *out = BIO_new(BIO_s_mem());

    sp_start_reporting("report_use = verify\nunverified_signers = refuse\nown_anchors = first\n");
    BIO_set_callback_ex(out, close_reader);
    EXPECT_REFUSED(sp_pkcs7_verify_into("good-rsa", 0, out), "could not be reported");
    BIO_set_callback_ex(out, NULL);
    BIO_free(out);
}
END_TEST

/* For another command nothing of that is reported. */
START_TEST(verifies_for_others)
{
    char *lines;

    sp_start_reporting(_i == 0 ? "" : "report_use = sign\nreport_sender = eve@example.org\n");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    lines = sp_reported();
    ck_assert_int_eq(sp_count_lines(lines, "", "sender-match"), 0);
    ck_assert_int_eq(sp_count_lines(lines, "v", ""), 0);
    ck_assert_int_eq(sp_count_lines(lines, "allowed ", ""), 0);
    free(lines);
}
END_TEST

/* Nothing is begun that could go on unreported. */
START_TEST(begins_to_decrypt_for_nobody)
{
    sp_start_reporting("report_use = decrypt\n");
    ck_assert_int_eq(close(sp_report_ends[0]), 0);
    EXPECT_REFUSED(begin_to_decrypt(begun_with[_i], _i), "could not be reported");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("told_command");
    TCase *tests = sp_case(suite, "told_command");

    tcase_add_loop_test(tests, used, 0, 2);
    tcase_add_test(tests, no_mail);
    tcase_add_loop_test(tests, unknown_key, 0, 2);
    tcase_add_loop_test(tests, rest, 0, 3);
    tcase_add_test(tests, locked);
    tcase_add_test(tests, rest_of_signers);
    tcase_add_test(tests, cipher_of_no_mail);
    tcase_add_loop_test(tests, cipher, 0, SP_ROWS(ciphers));
    tcase_add_loop_test(tests, sender, 0, SP_ROWS(senders));
    tcase_add_loop_test(tests, logged_of_a_message, 0, SP_ROWS(logged));
    tcase_add_test(tests, sender_without_signer);
    tcase_add_test(tests, rest_with_a_ca);
    tcase_add_loop_test(tests, decrypts, 0, SP_ROWS(decrypting));
    tcase_add_test(tests, decrypts_without_certificate);
    tcase_add_test(tests, decrypts_for_others);
    tcase_add_loop_test(tests, verifies, 0, SP_ROWS(verifications));
    tcase_add_loop_test(tests, verifies_for_a_program, 0, SP_ROWS(for_programs));
    tcase_add_test(tests, verifies_again);
    tcase_add_test(tests, reader_goes_before_the_signature);
    tcase_add_loop_test(tests, verifies_for_others, 0, 2);
    tcase_add_loop_test(tests, reader_has_gone, 0, 3);
    tcase_add_loop_test(tests, begins_to_decrypt, 0, SP_ROWS(begun_with));
    tcase_add_loop_test(tests, begins_to_decrypt_for_nobody, 0, SP_ROWS(begun_with));
    return sp_run_forked(suite);
}
