/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for the verification callback.  They are valid now, because libcrypto
 * compares them with the clock.
 */
#ifndef SP_TEST_CALLBACK_RECIPES_H
#define SP_TEST_CALLBACK_RECIPES_H

#define LONG   .not_before = "20000101000000Z", .not_after = "20990101000000Z"
#define MAIL   .san = "email:bob@example.org", .usage = "digitalSignature,keyEncipherment"
#define CLIENT LONG, MAIL
#define CA     LONG, .basic = "critical,CA:TRUE", .usage = "keyCertSign,cRLSign"
#define PERSON                                                                                     \
    LONG, .san = "email:eve@example.org", .basic = "critical,CA:TRUE",                             \
          .usage = "digitalSignature,keyEncipherment,keyCertSign"

#endif
