/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Several certificates of one address, bob@example.org, among which one is chosen.
 * Any failure fails the test.
 */
#ifndef SP_TEST_BOB_H
#define SP_TEST_BOB_H

#include "choice/choose.h"
#include "keyrings.h"

#define BOB "bob@example.org"

/* Of the running test: written by sp_bob_set_up(). */
struct sp_bob {
    char *place;
    struct sp_keyring *keyring;
    smimepolicy_settings *settings;
};
extern struct sp_bob bob;

/* A fixture of libcheck. */
void sp_bob_set_up(void);
void sp_bob_tear_down(void);

/*
 * Store |stored|: "1i9 2c8", certificate 1 as an identity nine days ago, 2 as a contact eight.
 * 2 ends later than 1, 3 has expired, 4 signs only, 5 is another person's.
 */
void sp_bob_store(const char *stored);
/* Choose among what is stored. */
struct sp_choice sp_bob_choose(smimepolicy_use use);

#endif
