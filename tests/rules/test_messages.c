/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules about a message: its cipher, its digest, its signing time, its sender.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "rules/rules.h"
#include "verdicts.h"

#define SKEW 300

/* A single signer. */
#define SIGNER(facts) ((const struct sp_facts *const[]){ (facts) })

static struct sp_facts *facts_of(const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_ptr_nonnull(facts);
    X509_free(cert);
    return facts;
}

/* weak-cipher */

static const struct {
    const char *name;
    bool weak;
} ciphers[] = {
    { "RC2-CBC", true },
    { "RC2-40-CBC", true },
    { "RC2-64-CBC", true },
    { "RC2-ECB", true },
    { "RC2-CFB", true },
    { "RC2-OFB", true },
    { "DES-CBC", true },
    { "DES-ECB", true },
    { "DES-CFB", true },
    { "DES-CFB1", true },
    { "DES-CFB8", true },
    { "DES-OFB", true },
    { "DESX-CBC", true },
    { "DES-EDE", true },
    { "DES-EDE-CBC", true },
    { "DES-EDE-CFB", true },
    { "DES-EDE-OFB", true },
    { "DES-EDE3", true },
    { "DES-EDE3-CBC", true },
    { "DES-EDE3-CFB", true },
    { "DES-EDE3-CFB1", true },
    { "DES-EDE3-CFB8", true },
    { "DES-EDE3-OFB", true },
    { "AES-128-ECB", true },
    { "AES-256-ECB", true },
    { "AES-128-OFB", true },
    { "AES-256-CTR", true },
    { "AES-128-XTS", true },
    { "id-aes256-wrap", true },
    { "CAMELLIA-128-ECB", true },
    { "CAMELLIA-128-OFB", true },
    { "ARIA-128-ECB", true },
    { "ARIA-128-CTR", true },
    { "SEED-ECB", true },
    { "BF-ECB", true },
    { "CAST5-ECB", true },
    { "RC4", true },
    { "ChaCha20", true },
    { "AES-128-CFB", false },
    { "AES-128-CFB8", false },
    { "id-aes128-CCM", false },
    { "AES-128-OCB", false },
    { "AES-128-CBC", false },
    { "AES-192-CBC", false },
    { "AES-256-CBC", false },
    { "id-aes256-GCM", false },
    { "CAMELLIA-256-CBC", false },
    { "ChaCha20-Poly1305", false },
    { "UNDEF", false },
};

START_TEST(weak_cipher)
{
    static const char *const words[][3] = { { "weak_cipher", "warn", NULL },
                                            { "weak_cipher", "deny", NULL },
                                            { "weak_cipher", "ignore", NULL } };
    static const char *const found[] = { "warn:weak-cipher", "deny:weak-cipher", "" };
    int nid = OBJ_txt2nid(ciphers[_i].name);

    ck_assert_msg(nid != NID_undef || strcmp(ciphers[_i].name, "UNDEF") == 0, "%s",
                  ciphers[_i].name);
    for (size_t i = 0; i < 3; i++) {
        smimepolicy_settings *settings = sp_settings_of(words[i]);

        sp_expect_verdict(sp_judge_cipher(nid, false, settings), ciphers[_i].weak ? found[i] : "");
        smimepolicy_settings_free(settings);
    }
}
END_TEST

START_TEST(weak_cipher_by_default)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_verdict *verdict = sp_judge_cipher(NID_des_ede3_cbc, false, settings);
    char *text = smimepolicy_verdict_text(verdict);

    ck_assert_str_eq(text, "warning: encrypt: message would be encrypted with DES-EDE3-CBC, a weak "
                           "cipher [weak-cipher]; encrypt with AES (-aes256)\n");
    smimepolicy_free(text);
    sp_expect_verdict(verdict, "warn:weak-cipher");
    smimepolicy_settings_free(settings);
}
END_TEST

/* weak-digest */

static const struct {
    const char *name;
    bool weak;
} digests[] = {
    { "MD4", true },       { "MD5", true },        { "MD5-SHA1", true },
    { "SHA1", true },      { "sha1", true },       { "SHA-1", true },
    { "ssl3-sha1", true }, { "RSA-SHA1", true },   { "1.3.14.3.2.26", true },
    { "SHA224", false },   { "SHA256", false },    { "SHA2-256", false },
    { "SHA3-256", false }, { "RIPEMD160", false }, { "no digest", false },
    { NULL, false },
};

START_TEST(weak_digest)
{
    static const char *const words[][3] = { { "weak_digest", "warn", NULL },
                                            { "weak_digest", "deny", NULL },
                                            { "weak_digest", "ignore", NULL } };
    static const char *const found[] = { "warn:weak-digest", "deny:weak-digest", "" };
    const bool weak = digests[_i].weak;
    int nid = sp_digest_find(digests[_i].name);

    for (size_t i = 0; i < 3; i++) {
        smimepolicy_settings *settings = sp_settings_of(words[i]);

        sp_expect_verdict(sp_judge_digest(nid, NULL, SMIMEPOLICY_SIGN, settings),
                          weak ? found[i] : "");
        ck_assert_int_eq(sp_digest_asks(nid, settings), weak && i < 2);
        smimepolicy_settings_free(settings);
    }
}
END_TEST

START_TEST(weak_digest_by_default)
{
    static const struct sp_recipe bob = { .san = "email:bob@example.org",
                                          .usage = "digitalSignature" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct sp_facts *facts = facts_of(&bob);
    smimepolicy_verdict *verdict = sp_judge_digest(NID_sha1, NULL, SMIMEPOLICY_SIGN, settings);
    char *text = smimepolicy_verdict_text(verdict);

    ck_assert_str_eq(text, "warning: sign: message would be signed with SHA1 [weak-digest]; sign "
                           "with SHA-256 (-md sha256)\n");
    smimepolicy_free(text);
    smimepolicy_verdict_free(verdict);
    verdict = sp_judge_digest(NID_md5, facts, SMIMEPOLICY_VERIFY, settings);
    text = smimepolicy_verdict_text(verdict);
    ck_assert_ptr_nonnull(strstr(text, "warning: verify: bob@example.org: message is signed with "
                                       "MD5 [weak-digest] ("));
    ck_assert_ptr_nonnull(strstr(text, "); ask the sender to sign with SHA-256\n"));
    smimepolicy_free(text);
    sp_expect_verdict(verdict, "warn:weak-digest");
    sp_facts_free(facts);
    smimepolicy_settings_free(settings);
}
END_TEST

/* signer-validity */

#define GOOD  .san = "email:bob@example.org", .usage = "digitalSignature"
#define LATER (SP_END_SECONDS + 86400)

#define DENY "deny:signer-validity"
#define NOTE "note:signer-validity"

static const struct {
    struct sp_signing_time time;
    time_t now;
    const char *expected;
} times[] = {
    /* Valid now: the signing time may be absent, but must be plausible if present. */
    { { SP_TIME_ABSENT, 0 }, SP_NOW, "" },
    { { SP_TIME_ABSENT, 0 }, SP_START_SECONDS, "" },
    { { SP_TIME_ABSENT, 0 }, SP_END_SECONDS, "" },
    { { SP_TIME_BROKEN, 0 }, SP_NOW, DENY },
    { { SP_TIME_READ, SP_NOW }, SP_NOW, "" },
    { { SP_TIME_READ, SP_START_SECONDS }, SP_NOW, "" },
    { { SP_TIME_READ, SP_START_SECONDS - 1 }, SP_NOW, DENY },
    { { SP_TIME_READ, 0 }, SP_NOW, DENY },
    { { SP_TIME_READ, SP_NOW + SKEW }, SP_NOW, "" },
    { { SP_TIME_READ, SP_NOW + SKEW + 1 }, SP_NOW, DENY },
    { { SP_TIME_READ, SP_END_SECONDS }, SP_END_SECONDS, "" },
    { { SP_TIME_READ, SP_END_SECONDS + 1 }, SP_END_SECONDS, DENY },
    /* Expired: the signing time decides. */
    { { SP_TIME_ABSENT, 0 }, SP_END_SECONDS + 1, DENY },
    { { SP_TIME_BROKEN, 0 }, LATER, DENY },
    { { SP_TIME_READ, SP_START_SECONDS - 1 }, LATER, DENY },
    { { SP_TIME_READ, SP_START_SECONDS }, LATER, NOTE },
    { { SP_TIME_READ, SP_NOW }, LATER, NOTE },
    { { SP_TIME_READ, SP_END_SECONDS }, SP_END_SECONDS + 1, NOTE },
    { { SP_TIME_READ, SP_END_SECONDS + 1 }, LATER, DENY },
    { { SP_TIME_READ, LATER }, LATER, DENY },
    { { SP_TIME_READ, LATER + 86400 }, LATER, DENY },
    /* Not yet valid: denied, and a small difference of clocks does not help. */
    { { SP_TIME_ABSENT, 0 }, SP_START_SECONDS - 1, DENY },
    { { SP_TIME_READ, SP_START_SECONDS - 1 }, SP_START_SECONDS - 1, DENY },
    { { SP_TIME_READ, SP_START_SECONDS }, SP_START_SECONDS - 1, DENY },
};

START_TEST(signing_time)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });

    sp_expect_verdict(sp_judge_signing_time(signer, NULL, 0, &times[_i].time, times[_i].now),
                      times[_i].expected);
    sp_facts_free(signer);
}
END_TEST

/* Who claims no time does not claim the beginning of all times, at which it was valid. */
START_TEST(no_signing_time)
{
    static const struct sp_signing_time none[] = { { SP_TIME_ABSENT, 0 }, { SP_TIME_BROKEN, 0 } };
    struct sp_facts *old = facts_of(
        &(struct sp_recipe){ GOOD, .not_before = "19690101000000Z", .not_after = SP_START });
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });

    smimepolicy_verdict *verdict = sp_judge_signing_time(old, NULL, 0, &none[_i], SP_NOW);

    ck_assert_ptr_nonnull(
        strstr(smimepolicy_finding_get0_fault(smimepolicy_verdict_get0_finding(verdict, 0)),
               _i == 0 ? "the message has no signing time" : "signing time cannot be read"));
    sp_expect_verdict(verdict, DENY);
    sp_expect_verdict(
        sp_judge_signing_time(signer, (const struct sp_facts *[]){ old }, 1, &none[_i], SP_NOW),
        _i == 0 ? DENY : DENY " " DENY);
    sp_facts_free(signer);
    sp_facts_free(old);
}
END_TEST

/* Signed attributes; "D" stands for a digest of 2 bytes, "T" for a signing time. */
#define D                  "\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x02\x04\x00"
#define T_OF(values, time) "\x30" values "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05\x31" time
#define UTC                                                                                        \
    "\x17\x0d"                                                                                     \
    "240101000000Z"
#define T         T_OF("\x1c", "\x0f" UTC)
#define TIME_OF_T 1704067200

static const struct {
    const char *text;
    size_t length;
    struct sp_signing_time time;
} attributes[] = {
#define ATTRIBUTES(text) "\x31" text, sizeof("\x31" text) - 1
    { ATTRIBUTES("\x11" D), { SP_TIME_ABSENT, 0 } },
    { ATTRIBUTES("\x1e" T), { SP_TIME_READ, TIME_OF_T } },
    { ATTRIBUTES("\x2f" D T), { SP_TIME_READ, TIME_OF_T } },
    { ATTRIBUTES("\x2f" T D), { SP_TIME_READ, TIME_OF_T } },
    { ATTRIBUTES("\x4d" T D T), { SP_TIME_BROKEN, 0 } },
    /* Two values, none, no time, and more behind the last attribute or less. */
    { ATTRIBUTES("\x2d" T_OF("\x2b", "\x1e" UTC UTC)), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x0f" T_OF("\x0d", "\x00")), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x11" T_OF("\x0f", "\x02\x05\x00")), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x1e" T_OF("\x1c", "\x0f\x17\x0d"
                                     "24010100000xZ")),
      { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x20" T "\x30\x00"), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x1f" T "\x30"), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x30" T), { SP_TIME_BROKEN, 0 } },
    { ATTRIBUTES("\x80" T "\0\0"), { SP_TIME_BROKEN, 0 } },
    { "\x30\x00", 2, { SP_TIME_BROKEN, 0 } },
    { "", 0, { SP_TIME_BROKEN, 0 } },
};

START_TEST(signing_time_in_attributes)
{
    struct sp_signing_time found;

    ERR_clear_error();
    found = sp_signing_time_find((const unsigned char *)attributes[_i].text, attributes[_i].length);
    ck_assert_int_eq(found.state, attributes[_i].time.state);
    ck_assert(found.state == SP_TIME_BROKEN || ERR_peek_error() == 0);
    ck_assert(found.state != SP_TIME_READ || found.at == attributes[_i].time.at);
}
END_TEST

static const struct {
    struct sp_signing_time time;
    const char *text;
} passed[] = {
    { { SP_TIME_READ, TIME_OF_T },
      "signed on 2024-01-01T00:00:00Z by the signer's clock, through CN=Root" },
    { { SP_TIME_ABSENT, 0 }, "signed at a time that it does not say, through CN=Root" },
};

START_TEST(signer_who_passed)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    char *who = sp_signer_text(signer);
    char *text = sp_verified_text(signer, &passed[_i].time, ", through CN=Root");

    ck_assert_ptr_eq(strstr(who, "bob@example.org ("), who);
    ck_assert_ptr_eq(strstr(text, "verified: bob@example.org ("), text);
    ck_assert_ptr_nonnull(strstr(text, who));
    ck_assert_str_eq(strstr(text, "signed "), passed[_i].text);
    OPENSSL_free(who);
    OPENSSL_free(text);
    sp_facts_free(signer);
}
END_TEST

START_TEST(validity_that_cannot_be_read)
{
    struct sp_facts *signer = facts_of(_i == 0 ? &(struct sp_recipe){ GOOD, .not_after = "2024" }
                                               : &(struct sp_recipe){ GOOD, .not_before = "2023" });
    struct sp_signing_time absent = { SP_TIME_ABSENT, 0 };
    struct sp_signing_time claimed = { SP_TIME_READ, SP_NOW };

    sp_expect_verdict(sp_judge_signing_time(signer, NULL, 0, &absent, SP_NOW), DENY);
    sp_expect_verdict(sp_judge_signing_time(signer, NULL, 0, &claimed, SP_NOW), DENY);
    sp_facts_free(signer);
}
END_TEST

/* The signer is valid from 2023-08-01 to 2024-07-31. */
static const struct {
    const char *not_before;
    const char *not_after;
    struct sp_signing_time time;
    time_t now;
    const char *expected;
} chains[] = {
    { "20200101000000Z", "20300101000000Z", { SP_TIME_READ, SP_NOW }, SP_NOW, "" },
    { "20200101000000Z", "20300101000000Z", { SP_TIME_ABSENT, 0 }, SP_NOW, "" },
    { "20200101000000Z", "20300101000000Z", { SP_TIME_READ, SP_NOW }, LATER, NOTE },
    /* Renewed since then: valid now, but not at the signing time. */
    { "20240715000000Z", "20300101000000Z", { SP_TIME_READ, SP_NOW }, LATER, NOTE },
    /* Expired since then, with the signer or before it. */
    { SP_START, SP_END, { SP_TIME_READ, SP_NOW }, LATER, NOTE " " NOTE },
    { SP_START, "20231201000000Z", { SP_TIME_READ, SP_NOW }, SP_NOW + 1, NOTE },
    { SP_START, "20231130235959Z", { SP_TIME_READ, SP_NOW }, SP_NOW + 1, DENY },
    { SP_START, "20231201000000Z", { SP_TIME_ABSENT, 0 }, SP_NOW + 1, DENY },
    /* A signing time that is not plausible does not help an issuer either. */
    { SP_START, "20231201000000Z", { SP_TIME_BROKEN, 0 }, SP_NOW + 1, DENY " " DENY },
    { "20200101000000Z", SP_END, { SP_TIME_READ, SP_START_SECONDS - 1 }, LATER, DENY " " DENY },
    /* Valid at neither time. */
    { "20240101000000Z", "20240601000000Z", { SP_TIME_READ, SP_NOW }, LATER, DENY " " NOTE },
    { SP_START, "2024", { SP_TIME_READ, SP_NOW }, SP_NOW, DENY },
};

START_TEST(issuers)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_facts *ca = facts_of(&(struct sp_recipe){ .subject = "CA",
                                                        .basic = "CA:TRUE",
                                                        .not_before = chains[_i].not_before,
                                                        .not_after = chains[_i].not_after });
    struct sp_facts *root = facts_of(&(struct sp_recipe){
        .basic = "CA:TRUE", .not_before = "20200101000000Z", .not_after = "20300101000000Z" });
    const struct sp_facts *chain[] = { ca, root };

    sp_expect_verdict(sp_judge_signing_time(signer, chain, 2, &chains[_i].time, chains[_i].now),
                      chains[_i].expected);
    sp_facts_free(signer);
    sp_facts_free(ca);
    sp_facts_free(root);
}
END_TEST

START_TEST(both_clocks_are_reported)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_signing_time time = { SP_TIME_READ, SP_NOW };
    smimepolicy_verdict *verdict =
        sp_judge_signing_time(signer, NULL, 0, &time, SP_END_SECONDS + 1);
    char *text = smimepolicy_verdict_text(verdict);

    ck_assert_str_eq(text, "note: verify: bob@example.org: certificate expired on "
                           "2024-07-31T14:20:28Z; signed on 2023-12-01T00:00:00Z by the signer's "
                           "clock (now 2024-07-31T14:20:29Z) [signer-validity] (CN=Bob, serial "
                           "0x1f); the signing time is the signer's own claim: trust it as far as "
                           "you trust the signer\n");
    smimepolicy_free(text);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(signer);
}
END_TEST

#define NOW_IS   " (now 2023-12-01T00:00:00Z)"
#define LATER_IS " (now 2024-08-01T14:20:28Z)"
#define VALIDITY "a time from 2023-08-01T14:20:28Z to 2024-07-31T14:20:28Z"

static const struct {
    struct sp_signing_time time;
    time_t now;
    const char *not_before, *not_after;
    const char *fault, *found, *required;
} clocks[] = {
    { { SP_TIME_BROKEN, 0 },
      SP_NOW,
      SP_START,
      SP_END,
      "signing time cannot be read" NOW_IS,
      "an unreadable signing time" NOW_IS,
      VALIDITY },
    { { SP_TIME_BROKEN, 0 },
      LATER,
      SP_START,
      SP_END,
      "signing time cannot be read" LATER_IS,
      "an unreadable signing time" LATER_IS,
      VALIDITY },
    { { SP_TIME_READ, SP_NOW + SKEW + 1 },
      SP_NOW,
      SP_START,
      SP_END,
      "signing time is in the future, 2023-12-01T00:05:01Z" NOW_IS,
      "signing time 2023-12-01T00:05:01Z" NOW_IS,
      VALIDITY },
    { { SP_TIME_READ, 0 },
      SP_NOW,
      SP_START,
      SP_END,
      "certificate was not valid at its signing time, 1970-01-01T00:00:00Z" NOW_IS,
      "signing time 1970-01-01T00:00:00Z" NOW_IS,
      VALIDITY },
    { { SP_TIME_ABSENT, 0 },
      LATER,
      SP_START,
      SP_END,
      "certificate is not valid now, and the message has no signing time" LATER_IS,
      "no signing time" LATER_IS,
      VALIDITY },
    { { SP_TIME_READ, SP_NOW },
      SP_NOW,
      SP_START,
      "2024",
      "certificate was not valid at its signing time, 2023-12-01T00:00:00Z" NOW_IS,
      "signing time 2023-12-01T00:00:00Z" NOW_IS,
      "a validity that can be read" },
    { { SP_TIME_READ, SP_NOW },
      SP_NOW,
      "2023",
      SP_END,
      "certificate was not valid at its signing time, 2023-12-01T00:00:00Z" NOW_IS,
      "signing time 2023-12-01T00:00:00Z" NOW_IS,
      "a validity that can be read" },
};

START_TEST(words_about_clocks)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){
        GOOD, .not_before = clocks[_i].not_before, .not_after = clocks[_i].not_after });
    smimepolicy_verdict *verdict =
        sp_judge_signing_time(signer, NULL, 0, &clocks[_i].time, clocks[_i].now);

    sp_expect_words(verdict, "signer-validity", clocks[_i].fault, clocks[_i].found,
                    clocks[_i].required);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(signer);
}
END_TEST

/* Of an issuer that ended before the signer: a claim that is believed helps it, no other. */
START_TEST(words_about_issuers)
{
    static const struct sp_signing_time times_of[] = { { SP_TIME_READ, SP_NOW },
                                                       { SP_TIME_ABSENT, 0 } };
    static const char *const faults[] = {
        "the issuing certificate CN=CA is not valid now; signed on 2023-12-01T00:00:00Z by the "
        "signer's clock (now 2023-12-01T00:00:01Z)",
        "the issuing certificate CN=CA was valid neither now nor at the signing time "
        "(now 2023-12-01T00:00:01Z)"
    };
    static const char *const found[] = {
        "signing time 2023-12-01T00:00:00Z (now 2023-12-01T00:00:01Z)",
        "no signing time (now 2023-12-01T00:00:01Z)"
    };
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_facts *ca = facts_of(
        &(struct sp_recipe){ .subject = "CA", .basic = "CA:TRUE", .not_after = "20231201000000Z" });
    smimepolicy_verdict *verdict = sp_judge_signing_time(signer, (const struct sp_facts *[]){ ca },
                                                         1, &times_of[_i], SP_NOW + 1);

    sp_expect_words(verdict, "signer-validity", faults[_i], found[_i],
                    "a time from 2023-08-01T14:20:28Z to 2023-12-01T00:00:00Z");
    smimepolicy_verdict_free(verdict);
    sp_facts_free(ca);
    sp_facts_free(signer);
}
END_TEST

/* sender-match */

#define BOB   "bob@example.org"
#define ALICE "alice@example.org"
#define EVE   "eve@example.net"

static const struct {
    size_t fields;
    const char *from[4];
    const char *sender;
    bool matches;
} mails[] = {
    { 1, { BOB }, NULL, true },
    { 1, { "BOB@Example.ORG" }, NULL, true },
    /* The second address of the certificate counts, too. */
    { 1, { "b.o.b@example.com" }, NULL, true },
    { 1, { EVE }, NULL, false },
    { 1, { "bob@example.or" }, NULL, false },
    { 1, { "bob@example.org.evil.example" }, NULL, false },
    { 1, { "bob@example.org " }, NULL, false },
    { 1, { "bo" }, NULL, false },
    { 1, { "" }, NULL, false },
    { 1, { "bob@example.org\nX: y" }, NULL, false },
    /* Only ASCII letters are folded: not the dotless i, the Kelvin sign, the fullwidth b. */
    { 1, { "b\xc4\xb1t@example.org" }, NULL, false },
    { 1, { "\xef\xbd\x82ob@example.org" }, NULL, false },
    /* No address, several addresses, several fields. */
    { 0, { NULL }, NULL, false },
    { 0, { NULL }, BOB, false },
    { 1, { NULL }, NULL, false },
    { 1, { NULL }, BOB, false },
    { 1, { BOB, BOB }, NULL, false },
    { 1, { BOB, EVE }, NULL, false },
    { 2, { BOB, BOB }, NULL, false },
    { 2, { BOB, EVE }, NULL, false },
    { 2, { BOB }, NULL, false },
    /* The Sender field decides if it is one of From's addresses and the signer's. */
    { 1, { EVE, BOB }, BOB, true },
    { 1, { EVE, "Bob@example.org" }, "bob@EXAMPLE.org", true },
    { 2, { EVE, BOB }, BOB, false },
    { 2, { BOB }, BOB, false },
    { 1, { EVE, BOB }, EVE, false },
    { 1, { EVE, ALICE }, BOB, false },
    { 1, { EVE, BOB }, "b.o.b@example.com", false },
    /* It does not replace a single other author, and does not count against the signer. */
    { 1, { EVE }, BOB, false },
    { 1, { BOB }, EVE, true },
};

/* Copies, so that comparing pointers fails. */
static size_t copy_addresses(char **out, const char *const *from)
{
    size_t count = 0;

    for (; count < 4 && from[count] != NULL; count++) {
        out[count] = strdup(from[count]);
        ck_assert_ptr_nonnull(out[count]);
    }
    return count;
}

START_TEST(sender_match)
{
    struct sp_facts *signer =
        facts_of(&(struct sp_recipe){ .san = "email:Bob@example.org,email:B.O.B@Example.com" });
    char *from[4] = { NULL };
    struct sp_sender sender = { .is_mail = true,
                                .from_fields = mails[_i].fields,
                                .from = from,
                                .from_count = copy_addresses(from, mails[_i].from),
                                .sender = mails[_i].sender };

    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender),
                      mails[_i].matches ? "" : "deny:sender-match");
    for (size_t i = 0; i < 4; i++)
        free(from[i]);
    sp_facts_free(signer);
}
END_TEST

static const struct {
    size_t fields;
    const char *from[4];
    const char *fault, *found;
} said[] = {
    { 0, { NULL }, "the mail has no From field", "no address" },
    { 1,
      { NULL },
      "the From field holds no address that can be read, or something beside it",
      "no address" },
    { 1, { EVE }, "the mail is from " EVE ", no address of the certificate", EVE },
    { 1, { EVE, ALICE }, "the From field holds 2 addresses, which is ambiguous", EVE ", " ALICE },
    { 2, { EVE, BOB }, "the mail has 2 From fields, which is ambiguous", EVE ", " BOB },
};

START_TEST(words_about_senders)
{
    struct sp_facts *signer =
        facts_of(&(struct sp_recipe){ .san = "email:bob@example.org,email:rob@example.org" });
    char *from[4] = { NULL };
    struct sp_sender sender = { .is_mail = true,
                                .from_fields = said[_i].fields,
                                .from = from,
                                .from_count = copy_addresses(from, said[_i].from) };
    smimepolicy_verdict *verdict = sp_judge_sender(SIGNER(signer), 1, 0, &sender);

    sp_expect_words(verdict, "sender-match", said[_i].fault, said[_i].found,
                    "bob@example.org, rob@example.org");
    smimepolicy_verdict_free(verdict);
    for (size_t i = 0; i < 4; i++)
        free(from[i]);
    sp_facts_free(signer);
}
END_TEST

/* Two who signed together: one of them is the sender, or nobody is. */
START_TEST(several_signers)
{
    struct sp_facts *bob = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_facts *gate = facts_of(&(struct sp_recipe){ .san = "email:gate@example.org" });
    const struct sp_facts *signers[] = { gate, bob };
    char address[] = BOB;
    char eve[] = "eve@example.org";
    char *from[] = { address };
    struct sp_sender sender = { .is_mail = true, .from_fields = 1, .from = from, .from_count = 1 };

    sp_expect_verdict(sp_judge_sender(signers, 2, 0, &sender), "note:sender-match");
    sp_expect_verdict(sp_judge_sender(signers, 2, 1, &sender), "");
    sp_expect_verdict(sp_judge_sender(signers, 1, 0, &sender), "deny:sender-match");
    sp_expect_verdict(sp_judge_sender_to_sign(signers, 2, &sender), "");
    sp_expect_verdict(sp_judge_sender_to_sign(signers, 1, &sender), "warn:sender-match");
    from[0] = eve;
    sp_expect_verdict(sp_judge_sender_to_sign(signers, 2, &sender), "warn:sender-match");
    sender.is_mail = false;
    sp_expect_verdict(sp_judge_sender_to_sign(signers, 2, &sender), "");
    sender.is_mail = true;
    sp_expect_verdict(sp_judge_sender(signers, 2, 0, &sender), "deny:sender-match");
    sp_expect_verdict(sp_judge_sender(signers, 2, 1, &sender), "deny:sender-match");
    sp_facts_free(bob);
    sp_facts_free(gate);
}
END_TEST

static void expect_remedy(smimepolicy_verdict *verdict, const char *remedy)
{
    ck_assert_str_eq(smimepolicy_finding_get0_remedy(sp_find(verdict, "sender-match")), remedy);
    smimepolicy_verdict_free(verdict);
}

/* What can be done is another thing for who signs, for who reads, and where somebody vouches. */
START_TEST(remedies_about_senders)
{
    struct sp_facts *bob = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_facts *gate = facts_of(&(struct sp_recipe){ .san = "email:gate@example.org" });
    const struct sp_facts *signers[] = { gate, bob };
    char address[] = BOB;
    char *from[] = { address };
    struct sp_sender sender = { .is_mail = true, .from_fields = 1, .from = from, .from_count = 1 };

    expect_remedy(sp_judge_sender(signers, 2, 0, &sender),
                  "another signer's address is the sender's");
    expect_remedy(sp_judge_sender(signers, 1, 0, &sender),
                  "believe the signer's address, not the mail's, and ask the sender");
    expect_remedy(
        sp_judge_sender_to_sign(signers, 1, &sender),
        "who verifies the mail refuses it; sign as its sender, or correct its From field");
    expect_remedy(sp_judge_sender(signers, 1, 0, NULL),
                  "compare the sender's address with the signer's yourself, or give it with "
                  "--sender");
    sp_facts_free(bob);
    sp_facts_free(gate);
}
END_TEST

/* Of a header that cannot be read nothing is believed, and of a list neither. */
START_TEST(unreadable)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    enum sp_unreadable why = (enum sp_unreadable)_i;
    bool of_list = why >= SP_LIST_OTHER;
    char bob[] = BOB;
    char *from[] = { bob };
    struct sp_sender sender = { .header = of_list ? SP_READABLE : why,
                                .list = of_list ? why : SP_READABLE,
                                .is_mail = of_list,
                                .from_fields = 1,
                                .from = from,
                                .from_count = 1 };
    smimepolicy_verdict *verdict = sp_judge_sender(SIGNER(signer), 1, 0, &sender);
    const smimepolicy_finding *finding = sp_find(verdict, "sender-match");

    ck_assert_ptr_nonnull(finding);
    ck_assert_ptr_nonnull(strstr(smimepolicy_finding_get0_fault(finding), sp_unreadable_text(why)));
    sp_expect_verdict(verdict, "deny:sender-match");
    sp_facts_free(signer);
}
END_TEST

static const struct {
    const char *name;
    bool is_mail;
} names[] = {
    { "MIME-Version", false }, { "mime-version", false },
    { "Content-Type", false }, { "CONTENT-X", false },
    { "Content-", true },      { "Content", true },
    { "MIME-Version2", true }, { "X-Originator", true },
    { "MIME-Versio", true },   { "M", true },
    { "From", true },          { "To", true },
    { "Reply-To", true },      { "Received", true },
    { "List-Id", true },       { "Return-Path", true },
    { "X-Note", true },        { "From ", true },
};

START_TEST(fields_of_a_mail)
{
    ck_assert(sp_is_mail_field(names[_i].name, strlen(names[_i].name)) == names[_i].is_mail);
}
END_TEST

/* A MIME part without its mail passes, unless a sender must be compared. */
START_TEST(an_entity_alone)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    struct sp_sender sender = { 0 };

    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender), "note:sender-match");
    sender.needed = true;
    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender), "deny:sender-match");
    sender = (struct sp_sender){ .is_mail = true };
    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender), "deny:sender-match");
    sp_facts_free(signer);
}
END_TEST

START_TEST(nothing_to_compare)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    smimepolicy_verdict *verdict = sp_judge_sender(SIGNER(signer), 1, 0, NULL);
    const smimepolicy_finding *finding = sp_find(verdict, "sender-match");

    ck_assert_ptr_nonnull(finding);
    ck_assert_str_eq(smimepolicy_finding_get0_fault(finding), "no address was compared");
    sp_expect_verdict(verdict, "note:sender-match");
    sp_facts_free(signer);
}
END_TEST

START_TEST(signer_without_an_address)
{
    static const char *const sans[] = { NULL, "DNS:example.org", "URI:mailto:bob@example.org" };
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ .san = sans[_i] });
    char bob[] = BOB;
    char nobody[] = "";
    char *from[] = { bob, nobody };
    struct sp_sender sender = {
        .is_mail = true, .from_fields = 1, .from = from, .from_count = 1, .sender = bob
    };

    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender), "deny:sender-match");
    sender.from++;
    sp_expect_verdict(sp_judge_sender(SIGNER(signer), 1, 0, &sender), "deny:sender-match");
    sp_facts_free(signer);
}
END_TEST

/* Addresses in From reach the terminal only escaped. */
START_TEST(addresses_are_escaped)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ GOOD });
    char evil[] = "eve\x1b[2J\n@example.net";
    char *from[] = { evil };
    struct sp_sender sender = { .is_mail = true, .from_fields = 1, .from = from, .from_count = 1 };
    smimepolicy_verdict *verdict = sp_judge_sender(SIGNER(signer), 1, 0, &sender);
    const smimepolicy_finding *finding = sp_find(verdict, "sender-match");

    ck_assert_str_eq(smimepolicy_finding_get0_found(finding), "eve\\1B[2J\\0A@example.net");
    ck_assert_str_eq(smimepolicy_finding_get0_fault(finding),
                     "the mail is from eve\\1B[2J\\0A@example.net, no address of the certificate");
    smimepolicy_verdict_free(verdict);
    sp_facts_free(signer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages");
    TCase *tests = tcase_create("messages");

    tcase_add_loop_test(tests, weak_cipher, 0, SP_ROWS(ciphers));
    tcase_add_test(tests, weak_cipher_by_default);
    tcase_add_loop_test(tests, weak_digest, 0, SP_ROWS(digests));
    tcase_add_test(tests, weak_digest_by_default);
    tcase_add_loop_test(tests, signing_time, 0, SP_ROWS(times));
    tcase_add_loop_test(tests, no_signing_time, 0, 2);
    tcase_add_loop_test(tests, signing_time_in_attributes, 0, SP_ROWS(attributes));
    tcase_add_loop_test(tests, signer_who_passed, 0, SP_ROWS(passed));
    tcase_add_loop_test(tests, validity_that_cannot_be_read, 0, 2);
    tcase_add_loop_test(tests, issuers, 0, SP_ROWS(chains));
    tcase_add_test(tests, both_clocks_are_reported);
    tcase_add_loop_test(tests, words_about_clocks, 0, SP_ROWS(clocks));
    tcase_add_loop_test(tests, words_about_issuers, 0, 2);
    tcase_add_loop_test(tests, words_about_senders, 0, SP_ROWS(said));
    tcase_add_loop_test(tests, sender_match, 0, SP_ROWS(mails));
    tcase_add_test(tests, several_signers);
    tcase_add_test(tests, remedies_about_senders);
    tcase_add_loop_test(tests, unreadable, SP_HEADER_NUL, SP_LIST_MANY + 1);
    tcase_add_loop_test(tests, fields_of_a_mail, 0, SP_ROWS(names));
    tcase_add_test(tests, an_entity_alone);
    tcase_add_test(tests, nothing_to_compare);
    tcase_add_loop_test(tests, signer_without_an_address, 0, 3);
    tcase_add_test(tests, addresses_are_escaped);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
