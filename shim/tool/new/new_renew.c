/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is renewed: of the identities of an address the one that is valid longest.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"
#include "tool/new/new.h"

static int look_at(const struct shim_entry *entry, void *data)
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
    run->name = facts == NULL ? NULL : shim_new_common_name(run->before);
    sp_facts_free(facts);
    if (facts == NULL || run->names.failed)
        return shim_no_memory();
    if (run->names.unreadable == SP_READABLE && run->names.count > 0)
        return SHIM_OK;
    shim_error("the certificate of %s has an address that may be read as another; make a new one "
               "without --renew",
               run->options->operands[0]);
    return SHIM_INPUT;
}

int shim_new_renewed(struct shim_new *run)
{
    const char *word = run->options->operands[0];
    char *address = shim_address_folded(word);
    struct sp_keyring *keyring = NULL;
    int code =
        address == NULL ? SHIM_USAGE : shim_keyring_open(run->shim, SP_KEYRING_READ, &keyring);

    if (code == SHIM_OK)
        code = shim_entry_each(run->shim, keyring,
                               &(struct sp_query){ .index = SP_BY_ADDRESS,
                                                   .text = address,
                                                   .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) },
                               run->now, look_at, run);
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
    const char *word = run->options->operands[0];
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
        code = shim_stored_key_unlock(&stored, word, run->options->passin, &run->key);
    sp_private_key_clear(&stored);
    run->key_stays = code == SHIM_OK;
    return code;
}
