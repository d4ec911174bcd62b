/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is in the keyring already: the CA of one's own that issues a certificate, with its key; and
 * what is renewed, of the identities of an address the one that is valid longest.
 */
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "choice/stored_issuers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"
#include "tool/new/new.h"

#define FEWEST_DIGITS 8

struct looking {
    struct shim_new *run;
    struct sp_keyring *keyring; /* borrowed */
    size_t found;
    struct sp_private_key key; /* owned: of the first */
};

/* The first common name in |cert|, in UTF-8; to free with OPENSSL_free(); NULL: there is none. */
static char *common_name(const X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(subject, at);
    unsigned char *text = NULL;
    int length = entry == NULL ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));

    if (length < 0)
        return NULL;
    if (memchr(text, '\0', (size_t)length) == NULL)
        return (char *)text;
    OPENSSL_free(text);
    return NULL;
}

/* Is it the CA that was named, by its common name or the begin of its fingerprint? */
static bool is_named(const struct shim_entry *entry, const char *word)
{
    char digits[SP_FINGERPRINT_TEXT];
    char *name = common_name(entry->cert);
    size_t length = strlen(word);
    bool named = name != NULL && strcmp(name, word) == 0;

    OPENSSL_free(name);
    sp_fingerprint_text(entry->record.fingerprint, digits);
    return named || (length >= FEWEST_DIGITS && strncasecmp(digits, word, length) == 0);
}

static int look_at(const struct shim_entry *entry, void *data)
{
    struct looking *looking = data;
    struct shim_new *run = looking->run;
    struct sp_private_key key = { 0 };
    X509 *cert;
    int found;

    if (run->issued_by != NULL && !is_named(entry, run->issued_by))
        return SHIM_OK;
    found = shim_stored_key(looking->keyring, &entry->record, &key);
    if (found < 0)
        return SHIM_SYSTEM;
    cert = found == 0 ? NULL : sp_record_cert(&entry->record);
    if (cert != NULL && (run->issued_by != NULL || sp_has_issued(cert, run->before)) &&
        ++looking->found == 1) {
        run->issuer = cert;
        looking->key = key;
        return SHIM_OK;
    }
    X509_free(cert);
    sp_private_key_clear(&key);
    return SHIM_OK;
}

/* Say why none was found, or too many. */
static int tell(const struct looking *looking)
{
    const char *name = looking->run->issued_by;

    if (looking->found == 1)
        return SHIM_OK;
    if (looking->found > 1)
        return shim_usage("new: several CAs are found by %s; name one by its fingerprint "
                          "('smime-policy list --role ca')",
                          name != NULL ? name : "their name");
    if (name != NULL)
        shim_error("the keyring %s has no CA %s with its private key; make it with 'smime-policy "
                   "new --ca', or name one that 'smime-policy list --role ca' shows",
                   looking->run->shim->keyring_path, name);
    else
        shim_error("the certificate was issued by a CA whose private key is not here; make a "
                   "request to it with --request FILE, or a certificate with --self-signed");
    return SHIM_INPUT;
}

int shim_new_issuer(struct shim_new *run)
{
    struct looking looking = { .run = run };
    char *name = NULL;
    int code = shim_keyring_open(run->shim, SP_KEYRING_READ, &looking.keyring);

    if (code == SHIM_OK)
        code = shim_keys_needed(run->shim);
    if (code == SHIM_OK)
        code =
            shim_entry_each(run->shim, looking.keyring,
                            &(struct sp_query){ .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_CA) },
                            run->now, look_at, &looking);
    if (code == SHIM_OK)
        code = tell(&looking);
    sp_keyring_close(looking.keyring);
    if (code == SHIM_OK) {
        name = common_name(run->issuer);
        code = shim_stored_key_unlock(&looking.key, name != NULL ? name : "the CA", run->passin,
                                      &run->sign);
    }
    OPENSSL_free(name);
    sp_private_key_clear(&looking.key);
    return code;
}

static int look_at_identity(const struct shim_entry *entry, void *data)
{
    struct shim_new *run = data;
    X509 *cert;

    if (run->before != NULL &&
        ASN1_TIME_compare(X509_get0_notAfter(entry->cert), X509_get0_notAfter(run->before)) <= 0)
        return SHIM_OK;
    /* With its key, which the entry may not have decoded. */
    cert = sp_record_cert(&entry->record);
    if (cert == NULL)
        return shim_no_memory();
    X509_free(run->before);
    run->before = cert;
    return SHIM_OK;
}

/* The addresses as the certificate has them, but in lower case; and its name. */
static int take_names(struct shim_new *run)
{
    struct sp_facts *facts = sp_facts_new(run->before);
    const char *address;

    for (size_t i = 0; facts != NULL && (address = sp_facts_address(facts, i)) != NULL; i++)
        shim_addresses_parse(&run->names, SHIM_MAILBOXES, address, strlen(address));
    run->name = facts == NULL ? NULL : common_name(run->before);
    sp_facts_free(facts);
    if (facts == NULL || run->names.failed)
        return shim_no_memory();
    if (run->names.unreadable == SP_READABLE && run->names.count > 0)
        return SHIM_OK;
    shim_error("the certificate of %s has an address that may be read as another; make a new one "
               "without --renew",
               run->operands[0]);
    return SHIM_INPUT;
}

int shim_new_renewed(struct shim_new *run)
{
    const char *word = run->operands[0];
    char *address = shim_address_folded(word);
    struct sp_keyring *keyring = NULL;
    int code =
        address == NULL ? SHIM_USAGE : shim_keyring_open(run->shim, SP_KEYRING_READ, &keyring);

    if (code == SHIM_OK)
        code = shim_entry_each(run->shim, keyring,
                               &(struct sp_query){ .index = SP_BY_ADDRESS,
                                                   .text = address,
                                                   .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) },
                               run->now, look_at_identity, run);
    sp_keyring_close(keyring);
    OPENSSL_free(address);
    if (code == SHIM_OK && run->before == NULL) {
        shim_error("the keyring %s has no identity of %s to renew; make one without --renew",
                   run->shim->keyring_path, word);
        return SHIM_INPUT;
    }
    return code == SHIM_OK ? take_names(run) : code;
}

int shim_new_same_key(struct shim_new *run)
{
    const char *word = run->operands[0];
    struct sp_keyid id = sp_keyid_of_cert(NULL, run->before);
    struct sp_private_key stored = { 0 };
    struct sp_keyring *keyring;
    int code = shim_keyring_open(run->shim, SP_KEYRING_READ, &keyring);
    int found;

    if (code == SHIM_OK)
        code = shim_keys_needed(run->shim);
    if (code == SHIM_OK) {
        found = sp_keyring_key(keyring, id.hash, &stored);
        if (found < 0)
            code = shim_keyring_failed(keyring);
    }
    sp_keyring_close(keyring);
    if (code == SHIM_OK && stored.pkcs8 == NULL) {
        shim_error("the private key of %s is not in the keyring itself, so that nothing can be "
                   "signed with it here; leave --key same out",
                   word);
        code = SHIM_INPUT;
    }
    if (code == SHIM_OK)
        code = shim_stored_key_unlock(&stored, word, run->passin, &run->key);
    sp_private_key_clear(&stored);
    run->key_stays = code == SHIM_OK;
    return code;
}
