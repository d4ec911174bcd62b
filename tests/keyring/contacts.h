/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbered contacts for measurements.  Contact n has the private key BASE + n, so
 * that a look-up knows its key without storing it.
 */
#ifndef SP_TEST_CONTACTS_H
#define SP_TEST_CONTACTS_H

#include <stdio.h>

#define CONTACT_BASE    1000003
#define CONTACT_DIGITS  10
#define CONTACT_SUBJECT "Contact "
#define CONTACT_ADDRESS "contact"
#define CONTACT_DOMAIN  "@example.org"
/* 04, X and Y on P-256. */
#define CONTACT_POINT 65

#endif
