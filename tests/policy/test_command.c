/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the provider does only for the command that started this program: the settings
 * of its section beside a policy file, and the report of what is used.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "certs.h"
#include "log/report.h"
#include "mail.h"
#include "policy/command.h"
#include "policy/policy.h"

#define NONCE "0123456789abcdef0123456789abcdef"

static int ends[2];

/* The section of a command that reports, and |more|; free() it. */
static char *section(const char *more)
{
    char *text;

    ck_assert_int_gt(asprintf(&text, "report = %d\nreport_nonce = " NONCE "\n%s", ends[1], more),
                     0);
    return text;
}

static void start(const char *more)
{
    char *text;

    ck_assert_int_eq(pipe(ends), 0);
    text = section(more);
    sp_start(text);
    free(text);
}

/* The lines behind the greeting; free() it. */
static char *report(void)
{
    char *text = calloc(1, 65537), *end;
    size_t length = 0;
    ssize_t got;

    ck_assert_int_eq(close(ends[1]), 0);
    while ((got = read(ends[0], text + length, 65536 - length)) > 0)
        length += (size_t)got;
    ck_assert_ptr_eq(strstr(text, "hello " NONCE " "), text);
    end = strstr(text, "\nready\n");
    ck_assert_msg(end != NULL, "%s", text);
    end = strdup(end + strlen("\nready\n"));
    free(text);
    return end;
}

static void expect_report(const char *expected)
{
    char *lines = report();

    ck_assert_str_eq(lines, expected);
    free(lines);
}

/* How many lines begin with |kind| and contain |what|? */
static int count_lines(const char *lines, const char *kind, const char *what)
{
    int count = 0;

    while (*lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        char *line = strndup(lines, length);

        count += strncmp(line, kind, strlen(kind)) == 0 && strstr(line, what) != NULL;
        free(line);
        lines += length + 1;
    }
    return count;
}

/* Of a certificate, after the start; free() it. */
static char *fingerprint(const char *name)
{
    X509 *cert = sp_read_cert(name);
    unsigned char digest[32];
    char *text = malloc(65);

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), digest, NULL), 1);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    X509_free(cert);
    return text;
}

static bool encrypt_to_both(const char *first, const char *second)
{
    X509 *a = sp_read_cert(first), *b = sp_read_cert(second);
    bool done = sp_cms_encrypt(a, b, CMS_BINARY);

    X509_free(a);
    X509_free(b);
    return done;
}

START_TEST(without_a_command)
{
    sp_start(NULL);
    ck_assert(!sp_report_is_on());
    ck_assert(!sp_command_is_to(SMIMEPOLICY_UPLOAD));
    ck_assert(!sp_command()->no_asking);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_REFUSED(sp_encrypt_to("expired-rsa"), "[expired]");
}
END_TEST

START_TEST(used)
{
    const char *use = _i == 0 ? "sign" : "encrypt";
    char *rsa, *ec, *lines;

    start("");
    rsa = fingerprint("good-rsa");
    ec = fingerprint("good-ec");
    EXPECT_DONE(_i == 0 ? sp_sign_as("good-rsa") && sp_sign_as("good-ec")
                        : encrypt_to_both("good-rsa", "good-ec"));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "allowed ", use), 2);
    ck_assert_int_eq(count_lines(lines, "allowed ", rsa), 1);
    ck_assert_int_eq(count_lines(lines, "allowed ", ec), 1);
    ck_assert_int_eq(count_lines(lines, "refused ", ""), 0);
    free(lines);
    free(rsa);
    free(ec);
}
END_TEST

/* A signature of something else than a mail is not reported. */
START_TEST(no_mail)
{
    EVP_PKEY *key;
    start("");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_sign_data(key, "SHA256", "data", 4));
    EVP_PKEY_free(key);
    expect_report("");
}
END_TEST

/* An unknown key that is refused, and one that is only observed. */
START_TEST(unknown_key)
{
    EVP_PKEY *key;
    char *lines;

    start(_i == 0 ? "unknown_keys = refuse\n" : "unknown_keys = refuse\nmode = observe\n");
    key = sp_read_key("good-rsa");
    if (_i == 0)
        EXPECT_REFUSED(sp_sign_data(key, NULL, sp_mail_attributes, 32), "[certificate-required]");
    else
        EXPECT_DONE(sp_sign_data(key, NULL, sp_mail_attributes, 32));
    EVP_PKEY_free(key);
    lines = report();
    ck_assert_int_eq(count_lines(lines, _i == 0 ? "refused sign - " : "observed sign - ",
                                 "certificate-required"),
                     1);
    ck_assert_int_eq(count_lines(lines, "allowed sign -", ""), _i);
    free(lines);
}
END_TEST

/* Of the rest those are judged that were parsed for this use, once. */
START_TEST(rest)
{
    X509 *other, *ca;
    char *lines;

    start(_i == 0 ? "" : (_i == 1 ? "report_use = encrypt\n" : "report_use = sign\n"));
    other = sp_read_cert("future-rsa");
    ca = sp_read_cert("ca");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    X509_free(other);
    X509_free(ca);
    lines = report();
    ck_assert_int_eq(count_lines(lines, "refused encrypt ", " expired "), 2);
    ck_assert_int_eq(count_lines(lines, "refused encrypt ", " not-yet-valid "), _i == 1);
    ck_assert_int_eq(count_lines(lines, "refused ", ""), _i == 1 ? 3 : 2);
    ck_assert_int_eq(count_lines(lines, "allowed ", ""), 0);
    free(lines);
}
END_TEST

/* A locked policy says why, and judges nothing. */
START_TEST(locked)
{
    X509 *other;
    char *lines;

    start("report_use = encrypt\nmode = other\n");
    other = sp_read_cert("future-rsa");
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "mode = other");
    X509_free(other);
    lines = report();
    ck_assert_int_eq(count_lines(lines, "refused encrypt - - refused: encrypt: mode = other", ""),
                     1);
    ck_assert_int_eq(count_lines(lines, "", ""), 1);
    free(lines);
}
END_TEST

/* To sign, those are judged that a key was compared with; the allowed ones have no line. */
START_TEST(rest_of_signers)
{
    struct sp_owner good, bad, worse, gone;
    X509 *other;
    char *lines;

    start("report_use = sign\n");
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
    lines = report();
    ck_assert_int_eq(count_lines(lines, "refused sign ", " expired "), 1);
    ck_assert_int_eq(count_lines(lines, "refused sign ", " not-yet-valid "), 1);
    ck_assert_int_eq(count_lines(lines, "refused ", ""), 2);
    ck_assert_int_eq(count_lines(lines, "allowed ", ""), 0);
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

    start(ciphers[_i].settings);
    EXPECT(encrypt_to_both("good-rsa", "good-ec"), text);
    EXPECT(sp_encrypt_to("good-ec"), text != NULL ? "refused before" : NULL);
    /* It is no cipher for a signature. */
    EXPECT_DONE(sp_sign_as("good-rsa"));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "", "encrypt - weak-cipher "), ciphers[_i].lines);
    ck_assert_int_eq(count_lines(lines, "allowed encrypt ", ""), text != NULL ? 0 : 3);
    free(lines);
}
END_TEST

/* What is encrypted to a key without a certificate is no mail. */
START_TEST(cipher_of_no_mail)
{
    EVP_PKEY *key;
    start("report_cipher = des3\nweak_cipher = deny\n");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_rsa_encrypt(key, "data", 4));
    EVP_PKEY_free(key);
    expect_report("");
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

    start(senders[_i].settings);
    EXPECT_DONE(sp_encrypt_to("good-rsa"));
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_sign_as("good-ec"));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "note sign - sender-match warning: sign: ", ""),
                     senders[_i].notes);
    ck_assert_int_eq(count_lines(lines, "", "sender-match"), senders[_i].notes);
    ck_assert_int_eq(count_lines(lines, "allowed sign ", ""), 2);
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
    start(settings);
    EXPECT_DONE(logged[_i].use("good-rsa"));
    ck_assert_int_ge(read(log, text, sizeof(text) - 1), 0);
    ck_assert_int_eq(count_lines(text, "{", ""), logged[_i].lines);
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

    start("report_sender = nobody@example.org\nunknown_keys = pass\n");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_sign_data(key, NULL, sp_mail_attributes, 32));
    EVP_PKEY_free(key);
    lines = report();
    ck_assert_int_eq(count_lines(lines, "", "sender-match"), 0);
    ck_assert_int_eq(count_lines(lines, "refused ", ""), 0);
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

    start("report_use = encrypt\n");
    own = sp_make_cert(&recipe);
    recipe.subject = "Issuing CA";
    recipe.usage = "keyCertSign";
    issuer = sp_make_cert(&recipe);
    EXPECT_REFUSED(sp_encrypt_to("expired-ec"), "[expired]");
    lines = report();
    ck_assert_int_eq(count_lines(lines, "refused encrypt ", "Own CA"), 1);
    ck_assert_int_eq(count_lines(lines, "", "Issuing CA"), 0);
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

    start("report_use = decrypt\n");
    print = fingerprint(name);
    EXPECT_DONE(sp_cms_decrypt(name));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "allowed decrypt ", print), 1);
    ck_assert_int_eq(count_lines(lines, "note decrypt ", note != NULL ? note : ""), note != NULL);
    ck_assert_int_eq(count_lines(lines, "", ""), note != NULL ? 2 : 1);
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
    start("report_use = decrypt\n");
    EXPECT_DONE(decrypt_with_key("good-ec"));
    EXPECT_DONE(decrypt_with_key("expired-rsa"));
    expect_report("allowed decrypt -\n");
}
END_TEST

/* It has gates only if the command decrypts. */
START_TEST(decrypts_for_others)
{
    start("report_use = sign\n");
    EXPECT_DONE(sp_cms_decrypt("good-rsa"));
    EXPECT_DONE(sp_cms_decrypt("expired-ec"));
    expect_report("");
}
END_TEST

/* A lost line refuses this very use, and all that follow. */
START_TEST(reader_has_gone)
{
    start("report_use = decrypt\n");
    ck_assert_int_eq(close(ends[0]), 0);
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
    start("report_use = decrypt\n");
    EXPECT_DONE(begin_to_decrypt(begun_with[_i], _i));
    expect_report("allowed decrypt -\n");
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
    start(settings);
    print = fingerprint("good-rsa");
    EXPECT(sp_cms_verify("good-rsa", 0), refused);
    lines = report();
    ck_assert_int_eq(count_lines(lines, "vouched ", print), 1);
    ck_assert_int_eq(count_lines(lines, "allowed verify ", print), passes);
    ck_assert_int_eq(count_lines(lines, "verified ", " verified: bob@example.org ("), passes);
    ck_assert(!passes || count_lines(lines, "verified ", verifications[_i].through) == 1);
    ck_assert_int_eq(count_lines(lines, "", " sender-match "), found != NULL);
    ck_assert(found == NULL || count_lines(lines, found, " sender-match ") == 1);
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
    start(settings);
    EXPECT(sp_cms_verify("good-rsa", 0), for_programs[_i].refused ? "[sender-match]" : NULL);
    lines = report();
    ck_assert_int_eq(count_lines(lines, "vouched ", ""), 1);
    ck_assert_int_eq(count_lines(lines, "allowed verify ", ""), !for_programs[_i].refused);
    ck_assert_int_eq(count_lines(lines, "refused verify ", " sender-match "),
                     for_programs[_i].refused);
    ck_assert_int_ge(read(log, text, sizeof(text) - 1), 0);
    ck_assert_int_eq(count_lines(text, "{", "sender-match"), for_programs[_i].logged);
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

    start("report_use = verify\nunverified_signers = refuse\nown_anchors = first\n");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_DONE(sp_cms_verify("good-ec", 0));
    ck_assert(!sp_cms_verify("no-address-rsa", 0));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "vouched ", ""), 2);
    ck_assert_int_eq(count_lines(lines, "allowed verify ", ""), 3);
    ck_assert_int_eq(count_lines(lines, "note verify ", " sender-match "), 1);
    ck_assert_int_eq(count_lines(lines, "refused verify ", " signer-certificate "), 1);
    free(lines);
}
END_TEST

static long close_reader(BIO *out, int what, const char *data, size_t length, int argi, long argl,
                         int done, size_t *processed)
{
    (void)out, (void)data, (void)length, (void)argi, (void)argl, (void)processed;
    if (what == BIO_CB_WRITE)
        ck_assert_int_eq(close(ends[0]), 0);
    return done;
}

/* The reader goes while the content is read, when the chain is in order: the signature is not. */
START_TEST(reader_goes_before_the_signature)
{
    BIO *out = BIO_new(BIO_s_mem());

    start("report_use = verify\nunverified_signers = refuse\nown_anchors = first\n");
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

    start(_i == 0 ? "" : "report_use = sign\nreport_sender = eve@example.org\n");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    lines = report();
    ck_assert_int_eq(count_lines(lines, "", "sender-match"), 0);
    ck_assert_int_eq(count_lines(lines, "v", ""), 0);
    ck_assert_int_eq(count_lines(lines, "allowed ", ""), 0);
    free(lines);
}
END_TEST

/* Nothing is begun that could go on unreported. */
START_TEST(begins_to_decrypt_for_nobody)
{
    start("report_use = decrypt\n");
    ck_assert_int_eq(close(ends[0]), 0);
    EXPECT_REFUSED(begin_to_decrypt(begun_with[_i], _i), "could not be reported");
}
END_TEST

static const char *const bad[][2] = {
    { "report_use = show\n", "report_use = show: accepted is sign, encrypt, verify or decrypt" },
    { "report_for = nobody\n", "report_for = nobody: accepted is person or program" },
    { "report_asks = maybe\n", "report_asks = maybe: accepted is no or yes" },
    { "report_cipher = \"\"\n", "report_cipher = : accepted is a value" },
    { "report_sender = \"\"\n", "report_sender = : accepted is a value" },
    { "report = 2\n", "report = 2: accepted is the number of a pipe" },
    { "report = 3x\n", "report = 3x: accepted is" },
    { "report = 4294967299\n", "report = 4294967299: accepted is" },
    { "report_nonce = 00\n", "accepted is" },
    { "policy = relative\n", "policy = relative: accepted is an absolute path" },
    { "policy = /nonexistent/policy.cnf\n", "/nonexistent/policy.cnf: No such file" },
};

/* The later value of a key counts. */
START_TEST(bad_value)
{
    start(bad[_i][0]);
    ck_assert_ptr_nonnull(sp_policy_locked());
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), bad[_i][1]));
    EXPECT_REFUSED(sp_sign_as("good-rsa"), bad[_i][1]);
}
END_TEST

/* A number is all that the value is. */
START_TEST(letter_behind_a_descriptor)
{
    char *text;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_gt(asprintf(&text, "report = %dx\nreport_nonce = " NONCE "\n", ends[1]), 0);
    sp_start(text);
    ck_assert_ptr_nonnull(sp_policy_locked());
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "x: accepted is the number of a pipe"));
    free(text);
}
END_TEST

/* The first descriptor behind the standard ones, in a child: here it may be libcheck's. */
START_TEST(number_of_a_descriptor)
{
    /* The lowest that there is, and one of two digits. */
    const int number = _i == 0 ? 3 : 12;
    int status = 0;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        char *text;

        ends[1] = dup2(ends[1], number);
        text = section("report_use = sign\n");
        sp_start(text);
        _exit(ends[1] == number && sp_policy_locked() == NULL && sp_report_is_on() ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(without_a_pipe)
{
    static const char *const keys[] = {
        "report_nonce = 00",      "report_use = sign", "report_sender = a@b.example",
        "report_cipher = aes256", "report_asks = no",  "report_for = person"
    };

    sp_start(keys[_i]);
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "are set without report"));
    ck_assert(!sp_report_is_on());
}
END_TEST

START_TEST(told)
{
    start("report_use = decrypt\nreport_sender = a@b.example\nreport_cipher = aes256\n"
          "report_asks = no\nreport_for = program\n");
    ck_assert_ptr_null(sp_policy_locked());
    ck_assert(sp_command_is_to(SMIMEPOLICY_DECRYPT));
    ck_assert(!sp_command_is_to(SMIMEPOLICY_SIGN));
    ck_assert_str_eq(sp_command()->sender, "a@b.example");
    ck_assert_str_eq(sp_command()->cipher, "aes256");
    ck_assert(sp_command()->no_asking);
    ck_assert(sp_command()->for_program);
}
END_TEST

static const char *const others[] = {
    "report_use = sign\nreport_sender = a@b.example\n",
    "report_use = encrypt\nreport_sender = a@b.example\n",
    "report_sender = a@b.example\n",
    "report_use = sign\n",
    "report_use = sign\nreport_sender = other@b.example\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_cipher = aes256\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_asks = no\n",
    "report_use = sign\nreport_sender = a@b.example\nreport_for = program\n",
};

/* Another library context of the process: the first one decides. */
START_TEST(told_twice)
{
    OSSL_LIB_CTX *libctx;
    char *more, *text, *file;

    start(others[0]);
    libctx = OSSL_LIB_CTX_new();
    more = section(others[_i]);
    text = sp_configuration(more);
    file = sp_temporary(text);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, file), 1);
    ck_assert_int_eq(sp_policy_locked() == NULL, _i == 0);
    ck_assert_str_eq(sp_command()->sender, "a@b.example");
    expect_report("");
    free(file);
    free(text);
    free(more);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

static const struct {
    bool has_use;
    smimepolicy_use use;
    const char *sender, *cipher;
    bool no_asking, for_program;
} adopted[] = {
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, false, false },
    { true, SMIMEPOLICY_UPLOAD, NULL, NULL, false, false },
    { true, SMIMEPOLICY_SIGN, NULL, NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, "a@b.example", NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, "c@b.example", NULL, false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, "aes256", false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, "aes128", false, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, true, false },
    { false, SMIMEPOLICY_UPLOAD, NULL, NULL, false, true },
};

static bool adopt(int row)
{
    struct sp_command command = { .has_use = adopted[row].has_use,
                                  .use = adopted[row].use,
                                  .no_asking = adopted[row].no_asking,
                                  .for_program = adopted[row].for_program };

    command.sender = adopted[row].sender != NULL ? OPENSSL_strdup(adopted[row].sender) : NULL;
    command.cipher = adopted[row].cipher != NULL ? OPENSSL_strdup(adopted[row].cipher) : NULL;
    return sp_command_adopt(&command);
}

/* The first one decides until it is forgotten, and so does what was done once. */
START_TEST(adopted_until_forgotten)
{
    for (int row = 0; row < SP_ROWS(adopted); row++) {
        ck_assert(adopt(_i));
        ck_assert_int_eq(adopt(row), row == _i);
        ck_assert_pstr_eq(sp_command()->sender, adopted[_i].sender);
        ck_assert_pstr_eq(sp_command()->cipher, adopted[_i].cipher);
        ck_assert_int_eq(sp_command()->no_asking, adopted[_i].no_asking);
        ck_assert_int_eq(sp_command_is_to(SMIMEPOLICY_UPLOAD), _i == 1);
        for (int what = 0; what < SP_ONCE_COUNT; what++) {
            ck_assert(sp_command_once((enum sp_once)what));
            ck_assert(!sp_command_once((enum sp_once)what));
        }
        sp_command_reset();
        ck_assert_ptr_null(sp_command()->sender);
        ck_assert(!sp_command_is_to(SMIMEPOLICY_UPLOAD));
    }
}
END_TEST

static const struct {
    const char *file, *beside;
    const char *key, *value; /* in force; NULL: the policy is locked */
} files[] = {
    { "mode = observe\n", "", "mode", "observe" },
    { "mode = observe\n", "mode = enforce\n", NULL, NULL },
    { "mode = enforce\n", "mode = enforce\n", NULL, NULL },
    { "", "unknown_keys = refuse\n", "unknown_keys", "refuse" },
    { "unknown_keys = refuse\n", "unknown_keys = pass\n", NULL, NULL },
    { "raw_keys = pass\n", "raw_keys = judge\n", "raw_keys", "judge" },
    { "", "raw_keys = pass\n", NULL, NULL },
    { "", "unverified_signers = refuse\n", "unverified_signers", "refuse" },
    { "", "unverified_signers = pass\n", NULL, NULL },
    { "", "keyring = /nonexistent/beside\n", "keyring", "/nonexistent/beside" },
    { "keyring = /nonexistent/first\n", "keyring = /nonexistent/beside\n", "keyring",
      "/nonexistent/first" },
    { "", "weak_key = deny\n", NULL, NULL },
    { "", "expired = ignore\n", NULL, NULL },
    { "module = /nonexistent/module\n", "", NULL, NULL },
    { "activate = 0\n", "", NULL, NULL },
    { "report = 1\n", "", NULL, NULL },
};

START_TEST(policy_file)
{
    char *path, *more, *value = NULL;

    path = sp_temporary(files[_i].file);
    ck_assert_int_gt(asprintf(&more, "policy = %s\n%s", path, files[_i].beside), 0);
    start(more);
    ck_assert_int_eq(sp_policy_locked() == NULL, files[_i].key != NULL);
    for (size_t i = 0; files[_i].key != NULL && sp_settings_key(i) != NULL; i++)
        if (strcmp(sp_settings_key(i), files[_i].key) == 0)
            value = sp_settings_value(sp_policy(), i);
    ck_assert_pstr_eq(value, files[_i].value);
    OPENSSL_free(value);
    free(more);
    free(path);
}
END_TEST

/* Each setting that has a value, and then whether the policy is locked. */
START_TEST(greeting)
{
    char text[65537] = "", *expected, *settings;
    ssize_t got;

    start(_i == 0 ? "keyring = /nonexistent/ring\n" : "mode = other\n");
    got = read(ends[0], text, sizeof(text) - 1);
    ck_assert_int_gt(got, 0);
    settings = strstr(text, "\nsetting mode enforce\nsetting backend default\n");
    ck_assert_ptr_nonnull(settings);
    ck_assert_ptr_null(strstr(text, "setting decision_log"));
    ck_assert_int_eq(strstr(text, "\nsetting keyring /nonexistent/ring\n") != NULL, _i == 0);
    expected = strstr(text, "\nrefused - - - mode = other: accepted is enforce or observe");
    ck_assert_int_eq(expected != NULL, _i == 1);
    ck_assert_str_eq(text + strlen(text) - strlen("\nready\n"), "\nready\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *tests = sp_case(suite, "command");

    tcase_add_test(tests, without_a_command);
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
    tcase_add_loop_test(tests, bad_value, 0, SP_ROWS(bad));
    tcase_add_test(tests, letter_behind_a_descriptor);
    tcase_add_loop_test(tests, number_of_a_descriptor, 0, 2);
    tcase_add_loop_test(tests, without_a_pipe, 0, 6);
    tcase_add_test(tests, told);
    tcase_add_loop_test(tests, told_twice, 0, SP_ROWS(others));
    tcase_add_loop_test(tests, adopted_until_forgotten, 0, SP_ROWS(adopted));
    tcase_add_loop_test(tests, policy_file, 0, SP_ROWS(files));
    tcase_add_loop_test(tests, greeting, 0, 2);
    return sp_run_forked(suite);
}
