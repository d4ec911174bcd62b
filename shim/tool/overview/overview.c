/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy report: all that the keyring holds and the log has refused, as JSON or on one page.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json_text.h"
#include "base/text.h"
#include "choice/stored_issuers.h"
#include "common/output.h"
#include "tool/crls/stored_crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_entry.h"
#include "tool/overview/overview.h"

#define DAY 86400

struct overview {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    time_t now;
    FILE *to;   /* borrowed */
    bool begun; /* a certificate was written */
};

/*
 * Write |object|, which is taken over; its closing brace is left out if it is |open|.  In
 * a page, "<" could end the script that the object is in; DEL is the one control
 * character that JSON does not escape.
 */
static int put(FILE *to, json_t *object, bool open)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(object);
    if (text == NULL)
        return shim_no_memory();
    for (const char *at = text; at[open ? 1 : 0] != '\0'; at++)
        if (*at == '<' || *at == '\x7f')
            fprintf(to, "\\u%04x", (unsigned)*at);
        else
            fputc(*at, to);
    free(text);
    return SHIM_OK;
}

/* Is the same fault in |list|?  Its remedies may differ from use to use; the first is told. */
static bool is_told(const json_t *list, const smimepolicy_finding *finding)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *told = json_array_get(list, i);

        if (strcmp(json_string_value(json_object_get(told, "rule")),
                   smimepolicy_finding_rule(finding)) == 0 &&
            strcmp(json_string_value(json_object_get(told, "fault")),
                   smimepolicy_finding_get0_fault(finding)) == 0)
            return true;
    }
    return false;
}

static void add_findings(json_t *list, const smimepolicy_verdict *verdict)
{
    const smimepolicy_finding *finding;

    for (size_t i = 0; (finding = smimepolicy_verdict_get0_finding(verdict, i)) != NULL; i++)
        if (!is_told(list, finding))
            json_array_append_new(list, sp_finding_json(finding));
}

/* What the rules say of its uses. */
static json_t *findings_json(const struct shim_entry *entry)
{
    json_t *list = json_array();

    for (int use = 0; use < SP_USE_COUNT; use++)
        if (entry->stored.verdicts[use] != NULL)
            add_findings(list, entry->stored.verdicts[use]);
    return list;
}

/* The fingerprint of the stored ca that has issued it, or null. */
static int issued_by_json(const struct overview *overview, X509 *cert, json_t **found)
{
    STACK_OF(X509) *cas = sk_X509_new_null();
    char *why = NULL;
    X509 *issuer;
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT];
    int code = SHIM_OK;

    *found = json_null();
    if (cas == NULL || !sp_stored_issuers(overview->keyring, cert, cas, &why)) {
        code = shim_keyring_fault(why);
    } else if ((issuer = sp_issuer_among(cas, cert, overview->now)) != NULL &&
               X509_digest(issuer, EVP_sha256(), fingerprint, NULL) == 1) {
        sp_fingerprint_text(fingerprint, text);
        *found = json_string(text);
    }
    sk_X509_pop_free(cas, X509_free);
    return code;
}

static int put_entry(const struct shim_entry *entry, void *data)
{
    struct overview *overview = data;
    char *issuer = sp_name_text(X509_get_issuer_name(entry->cert));
    X509 *cert = sp_record_cert(&entry->record);
    json_t *object = shim_entry_json(entry);
    json_t *issued_by = NULL;
    int code = cert == NULL ? shim_no_memory() : issued_by_json(overview, cert, &issued_by);

    if (code == SHIM_OK) {
        json_object_set_new(object, "issuer", sp_json_text(issuer));
        json_object_set_new(object, "issued_by", issued_by);
        json_object_set_new(object, "findings", findings_json(entry));
        fputs(overview->begun ? "," : "", overview->to);
        overview->begun = true;
        code = put(overview->to, json_incref(object), false);
    }
    X509_free(cert);
    json_decref(object);
    OPENSSL_free(issuer);
    return code;
}

static int put_crl(const struct shim_stored_crl *crl, void *data)
{
    struct overview *overview = data;

    fputs(overview->begun ? "," : "", overview->to);
    overview->begun = true;
    return put(overview->to, shim_stored_crl_json(crl), false);
}

/* What stands before the certificates, with the brace that stays open. */
static int put_head(const struct overview *overview)
{
    struct shim *shim = overview->shim;
    char *at = sp_format_time(overview->now);
    json_t *log =
        shim_log_counts(shim->settings->decision_log, overview->now - (time_t)SHIM_LOG_DAYS * DAY);
    json_t *copy = NULL;
    int code = shim_hub_copy(shim, overview->keyring, overview->now, &copy);

    if (code == SHIM_OK)
        code = put(overview->to,
                   json_pack("{s:s, s:s, s:o, s:O, s:O}", "policy", SMIMEPOLICY_VERSION, "at", at,
                             "keyring", sp_json_text(shim->keyring_path), "copy", copy, "log", log),
                   true);
    json_decref(copy);
    json_decref(log);
    OPENSSL_free(at);
    return code;
}

static int put_object(struct overview *overview)
{
    struct shim *shim = overview->shim;
    int code = put_head(overview);

    fputs(",\"certificates\":[", overview->to);
    if (code == SHIM_OK)
        code = shim_entry_each(shim, overview->keyring, &(struct sp_query){ .index = SP_ALL },
                               overview->now, put_entry, overview);
    fputs("],\"crls\":[", overview->to);
    overview->begun = false;
    if (code == SHIM_OK)
        code = shim_stored_crls_each(shim->keyring_path, overview->keyring, overview->now, put_crl,
                                     overview);
    fputs("]}", overview->to);
    return code;
}

/* The hash by which a content security policy allows a script or a style. */
static void put_hash(FILE *to, const char *directive, const struct sp_piece *file)
{
    const struct sp_piece pieces[] = { *file, { NULL, 0 } };
    unsigned char digest[SP_SHA256_LENGTH] = { 0 };
    unsigned char text[4 * ((SP_SHA256_LENGTH + 2) / 3) + 1];

    (void)sp_sha256(NULL, pieces, digest);
    EVP_EncodeBlock(text, digest, sizeof(digest));
    fprintf(to, "; %s 'sha256-%s'", directive, (const char *)text);
}

static void put_file(FILE *to, const struct sp_piece *file)
{
    fwrite(file->data, 1, file->length, to);
}

static int write_page(FILE *to, void *data)
{
    struct overview *overview = data;
    int code;

    overview->to = to;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'",
          to);
    put_hash(to, "style-src", &shim_page_style);
    put_hash(to, "script-src", &shim_page_script);
    fputs("\">\n<style>", to);
    put_file(to, &shim_page_style);
    fputs("</style>\n", to);
    put_file(to, &shim_page_body);
    fputs("<script type=\"application/json\" id=\"data\">", to);
    code = put_object(overview);
    fputs("</script>\n<script>", to);
    put_file(to, &shim_page_script);
    fputs("</script>\n</html>\n", to);
    return code;
}

int shim_overview_file(struct shim *shim, struct sp_keyring *keyring, time_t now, const char *path)
{
    struct overview overview = { .shim = shim, .keyring = keyring, .now = now };

    if (strcmp(path, "-") == 0)
        return write_page(stdout, &overview);
    return shim_output_stream(path, SHIM_MAIL, write_page, &overview);
}

/*
 * The certificates are written one by one, so that memory does not grow with the keyring.  After a
 * failure what is written is no whole object.
 */
static int report_json(struct shim *shim, struct sp_keyring *keyring)
{
    struct overview overview = {
        .shim = shim, .keyring = keyring, .now = time(NULL), .to = stdout
    };
    int code = put_object(&overview);

    putchar('\n');
    return code;
}

int shim_run_report(struct shim *shim, const struct shim_long *line)
{
    const char *path = shim_long_value(line, "html", 0);
    struct sp_keyring *keyring;
    int code;

    if (*line->operands != NULL)
        return shim_usage("report: %s is not an option", *line->operands);
    if ((path != NULL) == shim_long_has(line, "json"))
        return shim_usage("report: give --html FILE or --json");
    code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);
    if (code != SHIM_OK)
        return code;
    code = path != NULL ? shim_overview_file(shim, keyring, time(NULL), path)
                        : report_json(shim, keyring);
    sp_keyring_close(keyring);
    return code;
}
