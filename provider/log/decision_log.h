/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room log: the decision log, one line of JSON for each decision; and the report, for
 * the program that started this one (report.h).
 */
#ifndef SP_DECISION_LOG_H
#define SP_DECISION_LOG_H

#include <stdbool.h>

#include "rules/rules.h"

struct sp_decision {
    const char *operation; /* "sign", "encrypt", "verify" */
    bool refused;          /* was the operation stopped? */
    bool denied;           /* did the rules refuse?  (In observe mode it is not stopped.) */
    const smimepolicy_verdict *verdict; /* borrowed; NULL if there was none */
    const unsigned char *certificate;   /* borrowed SHA-256, or NULL */
    const char *note;                   /* borrowed one-line reason beside the verdict, or NULL */
};

/*
 * Append |decision| to the log of |settings|, if there is one.  It never blocks and
 * never fails: a log that cannot be written changes no decision.
 */
void sp_decision_log(const smimepolicy_settings *settings, const struct sp_decision *decision);

/*
 * Why this process cannot log to |path|, e.g. because the file belongs to somebody
 * else in a directory that others may write.  Nothing is created.
 *
 * @return to free with OPENSSL_free(), or NULL if it can
 */
char *sp_decision_log_fault(const char *path);

#endif
