/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Marks on the cas that are revoked, see revocation/crl_file.h.  A gate that encrypts knows the
 * name and the key identifier of the issuer alone, and to look for its certificate would cost an
 * eighth of an encryption.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "revocation/asked.h"
#include "tool/crls/crls.h"
#include "tool/keyring/keyring_at.h"

/* The longest chain: a ca is marked in the round after its issuer was. */
#define MOST_ROUNDS 16

/* A name and a key, of which there may be several certificates. */
struct issuer {
    uint64_t name; /* its hash */
    unsigned char key[SP_SHA256_LENGTH];
    X509 *cert;                   /* owned: one of them */
    bool revoked, other, unknown; /* is one of them revoked; one that is not; one not known? */
    int64_t at;                   /* REVOKED: since when, and why */
    int reason;
    char *mark; /* owned: the path of its mark; NULL: it has none */
    int64_t marked_at;
    int marked_reason;
};

struct marking {
    const char *path; /* borrowed: the keyring */
    time_t now;
    struct issuer *issuers; /* owned */
    size_t count;
    bool any;     /* there is a CRL, or a mark */
    char *damage; /* owned: why it is not known of an issuer whether it is revoked; or NULL */
    bool changed;
    int code;
};

/* NULL with |marking->code| set: out of memory. */
static struct issuer *issuer_of(struct marking *marking, const X509 *cert)
{
    const struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    const uint64_t name = sp_name_hash(X509_get_subject_name(cert));
    struct issuer *more;

    for (size_t i = 0; id.known && i < marking->count; i++)
        if (marking->issuers[i].name == name &&
            memcmp(marking->issuers[i].key, id.hash, sizeof(id.hash)) == 0)
            return &marking->issuers[i];
    more = !id.known ? NULL
                     : OPENSSL_realloc(marking->issuers,
                                       (marking->count + 1) * sizeof(*marking->issuers));
    if (more == NULL) {
        marking->code = id.known || id.failed ? shim_no_memory() : SHIM_OK;
        return NULL;
    }
    marking->issuers = more;
    more += marking->count;
    *more = (struct issuer){ .name = name, .cert = X509_dup(cert) };
    memcpy(more->key, id.hash, sizeof(more->key));
    marking->count += more->cert != NULL;
    if (more->cert == NULL)
        marking->code = shim_no_memory();
    return more->cert != NULL ? more : NULL;
}

/* What is said of one certificate of |issuer|. */
static int ask(struct marking *marking, struct issuer *issuer, const X509 *cert)
{
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found = { .reason = -1 };
    bool done =
        facts != NULL && (sp_is_own_issuer(facts) ||
                          sp_revocation_find(marking->path, &asked, marking->now, 0, &found));

    if (done && found.state == SP_REVOCATION_DAMAGED) {
        issuer->unknown = true;
        OPENSSL_free(marking->damage);
        marking->damage = found.why;
        found.why = NULL;
    }
    if (done && (found.state == SP_REVOCATION_REVOKED || found.above.is)) {
        const bool itself = found.state == SP_REVOCATION_REVOKED;

        issuer->revoked = true;
        issuer->at = itself ? found.at : found.above.at;
        issuer->reason = itself ? found.reason : found.above.reason;
    } else {
        issuer->other = true;
    }
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    return done ? SHIM_OK : shim_no_memory();
}

static int take_stored(struct marking *marking, struct sp_keyring *keyring)
{
    const struct sp_query query = {
        .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_CA) | SP_ROLE_BIT(SP_ROLE_INTERMEDIATE)
    };
    struct shim_records records = { .cursor = sp_keyring_find(keyring, &query) };

    while (marking->code == SHIM_OK && shim_records_next(&records)) {
        X509 *cert = sp_record_cert(&records.record);
        struct issuer *issuer = cert == NULL ? NULL : issuer_of(marking, cert);

        if (cert == NULL)
            marking->code = shim_no_memory();
        else if (issuer != NULL)
            marking->code = ask(marking, issuer, cert);
        X509_free(cert);
    }
    shim_records_end(&records);
    return records.failed ? shim_keyring_failed(keyring) : marking->code;
}

static bool read_mark(const struct sp_crl_entry *entry, void *data)
{
    struct issuer *issuer = data;

    issuer->marked_at = entry->at;
    issuer->marked_reason = entry->reason;
    return false;
}

/* A ca that was removed keeps its mark, as its CRL stays, for as long as it is revoked. */
static bool take_mark(const struct sp_crl_file *file, void *data)
{
    struct marking *marking = data;
    const unsigned char *der = file->cert;
    struct issuer *issuer = NULL;
    X509 *cert;
    char *why = NULL;

    marking->any = true;
    if (file->damage != NULL || (file->about.scope & SP_CRL_ISSUER) == 0)
        return true;
    cert = d2i_X509(NULL, &der, (long)file->cert_length);
    if (cert == NULL)
        marking->code = shim_no_memory();
    else
        issuer = issuer_of(marking, cert);
    if (issuer != NULL) {
        issuer->mark = OPENSSL_strdup(file->path);
        if (issuer->mark == NULL)
            marking->code = shim_no_memory();
        else if (!sp_crl_file_entries(file->path, read_mark, issuer, &why))
            issuer->marked_reason = -2; /* none: it is damaged, and written anew */
        if (!issuer->revoked && !issuer->other && marking->code == SHIM_OK)
            marking->code = ask(marking, issuer, cert);
    }
    OPENSSL_free(why);
    X509_free(cert);
    return marking->code == SHIM_OK;
}

static int write_mark(const struct marking *marking, const struct issuer *issuer)
{
    static const unsigned char serial[] = { 0 };
    const struct sp_crl_issuer about_it = sp_crl_issuer_of(issuer->key, issuer->cert);
    const struct sp_crl_about about = { .scope = SP_CRL_ISSUER };
    const struct sp_crl_entry entry = { serial, sizeof(serial), issuer->at, issuer->reason, 0 };
    char *why = NULL;
    struct sp_crl_writer *writer = sp_crl_writer_new(marking->path, &about_it, &about, &why);
    const bool done = writer != NULL && sp_crl_writer_add(writer, &entry, &why) &&
                      sp_crl_writer_commit(writer, &why);

    sp_crl_writer_free(writer);
    return done ? SHIM_OK : shim_keyring_fault(why);
}

/* An issuer that has another certificate with that key, which is not revoked, is not marked. */
static int settle(struct marking *marking, const struct issuer *issuer)
{
    const bool wanted = issuer->revoked && !issuer->other;
    char *why = NULL;

    if (issuer->unknown ||
        (wanted == (issuer->mark != NULL) &&
         (!wanted || (issuer->at == issuer->marked_at && issuer->reason == issuer->marked_reason))))
        return SHIM_OK;
    marking->changed = true;
    if (wanted)
        return write_mark(marking, issuer);
    return sp_crl_file_remove(issuer->mark, &why) ? SHIM_OK : shim_keyring_fault(why);
}

static void clear(struct marking *marking)
{
    for (size_t i = 0; i < marking->count; i++) {
        X509_free(marking->issuers[i].cert);
        OPENSSL_free(marking->issuers[i].mark);
    }
    OPENSSL_free(marking->issuers);
    marking->issuers = NULL;
    marking->count = 0;
    marking->any = marking->changed = false;
}

/* A mark that is there twice for one issuer cannot be: its name is that of the key. */
static int make_round(struct marking *marking, struct sp_keyring *keyring)
{
    char *why = NULL;
    int code = sp_crl_files_each(marking->path, take_mark, marking, &why) ? marking->code
                                                                          : shim_keyring_fault(why);

    if (code == SHIM_OK && marking->any)
        code = take_stored(marking, keyring);
    for (size_t i = 0; code == SHIM_OK && i < marking->count; i++)
        code = settle(marking, &marking->issuers[i]);
    return code;
}

int shim_crls_mark(const char *path, struct sp_keyring *keyring, time_t now, bool tells)
{
    struct marking marking = { .path = path, .now = now };
    bool more = true;
    int code = SHIM_OK;

    for (int i = 0; code == SHIM_OK && more && i < MOST_ROUNDS; i++) {
        code = make_round(&marking, keyring);
        more = marking.changed;
        clear(&marking);
    }
    if (code == SHIM_OK && tells && marking.damage != NULL) {
        shim_error("%s", marking.damage);
        code = SHIM_SYSTEM;
    }
    OPENSSL_free(marking.damage);
    return code;
}
