/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Is this mail?  Told by the data, because a process that sends mail also
 * speaks TLS and may run a CA, with certificates that are not meant for mail.
 */
#ifndef SP_CLASSIFY_H
#define SP_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

enum sp_kind {
    SP_KIND_OTHER,
    SP_KIND_MAIL,
    SP_KIND_STAMP /* signed data too, and not mail if the certificate is one for time stamps */
};

/*
 * Are these the signed attributes of a mail?  [RFC 5652, 5.4] they are signed
 * as a complete DER SET OF; [RFC 5652, 5.3] contentType and messageDigest are
 * always among them.  PKCS7_verify() misses no contentType, so we do not ask
 * for it.  Every content type that a time stamp [RFC 3161] names is its own.
 */
enum sp_kind sp_kind_of(const unsigned char *data, size_t length);

/* More than any signed attributes have. */
#define SP_ATTRIBUTES_MAX ((size_t)1 << 20)
/* May |length| bytes be the beginning of signed attributes, of which more must come? */
bool sp_attributes_begin(const unsigned char *data, size_t length);

/*
 * Is this the premaster secret of an RSA key exchange of TLS or DTLS?  [RFC 5246,
 * 7.4.7.1] 48 bytes that begin with the client's protocol version.  No cipher that
 * a mail can name has a key of that length.
 */
bool sp_is_tls_premaster(const unsigned char *data, size_t length);

#endif
