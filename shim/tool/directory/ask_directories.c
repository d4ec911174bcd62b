/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Asking the directories, and judging what comes.
 */
#include "tool/directory/directory.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/directory/source.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"
#include "tool/keyring/stored_key.h"
#include "tool/report/outcome.h"

/* More certificates in one answer are not looked at: each costs the check of its chain. */
#define MOST_CERTS 100
/* More issuers in one answer are not looked at: each may be in each chain. */
#define MOST_ISSUERS 16

/* One question to one directory. */
struct asking {
    struct shim_directory *directory; /* borrowed */
    const char *source;               /* borrowed: as in messages */
    const char *address;              /* borrowed */
    STACK_OF(X509) *certs;            /* owned: all that came */
    STACK_OF(X509) *issuers;          /* owned: those of CAs among them */
    STACK_OF(X509) *passed;           /* borrowed: those that were taken, of every directory */
    bool is_part;                     /* something of the answer was left out */
    int fault;                        /* SHIM_OK, or why the run cannot go on */
};

static void tell(const struct asking *asking, enum shim_news_kind kind, const X509 *cert,
                 const struct sp_facts *facts, const char *why)
{
    const struct shim_news news = { kind, asking->source, asking->address, why, cert, facts };

    asking->directory->tell(&news, asking->directory->data);
}

/* Read one value: a certificate, or certificates in a PKCS#7 (RFC 2798, 2.8). */
static bool read_value(STACK_OF(X509) *certs, const char *data, size_t length)
{
    const unsigned char *const der = (const unsigned char *)data;
    const unsigned char *at = der;
    STACK_OF(X509) *several = NULL;
    CMS_ContentInfo *cms = NULL;
    X509 *cert = d2i_X509(NULL, &at, (long)length);
    bool done = false;

    if (cert != NULL && at == der + length) {
        done = X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
    } else {
        at = der;
        cms = d2i_CMS_ContentInfo(NULL, &at, (long)length);
        if (cms != NULL && at == der + length)
            several = CMS_get1_certs(cms);
        done = sk_X509_num(several) > 0 && sk_X509_num(several) <= MOST_CERTS &&
               X509_add_certs(certs, several, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
    }
    X509_free(cert);
    sk_X509_pop_free(several, X509_free);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return done;
}

static void leave_out(struct asking *asking, const char *why)
{
    asking->is_part = true;
    tell(asking, SHIM_NEWS_LEFT, NULL, NULL, why);
}

static void read_part(struct asking *asking, enum shim_given_kind kind, const char *data,
                      size_t length)
{
    char *why;

    if (kind == SHIM_GIVEN_LEFT) {
        why = OPENSSL_strndup(data, length);
        leave_out(asking, why != NULL ? why : "out of memory");
        OPENSSL_free(why);
    } else if (kind == SHIM_GIVEN_VALUE && !read_value(asking->certs, data, length)) {
        leave_out(asking, "a value is neither a certificate nor a PKCS#7 with up to 100 of them");
    }
}

/* Read all that came; certificates beyond the limit are left out. */
static void read_answer(struct asking *asking, struct shim_answer *answer)
{
    enum shim_given_kind kind;
    const char *data;
    size_t length;

    while (sk_X509_num(asking->certs) <= MOST_CERTS &&
           shim_answer_next(answer, &kind, &data, &length))
        read_part(asking, kind, data, length);
    if (sk_X509_num(asking->certs) > MOST_CERTS)
        leave_out(asking, "it has more than 100 certificates, and the rest is not looked at");
    while (sk_X509_num(asking->certs) > MOST_CERTS)
        X509_free(sk_X509_pop(asking->certs));
}

/* The certificates of CAs in the answer, which may complete chains. */
static void find_issuers(struct asking *asking)
{
    for (int i = 0; asking->fault == SHIM_OK && i < sk_X509_num(asking->certs); i++) {
        X509 *cert = sk_X509_value(asking->certs, i);
        struct sp_facts *facts = sp_facts_new(cert);

        if (facts == NULL ||
            (sp_facts_is_ca(facts) && sk_X509_num(asking->issuers) < MOST_ISSUERS &&
             X509_add_cert(asking->issuers, cert, X509_ADD_FLAG_UP_REF) != 1))
            asking->fault = shim_no_memory();
        sp_facts_free(facts);
    }
}

/*
 * May each issuer of |chain| vouch, and is it valid now?  The last is a ca of the keyring's,
 * whose revocation nobody is asked about.
 */
static bool vouch(struct asking *asking, const STACK_OF(X509) *chain)
{
    const int last = sk_X509_num(chain) - 1;
    bool all = last > 0;

    for (int i = 1; all && i <= last; i++) {
        const struct sp_standing standing = { i == last ? SP_ROLE_CA : SP_ROLE_NONE,
                                              SP_ORIGIN_UPLOADED };
        const X509 *issuer = sk_X509_value(chain, i);
        struct sp_facts *facts = sp_facts_new(issuer);
        smimepolicy_verdict *verdict =
            facts == NULL ? NULL : sp_judge_along(facts, asking->directory->now, SP_ALONG_CHAIN);

        if (i < last)
            verdict = shim_add_revocation(asking->directory->shim, verdict, issuer, facts,
                                          asking->directory->now, NULL);
        if (verdict == NULL)
            asking->fault = shim_no_memory();
        all = verdict != NULL && smimepolicy_verdict_allowed(verdict) != 0 &&
              sp_may_issue(facts, standing, i == last);
        smimepolicy_verdict_free(verdict);
        sp_facts_free(facts);
    }
    return all;
}

/* Does a ca in the keyring vouch for |cert|? */
static bool has_ca(struct asking *asking, X509 *cert)
{
    struct shim_chain chain = { .encrypts = true };
    int code = shim_keyring_chain(asking->directory->keyring, cert, asking->issuers, &chain);
    bool has = code == SHIM_OK && vouch(asking, chain.certs);

    if (code != SHIM_OK)
        asking->fault = code;
    shim_chain_clear(&chain);
    return has;
}

static void take(struct asking *asking, X509 *cert, const struct sp_facts *facts)
{
    struct shim_directory *directory = asking->directory;
    enum sp_role stored_as;
    enum sp_added added;

    sp_upload_origin(directory->upload, SP_ORIGIN_DIRECTORY);
    sp_upload_only_for(directory->upload, asking->address);
    added = sp_upload_add(directory->upload, cert, facts, SP_ROLE_CONTACT, false, &stored_as);
    if (added == SP_ADD_FAILED)
        asking->fault = shim_keyring_failed(directory->keyring);
    else if (X509_add_cert(asking->passed, cert, X509_ADD_FLAG_UP_REF) != 1)
        asking->fault = shim_no_memory();
    directory->has_taken = directory->has_taken || added != SP_ADD_FAILED;
    if (added == SP_ADD_NEW || added == SP_ADD_STORED)
        tell(asking, added == SP_ADD_NEW ? SHIM_NEWS_TAKEN : SHIM_NEWS_AGAIN, cert, facts, NULL);
}

/* Tell why |cert| is not taken: its first denial. */
static void refuse(const struct asking *asking, const X509 *cert, const struct sp_facts *facts,
                   const struct shim_outcome *outcome)
{
    tell(asking, SHIM_NEWS_LEFT, cert, facts,
         outcome->kept != NULL ? outcome->kept : "out of memory");
}

/* Judge |cert|, and take it or tell why not. */
static void judge(struct asking *asking, X509 *cert, const struct sp_facts *facts)
{
    const struct shim_directory *directory = asking->directory;
    const smimepolicy_settings *settings = directory->shim->settings;
    struct sp_collected found = { .address = asking->address, .has_ca = has_ca(asking, cert) };
    struct shim_outcome outcome = {
        .settings = settings, .alone = true, .keeps = true, .explains = directory->dry_run
    };

    if (asking->fault == SHIM_OK && !shim_key_is_kept(directory->keyring, cert, &found.is_own))
        asking->fault = shim_keyring_failed(directory->keyring);
    if (asking->fault != SHIM_OK)
        return;
    shim_outcome_add(&outcome, shim_add_revocation(
                                   directory->shim,
                                   sp_judge_from_directory(facts, &found, directory->now, settings),
                                   cert, facts, directory->now, NULL));
    if (outcome.fault != SHIM_OK)
        asking->fault = outcome.fault;
    else if (outcome.denied)
        refuse(asking, cert, facts, &outcome);
    else
        take(asking, cert, facts);
    shim_outcome_clear(&outcome);
}

/* A CA that has not the address is there to complete a chain. */
static bool is_only_issuer(const struct sp_facts *facts)
{
    return sp_facts_is_ca(facts) && sp_facts_address(facts, 0) == NULL;
}

static void judge_all(struct asking *asking)
{
    int people = 0;

    for (int i = 0; asking->fault == SHIM_OK && i < sk_X509_num(asking->certs); i++) {
        X509 *cert = sk_X509_value(asking->certs, i);
        struct sp_facts *facts = sp_facts_new(cert);

        if (facts == NULL) {
            asking->fault = shim_no_memory();
        } else if (!is_only_issuer(facts)) {
            people++;
            judge(asking, cert, facts);
        }
        sp_facts_free(facts);
    }
    if (people == 0 && asking->fault == SHIM_OK && !asking->is_part)
        tell(asking, SHIM_NEWS_NOTHING, NULL, NULL, NULL);
}

/* Ask the directory |url|, which takes |*spent|; false if it gave no answer. */
static bool ask_one(struct asking *asking, const char *url,
                    const struct shim_credentials *credentials, int64_t *spent)
{
    const struct shim_question question = { .url = url,
                                            .address = asking->address,
                                            .settings = asking->directory->shim->settings,
                                            .credentials = credentials };
    struct shim_answer answer;
    char *why;
    bool answered = shim_look_up(&question, &answer, spent, &why);

    asking->certs = sk_X509_new_null();
    asking->issuers = sk_X509_new_null();
    if ((!answered && why == NULL) || asking->certs == NULL || asking->issuers == NULL) {
        asking->fault = shim_no_memory();
    } else if (!answered) {
        tell(asking, SHIM_NEWS_FAILED, NULL, NULL, why);
    } else {
        read_answer(asking, &answer);
        find_issuers(asking);
        judge_all(asking);
    }
    sk_X509_pop_free(asking->certs, X509_free);
    sk_X509_pop_free(asking->issuers, X509_free);
    BUF_MEM_free(answer.bytes);
    OPENSSL_free(why);
    return answered;
}

/* The URL up to its base: "ldaps://ldap.example.org:636". */
static char *source_of(const char *url)
{
    const char *host = strstr(url, "://") + strlen("://");

    return OPENSSL_strndup(url, (size_t)(host - url) + strcspn(host, "/?"));
}

/* Ask each directory of the setting; |asking->is_part| if one did not give all that it has. */
static void ask_each(struct asking *asking, const struct shim_credentials *credentials)
{
    struct shim_directory *directory = asking->directory;
    char *list = OPENSSL_strdup(directory->shim->settings->contacts);
    char *rest = list;
    char *url;

    if (list == NULL)
        asking->fault = shim_no_memory();
    for (size_t i = 0; asking->fault == SHIM_OK && (url = strsep(&rest, " ")) != NULL; i++) {
        char *source = source_of(url);
        int64_t *spent = &directory->spent[i];
        bool answers = false;

        asking->source = source;
        if (source == NULL)
            asking->fault = shim_no_memory();
        else if (*spent < SHIM_MOST_SPENT)
            answers = ask_one(asking, url, credentials, spent);
        if (!answers)
            *spent = SHIM_MOST_SPENT;
        asking->is_part = asking->is_part || !answers;
        asking->source = NULL;
        OPENSSL_free(source);
    }
    OPENSSL_free(list);
}

/* Note what is kept for |address| from a directory, and is not in |passed|, what was taken now. */
static int find_gone(struct shim_directory *directory, const char *address,
                     const STACK_OF(X509) *passed)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS,
                                    .text = address,
                                    .roles = SP_ROLE_BIT(SP_ROLE_CONTACT) };
    struct shim_records records = { .cursor = sp_keyring_find(directory->keyring, &query) };
    int code = SHIM_OK;

    while (code == SHIM_OK && shim_records_next(&records)) {
        X509 *cert =
            records.record.origin == SP_ORIGIN_DIRECTORY ? sp_record_cert(&records.record) : NULL;
        struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
        const struct shim_news news = {
            .kind = SHIM_NEWS_GONE, .address = address, .cert = cert, .facts = facts
        };

        if (facts != NULL && !shim_certs_hold(passed, cert)) {
            if (!shim_picks_add(&directory->gone, records.record.fingerprint))
                code = shim_no_memory();
            directory->tell(&news, directory->data);
        }
        sp_facts_free(facts);
        X509_free(cert);
    }
    if (code == SHIM_OK && records.failed)
        code = shim_keyring_failed(directory->keyring);
    shim_records_end(&records);
    return code;
}

int shim_directory_ask(struct shim_directory *directory, const char *address)
{
    const char *file = directory->shim->settings->contacts_bind;
    struct asking asking = { .directory = directory,
                             .address = address,
                             .passed = sk_X509_new_null() };
    struct shim_credentials credentials = { 0 };
    char *why = NULL;

    if (asking.passed == NULL) {
        asking.fault = shim_no_memory();
    } else if (file != NULL && !shim_credentials_read(&credentials, file, &why)) {
        asking.fault = why != NULL ? SHIM_INPUT : shim_no_memory();
        if (why != NULL)
            shim_error("%s", why);
    }
    if (asking.fault == SHIM_OK)
        ask_each(&asking, &credentials);
    if (asking.fault == SHIM_OK && !asking.is_part)
        asking.fault = find_gone(directory, address, asking.passed);
    shim_credentials_clear(&credentials);
    sk_X509_pop_free(asking.passed, X509_free);
    OPENSSL_free(why);
    return asking.fault;
}

int shim_directory_remove(struct shim_directory *directory)
{
    if (directory->gone.count == 0 ||
        sp_keyring_remove(directory->keyring,
                          (const unsigned char(*)[SP_SHA256_LENGTH])directory->gone.each,
                          directory->gone.count))
        return SHIM_OK;
    return shim_keyring_failed(directory->keyring);
}

void shim_directory_end(struct shim_directory *directory)
{
    shim_picks_clear(&directory->gone);
}
