/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "choice/stored_issuers.h"
#include "tool/judge/issuers.h"
#include "tool/judge/verify.h"
#include "tool/keyring/keyring_at.h"

/* Find what vouches: the stored certificates of the signers, and their CAs. */
static int find_anchors(struct shim_incoming *incoming, struct sp_keyring *keyring)
{
    STACK_OF(X509) *certs = shim_list_certs(incoming);
    bool *for_itself = OPENSSL_zalloc((incoming->count + 1) * sizeof(*for_itself));

    if (certs != NULL && for_itself != NULL)
        incoming->anchors = shim_issuers_all(keyring, certs, (int)incoming->count, for_itself);
    if (incoming->anchors != NULL)
        incoming->store = shim_store_of(incoming->anchors);
    for (size_t i = 0; for_itself != NULL && i < incoming->count; i++)
        incoming->signatures[i].for_itself = for_itself[i];
    OPENSSL_free(for_itself);
    sk_X509_free(certs);
    return incoming->store != NULL ? SHIM_OK : SHIM_SYSTEM;
}

int shim_verify_here(struct shim_incoming *incoming, struct shim *shim, struct sp_keyring *keyring,
                     time_t now, struct shim_outcome *outcome)
{
    const struct shim_args none = { 0 };
    const struct shim_operation operation = { .shim = shim, .args = &none };
    char *why;
    int code = SHIM_OK;

    incoming->keyring = keyring;
    if (!sp_stored_intermediates(keyring, incoming->certs, &why))
        return shim_keyring_fault(why);
    code = find_anchors(incoming, keyring);
    if (code != SHIM_OK)
        return code;
    (void)shim_review_signers(incoming, &operation, now, outcome);
    shim_review_digests(incoming, outcome);
    shim_review_sender(incoming, &(struct shim_review_sender){ 0 }, outcome);
    shim_signers_test(incoming, &none);
    return outcome->fault;
}
