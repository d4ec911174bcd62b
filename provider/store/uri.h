/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * `smimepolicy:` URIs: what of the keyring is meant.  docs/use/keyring.md defines
 * them.
 */
#ifndef SP_URI_H
#define SP_URI_H

#include <stdbool.h>

#include "base/sha256.h"

#define SP_URI_SCHEME "smimepolicy:"

enum sp_uri_kind {
    SP_URI_IDENTITY,
    SP_URI_CONTACT,
    SP_URI_ISSUERS, /* of an identity: what goes along with its signature */
    SP_URI_CHAIN,   /* as SP_URI_ISSUERS, after the identity's own certificate */
    SP_URI_CERT,
    SP_URI_TRUST
};

struct sp_uri {
    enum sp_uri_kind kind;
    char *address; /* owned, in lower case; NULL for a certificate and for trust */
    unsigned char fingerprint[SP_SHA256_LENGTH]; /* of a certificate */
};

/* Has |text| our scheme, well-formed or not? */
bool sp_uri_is_ours(const char *text);
/*
 * Read |text|.
 *
 * @param why  set on failure to what is wrong, to free with OPENSSL_free();
 *             NULL if out of memory
 */
bool sp_uri_read(struct sp_uri *uri, const char *text, char **why);
void sp_uri_clear(struct sp_uri *uri);

#endif
