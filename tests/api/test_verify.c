/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The verification callback in a separate program, through CMS_verify() and
 * PKCS7_verify().
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "callback_recipes.h"
#include "verdicts.h"

enum shape {
    ISSUED,     /* the signer comes from |issuer|, which is the anchor */
    SELF,       /* the signer is its own anchor */
    UNPROVIDED, /* as ISSUED, but another certificate is the anchor */
};

static const struct row {
    struct sp_recipe signer;
    struct sp_recipe issuer;
    enum shape shape;
    bool sha1;
    const char *policy; /* content of policy.cnf, or NULL */
    int code;
    const char *said;   /* on stderr, or NULL */
    const char *silent; /* not on stderr, or NULL */
} rows[] = {
    { { CLIENT }, { CA }, ISSUED, false, NULL, 0, NULL, NULL },
    { { CLIENT }, { CA }, ISSUED, false, "mode = enforce\n", 0, NULL, NULL },
    { { CLIENT }, { CA }, SELF, false, NULL, 0, NULL, NULL },
    { { PERSON }, { CA }, SELF, false, NULL, 0, NULL, NULL },
    { { CLIENT, .extended = "emailProtection" }, { CA }, ISSUED, false, NULL, 0, NULL, NULL },
    /* For incoming mail a missing Key Usage and Non Repudiation alone pass. */
    { { LONG, .san = "email:bob@example.org" }, { CA }, ISSUED, false, NULL, 0, NULL, NULL },
    { { LONG, .san = "email:bob@example.org", .usage = "nonRepudiation" },
      { CA },
      ISSUED,
      false,
      NULL,
      0,
      NULL,
      NULL },
    { { LONG, .usage = "digitalSignature" },
      { CA },
      ISSUED,
      false,
      NULL,
      1,
      "refused: verify: no email address in Subject Alternative Name (san-email) "
      "[signer-certificate] (CN=Bob, serial 0x1f); ask the sender for",
      NULL },
    { { LONG, .san = "DNS:example.org", .usage = "digitalSignature" },
      { CA },
      SELF,
      false,
      NULL,
      1,
      "[signer-certificate]",
      NULL },
    { { LONG, .usage = "digitalSignature" },
      { CA },
      ISSUED,
      false,
      "mode = observe\n",
      0,
      NULL,
      NULL },
    /* The same extension twice: libcrypto's check takes the certificate for invalid. */
    { { CLIENT, .again = { "subjectAltName", "email:bob@example.org" } },
      { CA },
      ISSUED,
      false,
      NULL,
      1,
      NULL,
      NULL },
    /* A failure of libcrypto stays, and our reasons are added. */
    { { CLIENT, .extended = "serverAuth" },
      { CA },
      ISSUED,
      false,
      NULL,
      1,
      "Extended Key Usage lacks E-mail Protection (extended-key-usage) [signer-certificate]",
      NULL },
    { { CLIENT, .extended = "serverAuth" },
      { CA },
      ISSUED,
      false,
      "mode = observe\n",
      1,
      "purpose",
      "[signer-certificate]" },
    { { MAIL, .not_before = "20000101000000Z", .not_after = "20010101000000Z" },
      { CA },
      ISSUED,
      false,
      NULL,
      1,
      "certificate has expired",
      "refused" },
    { { CLIENT },
      { CA },
      UNPROVIDED,
      false,
      NULL,
      1,
      "refused: verify: bob@example.org: nobody provided this signer or its CA [distrust-default] "
      "(CN=Bob, serial 0x1f); provide the sender's certificate, or its issuing CA",
      NULL },
    { { CLIENT }, { CA }, UNPROVIDED, false, "mode = observe\n", 1, "[distrust-default]", NULL },
    /* A contact's certificate is no issuer, with any basicConstraints. */
    { { CLIENT },
      { PERSON },
      ISSUED,
      false,
      NULL,
      1,
      "refused: verify: bob@example.org: a contact's own certificate cannot vouch for others "
      "[distrust-default]",
      NULL },
    { { CLIENT }, { PERSON }, ISSUED, false, "mode = observe\n", 1, "[distrust-default]", NULL },
    { { LONG },
      { PERSON },
      ISSUED,
      false,
      "mode = observe\n",
      1,
      "[distrust-default]",
      "[signer-certificate]" },
    { { CLIENT },
      { CA },
      ISSUED,
      false,
      "trust = keyring\n",
      1,
      "nobody provided this signer or its CA [distrust-default]",
      NULL },
    { { CLIENT },
      { CA },
      SELF,
      false,
      "trust = keyring\nmode = observe\n",
      1,
      "[distrust-default]",
      NULL },
    { { CLIENT }, { CA }, ISSUED, true, NULL, 0, NULL, NULL },
    { { CLIENT }, { CA }, ISSUED, true, "weak_digest = deny\n", 1, "[weak-digest]", NULL },
    { { CLIENT }, { CA }, ISSUED, false, "mode = on\n", 1, "accepted is enforce or observe", NULL },
};

static char directory[] = "/tmp/test_verify.XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4][64];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof(path[0]), "%s/%s", directory, name);
    return out;
}

static BIO *create(const char *name)
{
    BIO *bio = BIO_new_file(path_of(name), "wb");

    ck_assert_ptr_nonnull(bio);
    return bio;
}

static const char *const files[] = { "anchors.pem", "cms.eml", "pkcs7.eml", "policy.cnf", "said" };

static void remove_files(void)
{
    for (size_t i = 0; i < SP_ROWS(files); i++)
        (void)unlink(path_of(files[i]));
    (void)rmdir(directory);
}

static void write_mails(X509 *signer, EVP_PKEY *key)
{
    static const char text[] = "Hello Bob\r\n";
    BIO *content = BIO_new_mem_buf(text, -1);
    BIO *out = create("cms.eml");
    CMS_ContentInfo *cms = CMS_sign(signer, key, NULL, content, CMS_DETACHED | CMS_STREAM);
    PKCS7 *pkcs7;

    ck_assert_ptr_nonnull(cms);
    ck_assert_int_eq(SMIME_write_CMS(out, cms, content, CMS_DETACHED | CMS_STREAM), 1);
    BIO_free(out);
    (void)BIO_reset(content);
    out = create("pkcs7.eml");
    pkcs7 = PKCS7_sign(signer, key, NULL, content, PKCS7_DETACHED | PKCS7_STREAM);
    ck_assert_ptr_nonnull(pkcs7);
    ck_assert_int_eq(SMIME_write_PKCS7(out, pkcs7, content, PKCS7_DETACHED | PKCS7_STREAM), 1);
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    PKCS7_free(pkcs7);
    BIO_free(content);
}

static void write_files(const struct row *row)
{
    struct sp_recipe issuer_recipe = row->issuer;
    struct sp_recipe signer_recipe = row->signer;
    struct sp_recipe other_recipe = { CA, .subject = "Somebody else" };
    X509 *issuer;
    X509 *other;
    X509 *signer;
    BIO *out;

    issuer_recipe.key = sp_test_ec();
    issuer_recipe.subject = "Issuer";
    issuer = sp_make_cert(&issuer_recipe);
    other = sp_make_cert(&other_recipe);
    if (row->shape != SELF)
        signer_recipe.issuer = issuer;
    if (row->sha1)
        signer_recipe.digest = EVP_sha1();
    signer = sp_make_cert(&signer_recipe);
    out = create("anchors.pem");
    ck_assert_int_eq(PEM_write_bio_X509(out, row->shape == SELF     ? signer
                                             : row->shape == ISSUED ? issuer
                                                                    : other),
                     1);
    BIO_free(out);
    write_mails(signer, sp_test_rsa());
    if (row->policy != NULL) {
        out = create("policy.cnf");
        ck_assert_int_gt(BIO_puts(out, row->policy), 0);
        BIO_free(out);
    }
    X509_free(signer);
    X509_free(other);
    X509_free(issuer);
}

/* Run the program; returns its exit code and its stderr. */
static int run(const char *format, const char *mail, bool policy, char *said, size_t size)
{
    const char *arguments[] = { SP_VERIFY_PROGRAM,
                                format,
                                path_of("anchors.pem"),
                                path_of(mail),
                                policy ? path_of("policy.cnf") : NULL,
                                NULL };
    char log[64];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    FILE *file;

    snprintf(log, sizeof(log), "%s/said", directory);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, log, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ck_assert_int_eq(
        posix_spawn(&pid, arguments[0], &actions, NULL, (char **)(void *)arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    file = fopen(log, "r");
    ck_assert_ptr_nonnull(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
    return WEXITSTATUS(status);
}

START_TEST(program)
{
    const struct row *row = &rows[_i];
    const char *const formats[][2] = { { "cms", "cms.eml" }, { "pkcs7", "pkcs7.eml" } };
    char said[8192];

    ck_assert_ptr_nonnull(mkdtemp(strcpy(directory, "/tmp/test_verify.XXXXXX")));
    /* If a row fails its files stay for inspection. */
    atexit(remove_files);
    write_files(row);
    for (size_t i = 0; i < 2; i++) {
        int code = run(formats[i][0], formats[i][1], row->policy != NULL, said, sizeof(said));

        ck_assert_msg(code == row->code, "%s: exit code %d: %s", formats[i][0], code, said);
        if (code == 0)
            ck_assert_str_eq(said, "");
        if (row->said != NULL)
            ck_assert_msg(strstr(said, row->said) != NULL, "%s said: %s", formats[i][0], said);
        if (row->silent != NULL)
            ck_assert_msg(strstr(said, row->silent) == NULL, "%s said: %s", formats[i][0], said);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("program");

    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, program, 0, SP_ROWS(rows));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
