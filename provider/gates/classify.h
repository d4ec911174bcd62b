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

/*
 * Are these the signed attributes of a mail?  [RFC 5652, 5.4] they are signed
 * as a complete DER SET OF; [RFC 5652, 5.3] contentType and messageDigest are
 * always among them.  A time stamp [RFC 3161] is signed data too, and is not
 * mail.
 */
bool sp_is_signed_attributes(const unsigned char *data, size_t length);

/*
 * Is this the premaster secret of a TLS RSA key exchange?  [RFC 5246, 7.4.7.1]
 * 48 bytes that begin with the client's protocol version.
 */
bool sp_is_tls_premaster(const unsigned char *data, size_t length);

#endif
