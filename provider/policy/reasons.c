/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/reasons.h"

#include <stdarg.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "settings/rule_ids.h"

static CRYPTO_ONCE loaded = CRYPTO_ONCE_STATIC_INIT;
/* With the name of the library and an end.  NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define ONE(id, text) +1
static ERR_STRING_DATA strings[2 + SP_RULE_COUNT SP_OWN_REASONS(ONE)];
#undef ONE
/* Written once by the first load, before any gate exists. */
static int library;

static void add_string(size_t *count, int reason, const char *text)
{
    strings[*count].error = ERR_PACK(library, 0, reason);
    strings[(*count)++].string = text;
}

/* Register the texts with the first error: most programs never need them. */
static void load_strings(void)
{
    size_t count = 0;

    add_string(&count, 0, "smimepolicy");
    for (size_t i = 0; sp_rule_id(i) != NULL; i++)
        add_string(&count, (int)i + 1, sp_rule_reason(i));
#define X(id, text) add_string(&count, id, text);
    SP_OWN_REASONS(X)
#undef X
    (void)ERR_load_strings(0, strings);
}

/*
 * The library number is ours, not the one that the core gives to each instance:
 * certificates, and so our reasons, outlive instances.
 */
bool sp_reasons_begin(void)
{
    if (library == 0)
        library = ERR_get_next_error_library();
    return library != 0;
}

void sp_raise(int reason, const char *file, int line, const char *format, ...)
{
    va_list args;

    (void)CRYPTO_THREAD_run_once(&loaded, load_strings);
    va_start(args, format);
    ERR_new();
    ERR_set_debug(file, line, NULL);
    ERR_vset_error(library, reason, format, args);
    va_end(args);
}

void sp_raise_verdict(const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);
        char *text;

        if (smimepolicy_finding_severity(finding) != SMIMEPOLICY_DENY)
            continue;
        text = smimepolicy_finding_text(verdict, finding);
        SP_RAISE(sp_rule_index(smimepolicy_finding_rule(finding)) + 1, "%s",
                 text != NULL ? text : "out of memory");
        smimepolicy_free(text);
    }
}
