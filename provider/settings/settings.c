/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/settings.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "settings/directories.h"
#include "settings/host_list.h"
#include "settings/accepted.h"
#include "settings/rule_ids.h"

/* A choice is stored as the index of its word. */
#define CHOICE(name, field)                                                                        \
    static void put_##name(smimepolicy_settings *settings, unsigned value)                         \
    {                                                                                              \
        settings->field = value;                                                                   \
    }                                                                                              \
    static unsigned get_##name(const smimepolicy_settings *settings)                               \
    {                                                                                              \
        return (unsigned)settings->field;                                                          \
    }

#define TEXT(name)                                                                                 \
    static char **at_##name(smimepolicy_settings *settings)                                        \
    {                                                                                              \
        return &settings->name;                                                                    \
    }

CHOICE(mode, mode)
CHOICE(trust, trust)
CHOICE(revocation, revocation)
CHOICE(unknown_keys, refuse_unknown_keys)
CHOICE(raw_keys, pass_raw_keys)
CHOICE(unverified_signers, refuse_unverified_signers)
CHOICE(own_anchors, own_anchors_first)
CHOICE(keys, mail_keys_only)
CHOICE(signer_path, refuse_signer_path)
CHOICE(sender, refuse_other_senders)
CHOICE(missing_key_usage, accept_missing_key_usage)
CHOICE(ec_key_agreement, accept_ec_key_agreement)
CHOICE(collect, collects_nothing)
CHOICE(signers, any_signer)
CHOICE(contacts_starttls, contacts_starttls)
CHOICE(trace, trace)
CHOICE(fetch_private, fetches_private)
CHOICE(ocsp, asks_ocsp)
TEXT(backend)
TEXT(keyring)
TEXT(contacts)
TEXT(contacts_age)
TEXT(contacts_bind)
TEXT(contacts_ca)
TEXT(decision_log)
TEXT(fetch_from)
TEXT(hub)
TEXT(hub_realm)
TEXT(hub_anchors)
TEXT(hub_max_age)

static const char *const severity_words[] = { "ignore", "warn", "deny", NULL };
static const smimepolicy_severity severities[] = { SMIMEPOLICY_IGNORE, SMIMEPOLICY_WARN,
                                                   SMIMEPOLICY_DENY };

static unsigned severity_word(smimepolicy_severity severity)
{
    return severity == SMIMEPOLICY_DENY ? 2 : (severity == SMIMEPOLICY_WARN ? 1 : 0);
}

#define SEVERITY(name, index)                                                                      \
    static void put_##name(smimepolicy_settings *settings, unsigned value)                         \
    {                                                                                              \
        settings->beyond[index] = severities[value];                                               \
    }                                                                                              \
    static unsigned get_##name(const smimepolicy_settings *settings)                               \
    {                                                                                              \
        return severity_word(settings->beyond[index]);                                             \
    }

SEVERITY(weak_key, SP_WEAK_KEY)
SEVERITY(weak_digest, SP_WEAK_DIGEST)
SEVERITY(weak_cipher, SP_WEAK_CIPHER)
SEVERITY(eku_any, SP_EKU_ANY)
SEVERITY(validity_too_long, SP_VALIDITY_TOO_LONG)
SEVERITY(expires_soon, SP_EXPIRES_SOON)

static bool is_name(const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return *value != '\0' && value[strspn(value, allowed)] == '\0';
}

static bool is_absolute_path(const char *value)
{
    return value[0] == '/' && value[1] != '\0' && !sp_has_control(value);
}

static bool is_log(const char *value)
{
    return strcmp(value, "syslog") == 0 || is_absolute_path(value);
}

static const char *const modes[] = { "enforce", "observe", NULL };
static const char *const trusts[] = { "caller", "keyring", NULL };
static const char *const revocations[] = { "off", "soft", "hard", NULL };
static const char *const strictness[] = { "pass", "refuse", NULL };
static const char *const raw_answers[] = { "judge", "pass", NULL };
static const char *const reactions[] = { "log", "refuse", NULL };
static const char *const key_types[] = { "all", "mail", NULL };
static const char *const places[] = { "last", "first", NULL };
static const char *const collections[] = { "chain", "off", NULL };
static const char *const quorums[] = { "all", "any", NULL };
static const char *const leniency[] = { "reject", "accept", NULL };
static const char *const answers[] = { "no", "yes", NULL };
static const char *const switches[] = { "off", "on", NULL };

#define SPAN "a span of time such as 90m, 12h, 1d or 2w"
#define DIRECTORIES                                                                                \
    "up to 4 URLs like ldap://HOST/BASE, ldaps://HOST/BASE or ldapi://SOCKET/BASE, with a space "  \
    "between them"

/* One setting: a choice (words, put, get) or a text (at, accepts). */
static const struct row {
    const char *key;
    const char *fallback; /* NULL: unset */
    const char *accepted; /* the accepted values, for messages */
    const char *const *words;
    void (*put)(smimepolicy_settings *settings, unsigned value);
    unsigned (*get)(const smimepolicy_settings *settings);
    char **(*at)(smimepolicy_settings *settings);
    bool (*accepts)(const char *value);
} table[] = {
#define WORDS(key, fallback, accepted, words)                                                      \
    {                                                                                              \
#key, fallback, accepted, words, put_##key, get_##key, NULL, NULL                          \
    }
#define STRING(key, fallback, accepted, check)                                                     \
    {                                                                                              \
#key, fallback, accepted, NULL, NULL, NULL, at_##key, check                                \
    }
    WORDS(mode, "enforce", "enforce or observe", modes),
    STRING(backend, "default", "the name of a provider (letters, digits, '-' and '_')", is_name),
    WORDS(unknown_keys, "pass", "pass or refuse", strictness),
    WORDS(raw_keys, "judge", "judge or pass", raw_answers),
    WORDS(unverified_signers, "pass", "pass or refuse", strictness),
    WORDS(own_anchors, "last", "last or first", places),
    WORDS(keys, "all", "all or mail", key_types),
    WORDS(signer_path, "log", "log or refuse", reactions),
    WORDS(sender, "log", "log or refuse", reactions),
    WORDS(trust, "caller", "caller or keyring", trusts),
    STRING(keyring, NULL, "an absolute path", is_absolute_path),
    WORDS(revocation, "soft", "off, soft or hard", revocations),
    WORDS(missing_key_usage, "reject", "reject or accept", leniency),
    WORDS(ec_key_agreement, "reject", "reject or accept", leniency),
    WORDS(collect, "chain", "chain or off", collections),
    WORDS(signers, "all", "all or any", quorums),
    STRING(contacts, NULL, DIRECTORIES, sp_are_directories),
    STRING(contacts_age, "1d", SPAN, sp_accepts_span),
    WORDS(contacts_starttls, "yes", "no or yes", answers),
    STRING(contacts_bind, NULL, "an absolute path", is_absolute_path),
    STRING(contacts_ca, NULL, "an absolute path", is_absolute_path),
    STRING(fetch_from, NULL, "hosts, each HOST, .DOMAIN or HOST:PORT, with spaces between them",
           sp_host_list_accepts),
    WORDS(fetch_private, "no", "no or yes", answers),
    WORDS(ocsp, "off", "off or on", switches),
    STRING(decision_log, NULL, "an absolute path or syslog", is_log),
    STRING(hub, NULL, "service=NAME, or a postgresql:// URI without a password", sp_accepts_hub),
    STRING(hub_realm, "default", "a name of letters, digits, '-', '_' and '.'", sp_accepts_realm),
    STRING(hub_anchors, "no", "no, yes, or SHA-256 fingerprints with spaces between",
           sp_accepts_anchors),
    STRING(hub_max_age, "1d", SPAN, sp_accepts_span),
    WORDS(trace, "no", "no or yes", answers),
    WORDS(weak_key, "warn", "ignore, warn or deny", severity_words),
    WORDS(weak_digest, "warn", "ignore, warn or deny", severity_words),
    WORDS(weak_cipher, "warn", "ignore, warn or deny", severity_words),
    WORDS(eku_any, "warn", "ignore, warn or deny", severity_words),
    WORDS(validity_too_long, "warn", "ignore, warn or deny", severity_words),
    WORDS(expires_soon, "warn", "ignore, warn or deny", severity_words),
#undef WORDS
#undef STRING
};

#define ROWS (sizeof(table) / sizeof(table[0]))

/* The guide's own rules: their name as a key, and as people call them. */
static const struct {
    const char *key;
    const char *id;
} fixed_rules[] = {
#define SEED(name, key, id, text) { #key, id },
#define BEYOND(name, key, id, text)
    SP_RULES(SEED, BEYOND)
#undef SEED
#undef BEYOND
};

#define FIXED_RULES (sizeof(fixed_rules) / sizeof(fixed_rules[0]))

const char *sp_settings_key(size_t index)
{
    return index < ROWS ? table[index].key : NULL;
}

const char *sp_settings_fixed_rule(size_t index)
{
    return index < FIXED_RULES ? fixed_rules[index].key : NULL;
}

/* at_*() return a pointer to write through; readers do not change the settings. */
static const char *text_of(const struct row *row, const smimepolicy_settings *settings)
{
    smimepolicy_settings copy = *settings;

    return *row->at(&copy);
}

static const char *value_of(const struct row *row, const smimepolicy_settings *settings)
{
    return row->words != NULL ? row->words[row->get(settings)] : text_of(row, settings);
}

char *sp_settings_value(const smimepolicy_settings *settings, size_t index)
{
    const char *value = index < ROWS ? value_of(&table[index], settings) : NULL;

    return value == NULL ? NULL : OPENSSL_strdup(value);
}

char *sp_settings_text(const smimepolicy_settings *settings)
{
    struct sp_text text = { 0 };

    for (size_t i = 0; i < ROWS; i++) {
        const char *value = value_of(&table[i], settings);

        sp_text_add(&text, table[i].key);
        sp_text_add(&text, value == NULL ? "" : "=");
        sp_text_add(&text, value == NULL ? "" : value);
        sp_text_add(&text, "\n");
    }
    return sp_text_take(&text);
}

static const struct row *find_row(const char *key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}

enum outcome { APPLIED, NOT_ACCEPTED, NO_MEMORY };

static enum outcome apply(smimepolicy_settings *settings, const struct row *row, const char *value)
{
    char *copy;

    for (unsigned i = 0; row->words != NULL && row->words[i] != NULL; i++)
        if (strcmp(row->words[i], value) == 0) {
            row->put(settings, i);
            return APPLIED;
        }
    if (row->accepts == NULL || !row->accepts(value))
        return NOT_ACCEPTED;
    copy = OPENSSL_strdup(value);
    if (copy == NULL)
        return NO_MEMORY;
    OPENSSL_free(*row->at(settings));
    *row->at(settings) = copy;
    return APPLIED;
}

/* The id of the rule that |key| means, in either spelling; NULL if none. */
static const char *fixed_rule_id(const char *key)
{
    for (size_t i = 0; i < FIXED_RULES; i++)
        if (strcmp(fixed_rules[i].key, key) == 0 || strcmp(fixed_rules[i].id, key) == 0)
            return fixed_rules[i].id;
    return NULL;
}

/* "key = value: what is wrong", for a key or value that is not accepted. */
static char *explain(const char *key, const char *value, const struct row *row)
{
    char *shown_key = sp_escape(key, strlen(key));
    /* One that is not accepted may hold a password. */
    const char *harmless = row != NULL && row->accepts == sp_accepts_hub ? "(not shown)" : value;
    char *shown = sp_escape(harmless, strlen(harmless));
    const char *rule = fixed_rule_id(key);
    char *message = NULL;

    if (shown_key != NULL && shown != NULL) {
        if (row != NULL)
            message = sp_format(
                "%s = %s: %saccepted is %s", shown_key, shown,
                row->words == NULL && sp_has_control(value) ? "it holds a control character; " : "",
                row->accepted);
        else if (rule != NULL)
            message = sp_format("%s = %s: the rule '%s' cannot be changed", shown_key, shown, rule);
        else
            message = sp_format("%s = %s: there is no setting of that name", shown_key, shown);
    }
    OPENSSL_free(shown_key);
    OPENSSL_free(shown);
    return message;
}

/* Hand |message| to the caller, if it wants one. */
static void tell(char **why, char *message)
{
    if (why != NULL)
        *why = message;
    else
        OPENSSL_free(message);
}

int smimepolicy_settings_set(smimepolicy_settings *settings, const char *key, const char *value,
                             char **why)
{
    const struct row *row = find_row(key);
    enum outcome outcome = row == NULL ? NOT_ACCEPTED : apply(settings, row, value);

    tell(why, outcome == NOT_ACCEPTED ? explain(key, value, row) : NULL);
    return outcome == APPLIED;
}

smimepolicy_settings *smimepolicy_settings_new(void)
{
    smimepolicy_settings *settings = OPENSSL_zalloc(sizeof(*settings));

    for (size_t i = 0; settings != NULL && i < ROWS; i++)
        if (table[i].fallback != NULL && apply(settings, &table[i], table[i].fallback) != APPLIED) {
            smimepolicy_settings_free(settings);
            settings = NULL;
        }
    return settings;
}

void smimepolicy_settings_free(smimepolicy_settings *settings)
{
    if (settings == NULL)
        return;
    OPENSSL_free(settings->backend);
    OPENSSL_free(settings->keyring);
    OPENSSL_free(settings->contacts);
    OPENSSL_free(settings->contacts_age);
    OPENSSL_free(settings->contacts_bind);
    OPENSSL_free(settings->contacts_ca);
    OPENSSL_free(settings->decision_log);
    OPENSSL_free(settings->fetch_from);
    OPENSSL_free(settings->hub);
    OPENSSL_free(settings->hub_realm);
    OPENSSL_free(settings->hub_anchors);
    OPENSSL_free(settings->hub_max_age);
    OPENSSL_free(settings);
}

smimepolicy_settings *sp_settings_dup(const smimepolicy_settings *settings)
{
    smimepolicy_settings *copy = smimepolicy_settings_new();

    for (size_t i = 0; copy != NULL && i < ROWS; i++) {
        const char *value = value_of(&table[i], settings);

        if (value != NULL && apply(copy, &table[i], value) != APPLIED) {
            smimepolicy_settings_free(copy);
            copy = NULL;
        }
    }
    return copy;
}

bool sp_settings_equal(const smimepolicy_settings *a, const smimepolicy_settings *b)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *left = value_of(&table[i], a);
        const char *right = value_of(&table[i], b);

        if ((left == NULL) != (right == NULL) || (left != NULL && strcmp(left, right) != 0))
            return false;
    }
    return true;
}
