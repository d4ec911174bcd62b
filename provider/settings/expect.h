/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The variable with the settings that a command expects its module to get; see
 * sp_settings_text().
 */
#ifndef SP_EXPECT_H
#define SP_EXPECT_H

#define SP_EXPECT "SMIME_POLICY_EXPECT"
/* Its value where the module has to report: this, and the nonce of the report. */
#define SP_EXPECT_REPORT "report "

#endif
