/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A trace of what the provider sees, on standard error, with the setting `trace =
 * yes`.  It never holds key data.
 */
#ifndef SP_TRACE_H
#define SP_TRACE_H

#include "policy/policy.h"

void sp_trace_write(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define SP_TRACE(...)                                                                              \
    do {                                                                                           \
        const smimepolicy_settings *sp_trace_policy = sp_policy();                                 \
        if (sp_trace_policy != NULL && sp_trace_policy->trace)                                     \
            sp_trace_write(__VA_ARGS__);                                                           \
    } while (0)

#endif
