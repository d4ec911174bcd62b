/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>

#include "tool/keyring/stored_entry.h"
#include "base/text.h"
#include "revocation/asked.h"
#include "tool/certs/making.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"

/* Judge what was read; false if out of memory. */
static bool judge(struct shim_entry *entry, time_t at, const struct shim *shim)
{
    const struct sp_asked asked = { entry->facts, sp_x509_is_signed_by, entry->cert };

    return entry->facts != NULL &&
           sp_revocation_find_for(shim_crls(shim), &asked, at, shim->settings,
                                  &entry->revocation) &&
           sp_judge_stored(entry->facts, entry->record.role, at, shim->settings, &entry->revocation,
                           &entry->stored);
}

int shim_entry_read(struct shim_entry *entry, struct sp_record *record, time_t at,
                    const struct shim *shim)
{
    *entry = (struct shim_entry){ .record = *record };
    *record = (struct sp_record){ 0 };
    entry->cert = sp_record_cert_without_key(&entry->record);
    ERR_clear_error();
    if (entry->cert == NULL) {
        shim_error("keyring: entry %lld is damaged; 'smime-policy keyring check' tells what else "
                   "is, and how to go on",
                   (long long)entry->record.id);
        return SHIM_SYSTEM;
    }
    entry->facts = sp_facts_new(entry->cert);
    return judge(entry, at, shim) ? SHIM_OK : shim_no_memory();
}

void shim_entry_clear(struct shim_entry *entry)
{
    sp_stored_verdicts_clear(&entry->stored);
    sp_revocation_clear(&entry->revocation);
    sp_facts_free(entry->facts);
    X509_free(entry->cert);
    sp_record_clear(&entry->record);
    entry->facts = NULL;
    entry->cert = NULL;
}

/* What waits is judged when its certificate comes. */
static int read_waiting(struct shim_entry *entry, struct sp_record *record)
{
    const unsigned char *at = record->der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)record->der_length);

    *entry = (struct shim_entry){ .record = *record, .waits = true };
    *record = (struct sp_record){ 0 };
    entry->cert = request == NULL ? NULL : shim_request_cert(request);
    X509_REQ_free(request);
    ERR_clear_error();
    if (entry->cert == NULL) {
        shim_error("keyring: the request of a private key is damaged; 'smime-policy keyring check' "
                   "tells what else is, and how to go on");
        return SHIM_SYSTEM;
    }
    entry->facts = sp_facts_new(entry->cert);
    return entry->facts != NULL ? SHIM_OK : shim_no_memory();
}

int shim_entry_each(struct shim *shim, struct sp_keyring *keyring, const struct sp_query *query,
                    time_t at, shim_entry_fn *take, void *data)
{
    struct shim_records records = { .cursor = sp_keyring_find(keyring, query) };
    int code = SHIM_OK;

    while (code == SHIM_OK && shim_records_next(&records)) {
        struct shim_entry entry;

        code = query->index == SP_WAITING ? read_waiting(&entry, &records.record)
                                          : shim_entry_read(&entry, &records.record, at, shim);
        if (code == SHIM_OK)
            code = take(&entry, data);
        shim_entry_clear(&entry);
    }
    if (records.failed)
        code = shim_keyring_failed(keyring);
    shim_records_end(&records);
    return code;
}

int shim_waiting_each(struct sp_keyring *keyring, shim_entry_fn *take, void *data)
{
    return shim_entry_each(NULL, keyring, &(struct sp_query){ .index = SP_WAITING }, 0, take, data);
}

const char *shim_entry_state(const struct shim_entry *entry)
{
    return entry->waits ? "waiting" : sp_stored_state_name(entry->stored.state);
}

/* A verdict on it.  Every role has a use that is judged. */
static const smimepolicy_verdict *any_verdict(const struct shim_entry *entry)
{
    for (int use = 0; use < SP_USE_COUNT; use++)
        if (entry->stored.verdicts[use] != NULL)
            return entry->stored.verdicts[use];
    return NULL;
}

const char *shim_entry_subject(const struct shim_entry *entry)
{
    const char *subject = sp_facts_subject(entry->facts);

    return subject == NULL || subject[0] == '\0' ? "(no subject)" : subject;
}

char *shim_addresses_text(const struct sp_facts *facts)
{
    struct sp_text text = { 0 };
    const char *address;

    for (size_t i = 0; (address = sp_facts_address(facts, i)) != NULL; i++)
        sp_text_add_item(&text, address);
    return sp_text_take(&text);
}

char *shim_entry_addresses(const struct shim_entry *entry)
{
    return shim_addresses_text(entry->facts);
}

char *shim_entry_uses(const struct shim_entry *entry)
{
    struct sp_text text = { 0 };

    for (int use = 0; use < SP_USE_COUNT; use++)
        if ((entry->stored.uses & 1U << use) != 0)
            sp_text_add_item(&text, smimepolicy_use_name((smimepolicy_use)use));
    if (entry->stored.vouches)
        sp_text_add_item(&text, "vouches");
    return sp_text_take(&text);
}

/* Call |take| for each rule that denies, once. */
static void each_rule(const struct shim_entry *entry, void (*take)(const char *rule, void *data),
                      void *data)
{
    bool told[64] = { false };

    for (int use = 0; use < SP_USE_COUNT; use++) {
        const smimepolicy_verdict *verdict = entry->stored.verdicts[use];
        size_t count = verdict == NULL ? 0 : smimepolicy_verdict_count(verdict);

        for (size_t i = 0; i < count; i++) {
            const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);
            int index = sp_rule_index(smimepolicy_finding_rule(finding));

            if (smimepolicy_finding_severity(finding) != SMIMEPOLICY_DENY || index < 0 ||
                index >= 64 || told[index])
                continue;
            told[index] = true;
            take(smimepolicy_finding_rule(finding), data);
        }
    }
}

static void add_rule_text(const char *rule, void *data)
{
    sp_text_add_item(data, rule);
}

char *shim_entry_rules(const struct shim_entry *entry)
{
    struct sp_text text = { 0 };

    if (entry->stored.state == SP_STORED_UNUSABLE || entry->stored.state == SP_STORED_REVOKED)
        each_rule(entry, add_rule_text, &text);
    return sp_text_take(&text);
}

char *shim_entry_serial(const struct shim_entry *entry)
{
    return OPENSSL_strdup(smimepolicy_verdict_get0_serial(any_verdict(entry)));
}

const char *shim_entry_origin(const struct shim_entry *entry)
{
    const char *name = sp_origin_name(entry->record.origin);

    return name != NULL ? name : "unknown";
}

/* Is |entry| found by |address|?  -1 if that failed. */
static int is_found_by(struct sp_keyring *keyring, const struct shim_entry *entry,
                       const char *address)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS,
                                    .text = address,
                                    .roles = SP_ROLE_BIT(entry->record.role) };
    struct shim_records records = { .cursor = sp_keyring_find(keyring, &query) };
    bool found = false;

    while (!found && shim_records_next(&records))
        found = records.record.id == entry->record.id;
    if (records.failed)
        (void)shim_keyring_failed(keyring);
    shim_records_end(&records);
    return records.failed ? -1 : found;
}

bool shim_entry_found_by(struct sp_keyring *keyring, const struct shim_entry *entry, char **text)
{
    struct sp_text list = { 0 };
    const char *address;
    int found = 0;

    *text = NULL;
    if (sp_origin_is_by_hand(entry->record.origin) || sp_facts_address(entry->facts, 0) == NULL)
        return true;
    for (size_t i = 0; found >= 0 && (address = sp_facts_address(entry->facts, i)) != NULL; i++) {
        found = is_found_by(keyring, entry, address);
        if (found > 0)
            sp_text_add_item(&list, address);
    }
    *text = sp_text_take(&list);
    if (found >= 0 && *text == NULL)
        (void)shim_no_memory();
    return found >= 0 && *text != NULL;
}

char *shim_moment_text(const ASN1_TIME *at)
{
    struct tm tm;

    return ASN1_TIME_to_tm(at, &tm) ? sp_format_tm(&tm) : OPENSSL_strdup("(no valid time)");
}

char *shim_entry_line(const struct shim_entry *entry)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *addresses = shim_entry_addresses(entry);
    char *line = NULL;

    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    if (addresses != NULL)
        line = sp_format("%s%s %.16s%s%s (%s)", entry->waits ? "waiting " : "",
                         sp_role_name(entry->record.role), fingerprint,
                         addresses[0] == '\0' ? "" : " ", addresses, shim_entry_subject(entry));
    OPENSSL_free(addresses);
    return line;
}

static json_t *json_owned(char *text)
{
    json_t *string = text == NULL ? NULL : json_string(text);

    OPENSSL_free(text);
    return string;
}

static json_t *json_moment(const ASN1_TIME *at)
{
    struct tm tm;

    return ASN1_TIME_to_tm(at, &tm) ? json_owned(sp_format_tm(&tm)) : json_null();
}

json_t *shim_addresses_json(const struct sp_facts *facts)
{
    json_t *list = json_array();
    const char *address;

    for (size_t i = 0; (address = sp_facts_address(facts, i)) != NULL; i++)
        json_array_append_new(list, json_string(address));
    return list;
}

static json_t *json_uses(const struct shim_entry *entry)
{
    json_t *list = json_array();

    for (int use = 0; use < SP_USE_COUNT; use++)
        if ((entry->stored.uses & 1U << use) != 0)
            json_array_append_new(list, json_string(smimepolicy_use_name((smimepolicy_use)use)));
    return list;
}

static void add_rule_json(const char *rule, void *data)
{
    json_array_append_new(data, json_string(rule));
}

json_t *shim_entry_json(const struct shim_entry *entry)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    json_t *rules = json_array();

    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    each_rule(entry, add_rule_json, rules);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:s, s:s, s:o, s:o, s:o, s:o}",
                     "fingerprint", fingerprint, "role", sp_role_name(entry->record.role), "origin",
                     shim_entry_origin(entry), "state", shim_entry_state(entry), "uses",
                     json_uses(entry), "vouches", entry->stored.vouches, "rules", rules, "subject",
                     sp_facts_subject(entry->facts), "serial",
                     entry->waits ? "" : sp_facts_serial(entry->facts), "addresses",
                     shim_addresses_json(entry->facts), "not_before",
                     json_moment(X509_get0_notBefore(entry->cert)), "not_after",
                     json_moment(X509_get0_notAfter(entry->cert)), "uploaded",
                     json_owned(sp_format_time(entry->record.uploaded)));
}
