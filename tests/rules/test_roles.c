/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The role of an uploaded certificate, and what it then vouches for.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "verdicts.h"

#define MAIL   "email:bob@example.org"
#define CLIENT "digitalSignature,keyEncipherment"

/* The certificates of the rows below. */
static const struct sp_recipe client = { .san = MAIL, .usage = CLIENT, .basic = "CA:FALSE" };
static const struct sp_recipe plain = { .san = MAIL, .usage = CLIENT };
static const struct sp_recipe person = { .san = MAIL, .usage = CLIENT, .basic = "CA:TRUE" };
static const struct sp_recipe signs = { .san = MAIL,
                                        .usage = "digitalSignature,keyCertSign",
                                        .basic = "critical,CA:TRUE" };
static const struct sp_recipe any_usage = { .san = MAIL, .basic = "CA:TRUE" };
static const struct sp_recipe issuer = { .usage = "keyCertSign,cRLSign",
                                         .basic = "critical,CA:TRUE" };
static const struct sp_recipe named_issuer = { .san = MAIL,
                                               .usage = "keyCertSign,cRLSign",
                                               .basic = "critical,CA:TRUE" };
static const struct sp_recipe web_issuer = { .san = "DNS:example.org",
                                             .usage = "digitalSignature,keyCertSign",
                                             .basic = "CA:TRUE" };
static const struct sp_recipe bare_issuer = { .basic = "CA:TRUE" };
static const struct sp_recipe server = { .san = "DNS:example.org",
                                         .usage = CLIENT,
                                         .extended = "serverAuth" };
static const struct sp_recipe nothing = { .subject = "Bob" };
static const struct sp_recipe garbled = { .san = MAIL, .usage = CLIENT, .basic = "DER:FF" };
static const struct sp_recipe doubled = {
    .san = MAIL, .usage = CLIENT, .basic = "CA:FALSE", .again = { "basicConstraints", "CA:TRUE" }
};
static const struct sp_recipe old = { .version = -1 };
/* Certificates that libcrypto takes for issuers without CA:TRUE. */
static const struct sp_recipe certifies = { .san = MAIL,
                                            .usage =
                                                "digitalSignature,keyEncipherment,keyCertSign" };
static const struct sp_recipe netscape = { .san = MAIL, .again = { "nsCertType", "emailCA" } };
/* Self-issued, with an address: a person's, unless it can only issue. */
static const struct sp_recipe repudiates = { .san = MAIL,
                                             .usage = "nonRepudiation,keyCertSign",
                                             .basic = "CA:TRUE" };
static const struct sp_recipe agrees = { .san = MAIL,
                                         .usage = "keyAgreement,keyCertSign",
                                         .basic = "CA:TRUE" };
static const struct sp_recipe no_usage_bits = { .san = MAIL,
                                                .usage = "DER:03:02:00:00",
                                                .basic = "CA:TRUE" };
/* Certificate Sign, and a bit that has no name. */
static const struct sp_recipe unnamed_bit = { .san = MAIL,
                                              .usage = "DER:03:03:06:04:40",
                                              .basic = "CA:TRUE" };
static const struct sp_recipe unread_usage = { .san = MAIL, .usage = "DER:FF", .basic = "CA:TRUE" };
static const struct sp_recipe unread_name = { .san = "DER:FF",
                                              .usage = CLIENT,
                                              .basic = "CA:TRUE" };
static const struct sp_recipe unread_extended = {
    .san = MAIL, .usage = "keyCertSign,cRLSign", .extended = "DER:FF", .basic = "CA:TRUE"
};
static const struct sp_recipe for_mail = {
    .san = MAIL, .usage = "keyCertSign,cRLSign", .extended = "emailProtection", .basic = "CA:TRUE"
};
static const struct sp_recipe two_names = { .san = "DNS:example.org",
                                            .usage = "digitalSignature,keyCertSign",
                                            .basic = "CA:TRUE",
                                            .again = { "subjectAltName", "DNS:example.net" } };

static struct sp_facts *facts_of(const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_ptr_nonnull(facts);
    X509_free(cert);
    return facts;
}

/* The same certificate, issued by another one. */
static struct sp_facts *facts_below(const struct sp_recipe *recipe)
{
    const struct sp_recipe above = { .subject = "CA", .basic = "CA:TRUE" };
    struct sp_recipe issued = *recipe;
    struct sp_facts *facts;

    issued.issuer = sp_make_cert(&above);
    facts = facts_of(&issued);
    X509_free(issued.issuer);
    return facts;
}

/* The role by content: without a private key, with one, and if another CA issued it. */
static const struct {
    const struct sp_recipe *recipe;
    enum sp_role alone, below;
} contents[] = {
    { &client, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &plain, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &server, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &nothing, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &old, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &certifies, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &netscape, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    /*
     * A person's certificate as `openssl req -x509` makes it is no issuer; if another CA
     * issued it, it may be one.
     */
    { &person, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &signs, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &repudiates, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &agrees, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &for_mail, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &two_names, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &no_usage_bits, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &unread_usage, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &unread_name, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &unread_extended, SP_ROLE_CONTACT, SP_ROLE_NONE },
    /* A missing Key Usage restricts nothing: it could sign mail. */
    { &any_usage, SP_ROLE_CONTACT, SP_ROLE_NONE },
    { &issuer, SP_ROLE_CA, SP_ROLE_CA },
    { &named_issuer, SP_ROLE_CA, SP_ROLE_CA },
    { &unnamed_bit, SP_ROLE_CA, SP_ROLE_CA },
    { &web_issuer, SP_ROLE_CA, SP_ROLE_CA },
    { &bare_issuer, SP_ROLE_CA, SP_ROLE_CA },
    /* An unreadable extension must not make an issuer of a contact. */
    { &garbled, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
    { &doubled, SP_ROLE_CONTACT, SP_ROLE_CONTACT },
};

START_TEST(by_content)
{
    struct sp_facts *facts = facts_of(contents[_i].recipe);

    ck_assert_int_eq(sp_role_of(facts), contents[_i].alone);
    sp_facts_free(facts);
    facts = facts_below(contents[_i].recipe);
    ck_assert_int_eq(sp_role_of(facts), contents[_i].below);
    sp_facts_free(facts);
}
END_TEST

static const struct {
    const struct sp_recipe *recipe;
    enum sp_role role;
    bool has_key;
    const char *expected;
} uploads[] = {
    { &client, SP_ROLE_IDENTITY, true, "" },
    { &client, SP_ROLE_CONTACT, false, "" },
    { &client, SP_ROLE_IDENTITY, false, "deny:private-key-match" },
    { &client, SP_ROLE_CONTACT, true, "deny:private-key-match" },
    /* Only a CA can have the role ca. */
    { &client, SP_ROLE_CA, false, "deny:ca-exempt" },
    { &client, SP_ROLE_CA, true, "deny:private-key-match deny:ca-exempt" },
    { &plain, SP_ROLE_CA, false, "deny:ca-exempt" },
    /* It is no CA, and the extension cannot be read. */
    { &garbled, SP_ROLE_CA, false, "deny:ca-exempt deny:ca-exempt" },
    { &doubled, SP_ROLE_CA, false, "deny:ca-exempt deny:ca-exempt" },
    { &server, SP_ROLE_CA, false, "deny:ca-exempt deny:san-email deny:extended-key-usage" },
    { &old, SP_ROLE_CA, false, "deny:ca-exempt deny:san-email deny:key-usage" },
    /* A person's CA is an identity, a contact, and on request a ca. */
    { &person, SP_ROLE_IDENTITY, true, "" },
    { &person, SP_ROLE_CONTACT, false, "" },
    { &person, SP_ROLE_CA, false, "" },
    { &person, SP_ROLE_CA, true, "deny:private-key-match" },
    { &signs, SP_ROLE_CONTACT, false, "" },
    { &signs, SP_ROLE_CA, false, "" },
    { &any_usage, SP_ROLE_CONTACT, false, "deny:key-usage" },
    { &any_usage, SP_ROLE_CA, false, "" },
    /* A pure issuer is exempt from the rules for mail. */
    { &issuer, SP_ROLE_CA, false, "" },
    { &issuer, SP_ROLE_CONTACT, false, "deny:san-email deny:key-usage" },
    { &issuer, SP_ROLE_IDENTITY, true, "deny:san-email deny:key-usage" },
    { &named_issuer, SP_ROLE_CA, false, "" },
    { &named_issuer, SP_ROLE_CONTACT, false, "deny:key-usage" },
    { &web_issuer, SP_ROLE_CA, false, "" },
    { &web_issuer, SP_ROLE_CONTACT, false, "deny:san-email" },
    { &bare_issuer, SP_ROLE_CA, false, "" },
    { &server, SP_ROLE_CONTACT, false, "deny:san-email deny:extended-key-usage" },
    { &nothing, SP_ROLE_CONTACT, false, "deny:san-email deny:key-usage" },
    /* Every fault is listed, that of the role, too. */
    { &nothing, SP_ROLE_IDENTITY, false, "deny:private-key-match deny:san-email deny:key-usage" },
    /* An intermediate is one of a CA, too. */
    { &issuer, SP_ROLE_INTERMEDIATE, false, "" },
    { &issuer, SP_ROLE_INTERMEDIATE, true, "deny:private-key-match" },
    { &client, SP_ROLE_INTERMEDIATE, false, "deny:ca-exempt" },
};

/* The findings without notes. */
static char *without_notes(const smimepolicy_verdict *verdict)
{
    char *summary = sp_summary(verdict);
    char *left = calloc(1, strlen(summary) + 2);
    char *rest;

    for (char *word = strtok_r(summary, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        if (strncmp(word, "note:", strlen("note:")) != 0)
            sprintf(left + strlen(left), "%s%s", *left == '\0' ? "" : " ", word);
    free(summary);
    return left;
}

static void expect_upload(const struct sp_facts *facts, int row, time_t at, const char *remark)
{
    smimepolicy_verdict *verdict = sp_judge_upload(
        facts,
        &(struct sp_assigned_role){ uploads[row].role, SP_ROLE_FROM_USER, uploads[row].has_key },
        at, NULL);
    char *left = without_notes(verdict);
    bool exempt = uploads[row].role != SP_ROLE_CONTACT && uploads[row].role != SP_ROLE_IDENTITY &&
                  sp_facts_is_ca(facts);

    ck_assert_str_eq(left, uploads[row].expected);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), *left == '\0');
    /* A note names the rules that are not asked of an issuer. */
    ck_assert_int_eq(sp_find(verdict, "ca-exempt") != NULL,
                     exempt || strstr(left, "ca-exempt") != NULL);
    if (remark != NULL)
        ck_assert_ptr_nonnull(sp_find(verdict, remark));
    free(left);
    smimepolicy_verdict_free(verdict);
}

/* An upload may be expired or not yet valid: old mail needs it. */
START_TEST(upload)
{
    struct sp_facts *facts = facts_of(uploads[_i].recipe);

    expect_upload(facts, _i, SP_NOW, NULL);
    expect_upload(facts, _i, SP_END_SECONDS + 1000, "expired");
    expect_upload(facts, _i, SP_START_SECONDS - 1000, "not-yet-valid");
    sp_facts_free(facts);
}
END_TEST

/* If the role is refused, the remedy says what to do instead. */
static const struct {
    const struct sp_recipe *recipe;
    enum sp_role role;
    bool has_key;
    const char *rule, *fault, *remedy;
} texts[] = {
    { &client, SP_ROLE_IDENTITY, false, "private-key-match", "an identity without its private key",
      "give the private key too, or upload the certificate as a contact" },
    { &client, SP_ROLE_CONTACT, true, "private-key-match", "a contact with a private key",
      "upload it as an identity, or leave the key out" },
    { &person, SP_ROLE_CA, true, "private-key-match", "a CA with a private key",
      "upload it as an identity, or leave the key out" },
    { &client, SP_ROLE_CA, false, "ca-exempt", "certificate is not one of a CA",
      "upload it as a contact" },
};

START_TEST(text)
{
    struct sp_facts *facts = facts_of(texts[_i].recipe);
    smimepolicy_verdict *verdict = sp_judge_upload(
        facts, &(struct sp_assigned_role){ texts[_i].role, SP_ROLE_FROM_USER, texts[_i].has_key },
        SP_NOW, NULL);
    const smimepolicy_finding *finding = sp_find(verdict, texts[_i].rule);

    ck_assert_ptr_nonnull(finding);
    ck_assert_str_eq(smimepolicy_finding_get0_fault(finding), texts[_i].fault);
    ck_assert_str_eq(smimepolicy_finding_get0_remedy(finding), texts[_i].remedy);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
}
END_TEST

/* Who may vouch for others: below an anchor, and as an anchor, by role. */
static const struct {
    const struct sp_recipe *recipe;
    bool below, none, identity, contact, ca;
    bool other; /* issued by another */
} issuers[] = {
    { &issuer, true, true, false, false, true, false },
    { &named_issuer, true, true, false, false, true, false },
    { &web_issuer, true, true, false, false, true, false },
    { &bare_issuer, true, true, false, false, true, false },
    /* A person's own CA. */
    { &person, true, false, false, false, true, false },
    { &signs, true, false, false, false, true, false },
    { &any_usage, true, false, false, false, true, false },
    { &repudiates, true, false, false, false, true, false },
    { &agrees, true, false, false, false, true, false },
    { &no_usage_bits, true, false, false, false, true, false },
    { &unread_usage, true, false, false, false, true, false },
    { &unread_extended, true, false, false, false, true, false },
    { &for_mail, true, false, false, false, true, false },
    { &two_names, true, false, false, false, true, false },
    /* A program that names a company's CA as an anchor means it. */
    { &person, true, true, false, false, true, true },
    { &signs, true, true, false, false, true, true },
    { &for_mail, true, true, false, false, true, true },
    /* Without a readable CA:TRUE it is no issuer, in any role. */
    { &client, false, false, false, false, false, false },
    { &plain, false, false, false, false, false, false },
    { &certifies, false, false, false, false, false, false },
    { &netscape, false, false, false, false, false, false },
    { &garbled, false, false, false, false, false, false },
    { &doubled, false, false, false, false, false, false },
    { &old, false, false, false, false, false, false },
};

/* What the keyring says of a certificate that a person uploaded as |role|, or of none. */
static struct sp_standing uploaded(enum sp_role role)
{
    return (struct sp_standing){ role, role == SP_ROLE_NONE ? 0 : SP_ORIGIN_UPLOADED };
}

/* As an anchor nothing counts that no person has put into the keyring, nor an intermediate. */
static const struct {
    struct sp_standing standing;
    bool never, itself;
} standings[] = {
    { { SP_ROLE_NONE, 0 }, false, false },
    { { SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED }, false, true },
    { { SP_ROLE_CONTACT, SP_ORIGIN_MADE }, false, true },
    { { SP_ROLE_IDENTITY, SP_ORIGIN_MADE }, false, true },
    { { SP_ROLE_IDENTITY, SP_ORIGIN_UPLOADED }, false, true },
    { { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, false, false },
    { { SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED }, true, false },
    { { SP_ROLE_CONTACT, SP_ORIGIN_DIRECTORY }, true, false },
    { { SP_ROLE_IDENTITY, SP_ORIGIN_COLLECTED }, true, false },
    { { SP_ROLE_CA, SP_ORIGIN_COLLECTED }, true, false },
    { { SP_ROLE_CA, SP_ORIGIN_DIRECTORY }, true, false },
    { { SP_ROLE_INTERMEDIATE, SP_ORIGIN_COLLECTED }, true, false },
    { { SP_ROLE_INTERMEDIATE, SP_ORIGIN_UPLOADED }, true, false },
    { { SP_ROLE_CONTACT, 0 }, true, false },
    { { SP_ROLE_CONTACT, SP_ORIGIN_HUB }, true, false },
    { { SP_ROLE_IDENTITY, SP_ORIGIN_HUB }, true, false },
    { { SP_ROLE_CA, SP_ORIGIN_HUB }, true, false },
    { { SP_ROLE_CONTACT, SP_ORIGIN_HUB_ANCHOR }, false, true },
    { { SP_ROLE_CA, SP_ORIGIN_HUB_ANCHOR }, false, false },
    { { SP_ROLE_INTERMEDIATE, SP_ORIGIN_HUB_ANCHOR }, true, false },
    { { SP_ROLE_CONTACT, (enum sp_origin)7 }, true, false },
};

START_TEST(never_anchor)
{
    const struct sp_standing standing = standings[_i].standing;
    struct sp_facts *ca = facts_of(&issuer);
    struct sp_facts *person_facts = facts_of(&client);
    smimepolicy_verdict *verdict = sp_judge_anchor(person_facts, ca, standing, false);

    ck_assert_int_eq(sp_is_never_anchor(standing), standings[_i].never);
    ck_assert_int_eq(sp_vouches_for_itself(standing), standings[_i].itself);
    /* Below an anchor it may be a part of the chain. */
    ck_assert(sp_may_issue(ca, standing, false));
    if (standings[_i].never) {
        ck_assert(!sp_may_issue(ca, standing, true));
        ck_assert_int_eq(sp_vouches(ca, standing, false), SP_VOUCHED_FOR_LATER);
        ck_assert_int_eq(sp_vouches(ca, standing, true), SP_VOUCHES_NOT);
        ck_assert_int_eq(sp_vouches(person_facts, standing, false), SP_VOUCHES_NOT);
        ck_assert_str_eq(smimepolicy_finding_get0_fault(sp_find(verdict, "distrust-default")),
                         "the chain ends in a certificate that came with a mail, from a "
                         "directory or from the hub");
    }
    smimepolicy_verdict_free(verdict);
    sp_facts_free(ca);
    sp_facts_free(person_facts);
}
END_TEST

START_TEST(may_issue)
{
    struct sp_facts *facts =
        issuers[_i].other ? facts_below(issuers[_i].recipe) : facts_of(issuers[_i].recipe);

    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_NONE), false), issuers[_i].below);
    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_CONTACT), false), issuers[_i].below);
    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_NONE), true), issuers[_i].none);
    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_IDENTITY), true), issuers[_i].identity);
    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_CONTACT), true), issuers[_i].contact);
    ck_assert_int_eq(sp_may_issue(facts, uploaded(SP_ROLE_CA), true), issuers[_i].ca);
    sp_facts_free(facts);
}
END_TEST

/* For whom a certificate of a trust store vouches, if only the keyring counts. */
static const struct {
    const struct sp_recipe *recipe;
    enum sp_role role;
    bool is_last;
    enum sp_vouching expected;
} vouchings[] = {
    { &issuer, SP_ROLE_CA, false, SP_VOUCHES },
    { &person, SP_ROLE_CA, false, SP_VOUCHES },
    { &certifies, SP_ROLE_CA, false, SP_VOUCHES_FOR_ITSELF },
    { &person, SP_ROLE_CONTACT, false, SP_VOUCHES_FOR_ITSELF },
    { &person, SP_ROLE_CONTACT, true, SP_VOUCHES },
    { &client, SP_ROLE_IDENTITY, true, SP_VOUCHES },
    { &issuer, SP_ROLE_NONE, false, SP_VOUCHED_FOR_LATER },
    { &issuer, SP_ROLE_NONE, true, SP_VOUCHES_NOT },
    { &client, SP_ROLE_NONE, false, SP_VOUCHES_NOT },
};

START_TEST(vouching)
{
    struct sp_facts *facts = facts_of(vouchings[_i].recipe);

    ck_assert_int_eq(sp_vouches(facts, uploaded(vouchings[_i].role), vouchings[_i].is_last),
                     vouchings[_i].expected);
    sp_facts_free(facts);
}
END_TEST

/* If the role was a decision, the upload names it, the reason and how to change it. */
static const struct {
    const struct sp_recipe *recipe;
    struct sp_assigned_role as;
    bool other;
    const char *fault, *remedy; /* NULL: there is no note */
} decisions[] = {
    { &person,
      { SP_ROLE_CONTACT, SP_ROLE_FROM_CONTENT, false },
      false,
      "a person's own CA certificate: it vouches for its own addresses alone",
      "use --as ca if it is to vouch for everybody it issues to" },
    { &named_issuer,
      { SP_ROLE_CA, SP_ROLE_FROM_CONTENT, false },
      false,
      "CA with an address: kept as a ca, which vouches for the mail of everybody it issues to",
      "use --as contact if it is a person's" },
    { &signs,
      { SP_ROLE_CA, SP_ROLE_FROM_CHAIN, false },
      true,
      "CA with an address, below a ca: kept as a ca, which vouches for the mail of everybody it "
      "issues to",
      "use --as contact if it is a person's" },
    { &signs,
      { SP_ROLE_NONE, SP_ROLE_FROM_CONTENT, false },
      true,
      "CA with an address that another one issued: a person's, or a CA's",
      "upload the CA that issued it too, or use --as ca if it is to vouch for everybody it issues "
      "to, or --as contact if it is a person's" },
    { &bare_issuer,
      { SP_ROLE_CA, SP_ROLE_FROM_CONTENT, false },
      false,
      "CA without an address: kept as a ca, which vouches for the mail of everybody it issues to",
      "leave it out if it is a person's: that needs an address" },
    { &web_issuer,
      { SP_ROLE_CA, SP_ROLE_FROM_CONTENT, false },
      false,
      "CA without an address: kept as a ca, which vouches for the mail of everybody it issues to",
      "leave it out if it is a person's: that needs an address" },
    { &person, { SP_ROLE_CA, SP_ROLE_FROM_USER, false }, false, NULL, NULL },
    { &person, { SP_ROLE_CA, SP_ROLE_FROM_CONTENT, false }, false, NULL, NULL },
    { &issuer, { SP_ROLE_CA, SP_ROLE_FROM_CONTENT, false }, false, NULL, NULL },
    { &client, { SP_ROLE_CONTACT, SP_ROLE_FROM_CONTENT, false }, false, NULL, NULL },
};

START_TEST(decided)
{
    struct sp_facts *facts =
        decisions[_i].other ? facts_below(decisions[_i].recipe) : facts_of(decisions[_i].recipe);
    smimepolicy_verdict *verdict = sp_judge_upload(facts, &decisions[_i].as, SP_NOW, NULL);
    char *said = smimepolicy_verdict_text(verdict);

    if (decisions[_i].fault != NULL) {
        ck_assert_ptr_nonnull(strstr(said, decisions[_i].fault));
        ck_assert_ptr_nonnull(strstr(said, decisions[_i].remedy));
    } else {
        ck_assert_ptr_null(strstr(said, "--as"));
        ck_assert_ptr_null(strstr(said, "kept as"));
    }
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), decisions[_i].as.role != SP_ROLE_NONE);
    smimepolicy_free(said);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
}
END_TEST

/* As an identity it vouches for nobody: nothing is said of a ca. */
START_TEST(not_decided)
{
    const struct sp_assigned_role as = { SP_ROLE_IDENTITY, SP_ROLE_FROM_CONTENT, true };
    struct sp_facts *facts = facts_of(_i == 0 ? &named_issuer : &person);
    smimepolicy_verdict *verdict = sp_judge_upload(facts, &as, SP_NOW, NULL);
    char *said = smimepolicy_verdict_text(verdict);

    ck_assert_msg(strstr(said, "vouches") == NULL, "%s", said);
    smimepolicy_free(said);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
}
END_TEST

/* Where only the keyring vouches: the end of a chain, by its role there. */
static const struct {
    enum sp_role role;
    bool is_signer;
    const char *expected, *fault;
} anchors[] = {
    { SP_ROLE_CA, false, "", NULL },
    { SP_ROLE_CA, true, "", NULL },
    { SP_ROLE_CONTACT, true, "", NULL },
    { SP_ROLE_IDENTITY, true, "", NULL },
    { SP_ROLE_CONTACT, false, "deny:distrust-default",
      "a contact's own certificate cannot vouch for others" },
    { SP_ROLE_IDENTITY, false, "deny:distrust-default",
      "a contact's own certificate cannot vouch for others" },
    { SP_ROLE_NONE, false, "deny:distrust-default",
      "the chain ends in a certificate that was not uploaded" },
    { SP_ROLE_NONE, true, "deny:distrust-default",
      "the chain ends in a certificate that was not uploaded" },
};

START_TEST(anchor)
{
    struct sp_facts *signer = facts_of(&client);
    struct sp_facts *end = facts_of(&issuer);
    smimepolicy_verdict *verdict =
        sp_judge_anchor(signer, end, uploaded(anchors[_i].role), anchors[_i].is_signer);

    if (anchors[_i].fault != NULL)
        ck_assert_str_eq(smimepolicy_finding_get0_fault(sp_find(verdict, "distrust-default")),
                         anchors[_i].fault);
    sp_expect_verdict(verdict, anchors[_i].expected);
    sp_facts_free(signer);
    sp_facts_free(end);
}
END_TEST

/* What a mail brings: from its one address, below a ca, valid now, and nobody's own. */
static char bob[] = "bob@example.org", eve[] = "eve@example.org";
static char *from_bob[] = { bob }, *from_eve[] = { eve }, *from_both[] = { bob, eve };

static const struct {
    struct sp_recipe recipe;
    struct sp_sender sender;
    bool has_ca, is_own;
    time_t at;
    const char *rule; /* NULL: it is collected */
} collections[] = {
#define BOB                                                                                        \
    {                                                                                              \
        .san = "email:bob@example.org", .usage = "digitalSignature"                                \
    }
#define FROM(list, number)                                                                         \
    {                                                                                              \
        .is_mail = true, .from_fields = 1, .from = list, .from_count = number                      \
    }
    { BOB, FROM(from_bob, 1), true, false, SP_NOW, NULL },
    { BOB, FROM(from_eve, 1), true, false, SP_NOW, "sender-match" },
    { BOB,
      { .is_mail = true, .from_fields = 1, .from = from_both, .from_count = 2, .sender = bob },
      true,
      false,
      SP_NOW,
      "sender-match" },
    { BOB,
      { .is_mail = true, .from_fields = 2, .from = from_bob, .from_count = 1 },
      true,
      false,
      SP_NOW,
      "sender-match" },
    { BOB,
      { .header = SP_HEADER_NUL, .from_fields = 1, .from = from_bob, .from_count = 1 },
      true,
      false,
      SP_NOW,
      "sender-match" },
    { BOB, { .from_fields = 0 }, true, false, SP_NOW, "sender-match" },
    { BOB, FROM(from_bob, 1), false, false, SP_NOW, "distrust-default" },
    { BOB, FROM(from_bob, 1), true, true, SP_NOW, "private-key-match" },
    { BOB, FROM(from_bob, 1), true, false, (time_t)4102444800, "expired" },
    { BOB, FROM(from_bob, 1), true, false, 0, "not-yet-valid" },
    { { .san = "email:bob@example.org", .usage = "digitalSignature", .basic = "CA:TRUE" },
      FROM(from_bob, 1),
      true,
      false,
      SP_NOW,
      "ca-exempt" },
    { { .san = "email:bob@example.org", .usage = "cRLSign" },
      FROM(from_bob, 1),
      true,
      false,
      SP_NOW,
      "key-usage" },
};

START_TEST(collected)
{
    struct sp_facts *facts = facts_of(&collections[_i].recipe);
    const struct sp_collected how = { .sender = &collections[_i].sender,
                                      .has_ca = collections[_i].has_ca,
                                      .is_own = collections[_i].is_own };
    smimepolicy_verdict *verdict = sp_judge_collected(facts, &how, collections[_i].at, NULL);
    const smimepolicy_finding *finding =
        collections[_i].rule == NULL ? NULL : sp_find(verdict, collections[_i].rule);

    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), collections[_i].rule == NULL);
    if (finding != NULL)
        ck_assert_int_eq(smimepolicy_finding_severity(finding), SMIMEPOLICY_DENY);
    else
        ck_assert_ptr_null(collections[_i].rule);
    if (finding != NULL && strcmp(collections[_i].rule, "ca-exempt") == 0)
        sp_expect_words(verdict, "ca-exempt", "a CA's certificate signs this mail", "CA:TRUE",
                        "CA:FALSE: a mail brings nobody who may vouch for others");
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
}
END_TEST

/* What a directory gives for bob@example.org. */
#define SEALED                                                                                     \
    {                                                                                              \
        .san = "email:bob@example.org", .usage = "keyEncipherment"                                 \
    }
static const struct {
    struct sp_recipe recipe;
    const char *address;
    bool has_ca, is_own;
    time_t at;
    const char *rule; /* NULL: it is taken */
} founds[] = {
    { SEALED, "bob@example.org", true, false, SP_NOW, NULL },
    { SEALED, "Bob@EXAMPLE.org", true, false, SP_NOW, NULL },
    { { .san = "email:eve@example.org,email:bob@example.org", .usage = "keyEncipherment" },
      "bob@example.org",
      true,
      false,
      SP_NOW,
      NULL },
    { SEALED, "eve@example.org", true, false, SP_NOW, "san-email" },
    { SEALED, "bob@example.or", true, false, SP_NOW, "san-email" },
    { SEALED, "bob@example.org", false, false, SP_NOW, "distrust-default" },
    { SEALED, "bob@example.org", true, true, SP_NOW, "private-key-match" },
    { SEALED, "bob@example.org", true, false, (time_t)4102444800, "expired" },
    { SEALED, "bob@example.org", true, false, 0, "not-yet-valid" },
    { { .san = "email:bob@example.org", .usage = "keyEncipherment", .basic = "CA:TRUE" },
      "bob@example.org",
      true,
      false,
      SP_NOW,
      "ca-exempt" },
    { { .san = "email:bob@example.org", .usage = "digitalSignature" },
      "bob@example.org",
      true,
      false,
      SP_NOW,
      "usage-encrypt" },
    { { .san = "email:bob@example.org", .usage = "keyEncipherment", .extended = "serverAuth" },
      "bob@example.org",
      true,
      false,
      SP_NOW,
      "extended-key-usage" },
    { { .san = "DNS:bob.example.org", .usage = "keyEncipherment" },
      "bob@example.org",
      true,
      false,
      SP_NOW,
      "san-email" },
};

START_TEST(found)
{
    struct sp_facts *facts = facts_of(&founds[_i].recipe);
    const struct sp_collected how = { .has_ca = founds[_i].has_ca,
                                      .is_own = founds[_i].is_own,
                                      .address = founds[_i].address };
    smimepolicy_verdict *verdict = sp_judge_from_directory(facts, &how, founds[_i].at, NULL);

    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), founds[_i].rule == NULL);
    if (founds[_i].rule != NULL)
        ck_assert_int_eq(smimepolicy_finding_severity(sp_find(verdict, founds[_i].rule)),
                         SMIMEPOLICY_DENY);
    if (founds[_i].rule != NULL && strcmp(founds[_i].rule, "ca-exempt") == 0)
        sp_expect_words(verdict, "ca-exempt", "it is a CA's certificate", "CA:TRUE",
                        "CA:FALSE: a directory has nobody who may vouch for others");
    if (founds[_i].rule != NULL && strcmp(founds[_i].rule, "san-email") == 0)
        sp_expect_words(verdict, "san-email",
                        "Subject Alternative Name does not have the address that was asked for",
                        strncmp(founds[_i].recipe.san, "DNS", 3) == 0 ? "none" : "bob@example.org",
                        founds[_i].address);
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
}
END_TEST

START_TEST(names)
{
    static const char *const all[] = { NULL, "identity", "contact", "ca", "intermediate" };
    static const char *const origins[] = { NULL,   "uploaded", "collected", "directory",
                                           "made", "hub",      "hub-anchor" };
    enum sp_origin origin;
    static const char *const others[] = { "", "none", "CA", "contacts", "identit", "ca " };

    for (int i = SP_ROLE_IDENTITY; i < SP_ROLE_COUNT; i++) {
        ck_assert_str_eq(sp_role_name((enum sp_role)i), all[i]);
        ck_assert_int_eq(sp_role_named(all[i]), i);
    }
    ck_assert_ptr_null(sp_role_name(SP_ROLE_NONE));
    ck_assert_ptr_null(sp_role_name((enum sp_role)5));
    for (int i = SP_ORIGIN_UPLOADED; i <= SP_ORIGIN_HUB_ANCHOR; i++) {
        ck_assert_str_eq(sp_origin_name((enum sp_origin)i), origins[i]);
        ck_assert(sp_origin_named(origins[i], &origin));
        ck_assert_int_eq(origin, i);
    }
    ck_assert_ptr_null(sp_origin_name((enum sp_origin)0));
    ck_assert_ptr_null(sp_origin_name((enum sp_origin)7));
    ck_assert(!sp_origin_named("upload", &origin));
    for (int i = 0; i < SP_ROWS(others); i++)
        ck_assert_int_eq(sp_role_named(others[i]), SP_ROLE_NONE);
}
END_TEST

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define TWO "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* What the hub has is an anchor only if a person put it there, and only by the setting. */
static const struct {
    const char *anchors;
    struct sp_standing there;
    enum sp_origin origin;
} from_hub[] = {
    { "no", { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB },
    { "yes", { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB_ANCHOR },
    { "yes", { SP_ROLE_CONTACT, SP_ORIGIN_MADE }, SP_ORIGIN_HUB_ANCHOR },
    { "yes", { SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED }, SP_ORIGIN_HUB },
    { "yes", { SP_ROLE_CONTACT, SP_ORIGIN_DIRECTORY }, SP_ORIGIN_HUB },
    { "yes", { SP_ROLE_INTERMEDIATE, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB },
    { ONE, { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB_ANCHOR },
    { ONE, { SP_ROLE_CONTACT, SP_ORIGIN_COLLECTED }, SP_ORIGIN_HUB },
    { TWO, { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB },
    { TWO ", " ONE, { SP_ROLE_CA, SP_ORIGIN_UPLOADED }, SP_ORIGIN_HUB_ANCHOR },
};

START_TEST(hub)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    unsigned char fingerprint[SP_SHA256_LENGTH];

    for (size_t i = 0; i < sizeof(fingerprint); i++)
        fingerprint[i] = (unsigned char)i;
    ck_assert_int_eq(smimepolicy_settings_set(settings, "hub_anchors", from_hub[_i].anchors, NULL),
                     1);
    ck_assert_int_eq(sp_origin_from_hub(from_hub[_i].there, fingerprint, settings),
                     from_hub[_i].origin);
    smimepolicy_settings_free(settings);
}
END_TEST

/* How long a copy of a hub counts; |ago| is when it was last in touch, from the time 1000000 on. */
static const struct {
    const char *hub, *most;
    smimepolicy_use use;
    time_t ago;
    bool stale;
} ages[] = {
    { "service=x", "1d", SMIMEPOLICY_SIGN, 86400, false },
    { "service=x", "1d", SMIMEPOLICY_SIGN, 86401, true },
    { "service=x", "1d", SMIMEPOLICY_ENCRYPT, 86401, true },
    { "service=x", "1d", SMIMEPOLICY_VERIFY, 86401, true },
    { "service=x", "1d", SMIMEPOLICY_DECRYPT, 86401, false },
    { "service=x", "1d", SMIMEPOLICY_UPLOAD, 86401, false },
    { "service=x", "2h", SMIMEPOLICY_SIGN, 7200, false },
    { "service=x", "2h", SMIMEPOLICY_SIGN, 7201, true },
    { "service=x", "1d", SMIMEPOLICY_SIGN, -300, false },
    { "service=x", "1d", SMIMEPOLICY_SIGN, -301, true },
    { "service=x", "9999d", SMIMEPOLICY_SIGN, 1000000, true }, /* never */
    { NULL, "1d", SMIMEPOLICY_SIGN, 86401, false },
};

START_TEST(age)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_verdict *verdict;

    if (ages[_i].hub != NULL)
        ck_assert_int_eq(smimepolicy_settings_set(settings, "hub", ages[_i].hub, NULL), 1);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "hub_max_age", ages[_i].most, NULL), 1);
    verdict = sp_judge_age(NULL, ages[_i].use, 1000000 - ages[_i].ago, 1000000, settings);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), !ages[_i].stale);
    if (ages[_i].stale)
        ck_assert_ptr_nonnull(sp_find(verdict, "keyring-stale"));
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
}
END_TEST

/* How long it has not been in touch, and whether it ever was. */
static const struct {
    time_t contact;
    const char *fault, *found;
} since[] = {
    { 0, "the keyring has never been in touch with its hub", "no contact" },
    { 1, "the keyring has not been in touch with its hub since 1970-01-01T00:00:01Z",
      "1970-01-01T00:00:01Z" },
    { 913599, "the keyring has not been in touch with its hub since 1970-01-11T13:46:39Z",
      "1970-01-11T13:46:39Z" },
};

START_TEST(age_in_words)
{
    static const char *const pairs[] = { "hub", "service=x", "hub_max_age", "1d", NULL };
    smimepolicy_settings *settings = sp_settings_of(pairs);
    smimepolicy_verdict *verdict =
        sp_judge_age(NULL, SMIMEPOLICY_SIGN, since[_i].contact, 1000000, settings);

    sp_expect_words(verdict, "keyring-stale", since[_i].fault, since[_i].found,
                    "contact within hub_max_age = 1d");
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roles");
    TCase *tests = tcase_create("roles");

    tcase_add_loop_test(tests, age, 0, SP_ROWS(ages));
    tcase_add_loop_test(tests, age_in_words, 0, SP_ROWS(since));
    tcase_add_loop_test(tests, hub, 0, SP_ROWS(from_hub));
    tcase_add_loop_test(tests, by_content, 0, SP_ROWS(contents));
    tcase_add_loop_test(tests, upload, 0, SP_ROWS(uploads));
    tcase_add_loop_test(tests, text, 0, SP_ROWS(texts));
    tcase_add_loop_test(tests, may_issue, 0, SP_ROWS(issuers));
    tcase_add_loop_test(tests, never_anchor, 0, SP_ROWS(standings));
    tcase_add_loop_test(tests, vouching, 0, SP_ROWS(vouchings));
    tcase_add_loop_test(tests, decided, 0, SP_ROWS(decisions));
    tcase_add_loop_test(tests, not_decided, 0, 2);
    tcase_add_loop_test(tests, anchor, 0, SP_ROWS(anchors));
    tcase_add_loop_test(tests, collected, 0, SP_ROWS(collections));
    tcase_add_loop_test(tests, found, 0, SP_ROWS(founds));
    tcase_add_test(tests, names);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
