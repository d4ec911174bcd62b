/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates may be the issuer of another one, and which one is.
 */
#include "bare_register.h"
#include "certs.h"
#include "harness.h"
#include "register/lineage.h"
#include "register/state.h"
#include "rules/facts.h"
#include "starve.h"

#define ID       "subjectKeyIdentifier", "DER:04:01:07"
#define OTHER_ID "subjectKeyIdentifier", "DER:04:01:08"

static struct sp_cert *settled(X509 *x509, bool keeps)
{
    struct sp_cert *cert = sp_pinned(x509);

    sp_register_keep_lineage(keeps);
    ck_assert(sp_cert_settle(cert));
    ck_assert(keeps == (cert->lineage != NULL));
    return cert;
}

static size_t count_issuers(const struct sp_cert *cert)
{
    struct sp_certs found = { 0 };
    size_t count;

    ck_assert(sp_lineage_find_issuers(cert, &found));
    count = found.count;
    sp_certs_clear(&found);
    return count;
}

static const struct row {
    const char *label;
    struct sp_recipe issuer; /* of the key of the CA, unless it has another one */
    bool other_key, without, names_id;
    bool may, has; /* may it be the issuer, and is it? */
} rows[] = {
    { "the issuer",
      { .subject = "CA", .again = { ID } },
      .names_id = true,
      .may = true,
      .has = true },
    { "for no certificates",
      { .subject = "CA", .usage = "digitalSignature", .again = { ID } },
      .names_id = true,
      .may = true,
      .has = true },
    { "no identifier", { .subject = "CA" }, .names_id = true, .may = true, .has = true },
    { "none is asked for", { .subject = "CA", .again = { ID } }, .may = true, .has = true },
    { "no identifiers", { .subject = "CA" }, .may = true, .has = true },
    { "another identifier",
      { .subject = "CA", .again = { OTHER_ID } },
      .other_key = true,
      .names_id = true },
    { "another key", { .subject = "CA" }, .other_key = true, .names_id = true, .may = true },
    { "another name", { .subject = "Other", .again = { ID } }, .names_id = true },
    { "another name, no identifiers", { .subject = "Other" }, .names_id = false },
    { "not kept", { .subject = "CA", .again = { ID } }, .without = true, .names_id = true },
};

START_TEST(issuers)
{
    const struct row *row = &rows[_i];
    struct sp_recipe recipe = row->issuer;
    X509 *ca =
        sp_make_cert(&(struct sp_recipe){ .subject = "CA", .key = sp_test_ec(), .again = { ID } });
    X509 *bob = sp_make_cert(&(struct sp_recipe){
        .issuer = ca,
        .again = { "authorityKeyIdentifier", row->names_id ? "DER:30:03:80:01:07" : NULL } });
    struct sp_cert *cert = settled(bob, true), *issuer;
    EVP_PKEY *other = sp_make_key("EC", "P-256");
    X509 *x509;

    recipe.key = row->other_key ? other : sp_test_ec();
    x509 = sp_make_cert(&recipe);
    issuer = settled(x509, !row->without);
    ck_assert_msg(count_issuers(cert) == row->may, "%s", row->label);
    ck_assert_uint_eq(count_issuers(issuer), 0);
    if (!row->without)
        ck_assert_msg(sp_lineage_has_issued(issuer, cert) == row->has, "%s", row->label);
    EVP_PKEY_free(other);
    X509_free(x509);
    X509_free(bob);
    X509_free(ca);
}
END_TEST

/* Two names that cannot be read are not the same for that. */
START_TEST(names_that_cannot_be_read)
{
    X509 *x509 = sp_read_cert("good-ec"), *ca = sp_read_cert("ca");
    struct sp_cert *cert = settled(x509, true), *issuer = settled(ca, true);

    ck_assert_uint_eq(count_issuers(cert), 1);
    cert->facts->issuer_hash = 0;
    issuer->facts->subject_hash = 0;
    ck_assert_uint_eq(count_issuers(cert), 0);
    X509_free(ca);
    X509_free(x509);
}
END_TEST

/* One that is not settled, or of which nothing was kept, has no issuers that are known. */
START_TEST(nothing_kept)
{
    X509 *x509 = sp_read_cert("good-ec"), *ca = sp_read_cert("ca");
    struct sp_cert *kept = settled(x509, true), *bare = sp_pinned(x509);
    struct sp_certs found = { 0 };

    (void)settled(ca, true);
    ck_assert_uint_eq(count_issuers(kept), 1);
    ck_assert_uint_eq(count_issuers(settled(x509, false)), 0);
    bare->lineage = kept->lineage;
    ck_assert_uint_eq(count_issuers(bare), 0);
    sp_starve(1);
    ck_assert(!sp_lineage_find_issuers(kept, &found));
    ck_assert(sp_starve_end());
    X509_free(ca);
    X509_free(x509);
}
END_TEST

static int ask(const struct sp_cert *issuer, const struct sp_cert *cert)
{
    return sp_lineage_is_signed_by(issuer->lineage->der, issuer->lineage->length,
                                   cert->lineage->der, cert->lineage->length);
}

/* What cannot be parsed, and a key that cannot be read, prove nothing. */
START_TEST(unreadable)
{
    X509 *x509 = sp_read_cert("good-ec"), *ca = sp_read_cert("ca"), *again;
    struct sp_cert *cert = settled(x509, true), *issuer = settled(ca, true);
    struct sp_cert *const both[] = { cert, issuer };
    const ASN1_OBJECT *none = OBJ_nid2obj(NID_id_pkix);
    X509_PUBKEY *held;

    ck_assert_int_eq(ask(issuer, cert), 1);
    ck_assert_int_eq(ask(cert, issuer), 0);
    ck_assert(sp_lineage_has_issued(issuer, cert) && !sp_lineage_has_issued(cert, issuer));
    again = sp_lineage_x509(cert->lineage);
    ck_assert_int_eq(X509_cmp(again, x509), 0);
    X509_free(again);
    for (int i = 0; i < 2; i++) {
        both[i]->lineage->der[0] ^= 1;
        ck_assert_int_eq(ask(issuer, cert), -1);
        ck_assert(!sp_lineage_has_issued(issuer, cert));
        both[i]->lineage->der[0] ^= 1;
    }
    held = (X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(ca);
    ck_assert_int_eq(X509_PUBKEY_set0_param(held, OBJ_dup(none), V_ASN1_NULL, NULL, NULL, 0), 1);
    ck_assert_int_gt(i2d_re_X509_tbs(ca, NULL), 0);
    issuer = settled(ca, true);
    ck_assert(!sp_lineage_has_issued(issuer, cert));
    X509_free(ca);
    X509_free(x509);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lineage");
    TCase *tests = sp_case(suite, "lineage");

    tcase_add_checked_fixture(tests, sp_bare_register, NULL);
    tcase_add_loop_test(tests, issuers, 0, SP_ROWS(rows));
    tcase_add_test(tests, names_that_cannot_be_read);
    tcase_add_test(tests, nothing_kept);
    tcase_add_test(tests, unreadable);
    return sp_run_forked(suite);
}
