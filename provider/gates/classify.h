/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Does an operation belong to a mail?  This is told by the data, because a process
 * that sends mail may also speak TLS or run a CA, with certificates that are not for
 * mail.
 */
#ifndef SP_CLASSIFY_H
#define SP_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

enum sp_kind {
    SP_KIND_OTHER,
    SP_KIND_MAIL,
    SP_KIND_STAMP /* signed data too; not mail if the certificate is for time stamps */
};

/*
 * Are these the signed attributes of a mail?  [RFC 5652, 5.4] They are signed as a
 * complete DER SET OF; [RFC 5652, 5.3] it always has contentType and messageDigest.
 * PKCS7_verify() accepts attributes without contentType, so it is not required
 * here.  Every contentType that a time stamp [RFC 3161] names is one of time stamps.
 */
enum sp_kind sp_kind_of(const unsigned char *data, size_t length);

/* The limit for signed attributes, far above their usual size. */
#define SP_ATTRIBUTES_MAX ((size_t)1 << 20)
/* Can |data| be the beginning of signed attributes whose rest is still to come? */
bool sp_attributes_begin(const unsigned char *data, size_t length);

/*
 * Is this the premaster secret of an RSA key exchange of TLS or DTLS?  [RFC 5246,
 * 7.4.7.1] 48 bytes that begin with the client's protocol version.  No cipher that
 * a mail can name has a key of that length.
 */
bool sp_is_tls_premaster(const unsigned char *data, size_t length);

#endif
