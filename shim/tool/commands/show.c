/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy show: prints everything about certificates of the keyring.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "tool/commands/commands.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/check/checking.h"
#include "tool/crls/stored_crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

struct showing {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    bool json, pem;
    bool again; /* it is not the first certificate */
};

/* The extension |nid| as OpenSSL prints it, for people only; owned by the caller. */
static char *extension_text(const X509 *cert, int nid)
{
    int place = X509_get_ext_by_NID(cert, nid, -1);
    BIO *bio = place < 0 ? NULL : BIO_new(BIO_s_mem());
    char *data;
    char *text = NULL;

    if (place < 0)
        return OPENSSL_strdup("none");
    if (bio != NULL && X509V3_EXT_print(bio, X509_get_ext(cert, place), 0, 0) == 1) {
        long length = BIO_get_mem_data(bio, &data);

        text = sp_escape(data, length > 0 ? (size_t)length : 0);
    }
    BIO_free(bio);
    return text != NULL ? text : OPENSSL_strdup("(cannot be read)");
}

/* Print a line with |value|, which is taken over. */
static void detail(const char *name, char *value)
{
    shim_print(stdout, "  %s: %s\n", name, value == NULL ? "?" : value);
    OPENSSL_free(value);
}

static char *state_text(const struct shim_entry *entry)
{
    char *uses = shim_entry_uses(entry);
    char *text = NULL;

    if (uses != NULL)
        text = sp_format("%s (%s)", sp_stored_state_name(entry->stored.state),
                         uses[0] == '\0' ? "may be used for nothing" : uses);
    OPENSSL_free(uses);
    return text;
}

static char *validity_text(const struct shim_entry *entry)
{
    char *from = shim_moment_text(X509_get0_notBefore(entry->cert));
    char *to = shim_moment_text(X509_get0_notAfter(entry->cert));
    char *text = from == NULL || to == NULL ? NULL : sp_format("%s to %s", from, to);

    OPENSSL_free(from);
    OPENSSL_free(to);
    return text;
}

/* The state of the private key: "none", "encrypted", …; NULL if it cannot be found out. */
static char *key_text(const struct showing *showing, const struct shim_entry *entry)
{
    struct sp_private_key key;
    char *text = NULL;
    int found;

    if (!shim_keys_readable(showing->shim))
        return OPENSSL_strdup("its owner alone can see that");
    found = shim_stored_key(showing->keyring, &entry->record, &key);
    if (found == 0)
        return OPENSSL_strdup("none");
    if (found == 1 && key.uri != NULL) {
        char *uri = shim_key_uri(&key);

        text = uri == NULL ? NULL : sp_format("at %s", uri);
        OPENSSL_free(uri);
    } else if (found == 1) {
        text = OPENSSL_strdup(key.encrypted ? "encrypted" : "plain (without a passphrase)");
    }
    sp_private_key_clear(&key);
    return text;
}

static const char *use_name(const struct shim_entry *entry, int use)
{
    return entry->record.role == SP_ROLE_CA && use == SMIMEPOLICY_VERIFY
               ? "vouch"
               : smimepolicy_use_name((smimepolicy_use)use);
}

static char *addresses_text(const struct shim_entry *entry)
{
    return sp_facts_address(entry->facts, 0) == NULL ? OPENSSL_strdup("none")
                                                     : shim_entry_addresses(entry);
}

/* The CRLs that the key of a CA has signed, printed or in |list|. */
struct signed_crls {
    const struct shim_entry *entry; /* borrowed */
    json_t *list;                   /* borrowed; NULL: they are printed */
};

static int show_crl(const struct shim_stored_crl *crl, void *data)
{
    const struct signed_crls *crls = data;
    char *next, *scope;

    if (memcmp(crl->file->key, crls->entry->record.key, SP_SHA256_LENGTH) != 0 ||
        crl->state == SHIM_CRL_DAMAGED)
        return SHIM_OK;
    if (crls->list != NULL)
        return json_array_append_new(crls->list, shim_stored_crl_json(crl)) == 0 ? SHIM_OK
                                                                                 : shim_no_memory();
    next = sp_format_time((time_t)crl->file->about.next_update);
    scope = shim_stored_crl_scope(crl);
    if (next != NULL && scope != NULL)
        shim_print(stdout, "  crl: %s, %llu revoked, the next one is due on %s, covers %s\n",
                   shim_crl_state_name(crl), (unsigned long long)crl->file->count, next, scope);
    OPENSSL_free(next);
    OPENSSL_free(scope);
    return next != NULL && scope != NULL ? SHIM_OK : shim_no_memory();
}

static int show_crls(const struct showing *showing, const struct shim_entry *entry, json_t *list)
{
    struct signed_crls crls = { entry, list };

    if (!sp_facts_is_ca(entry->facts))
        return SHIM_OK;
    return shim_stored_crls_each(showing->shim->keyring_path, showing->keyring, time(NULL),
                                 show_crl, &crls);
}

static int show_text(struct showing *showing, const struct shim_entry *entry)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *found_by = NULL;
    char *key = key_text(showing, entry);

    if (key == NULL || !shim_entry_found_by(showing->keyring, entry, &found_by)) {
        OPENSSL_free(key);
        return SHIM_SYSTEM;
    }
    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    if (showing->again)
        fputc('\n', stdout);
    shim_print(stdout, "%s %s\n", sp_role_name(entry->record.role), fingerprint);
    shim_print(stdout, "  subject: %s\n", shim_entry_subject(entry));
    detail("issuer", sp_name_text(X509_get_issuer_name(entry->cert)));
    detail("serial", shim_entry_serial(entry));
    detail("addresses", addresses_text(entry));
    detail("valid", validity_text(entry));
    detail("key usage", extension_text(entry->cert, NID_key_usage));
    detail("extended key usage", extension_text(entry->cert, NID_ext_key_usage));
    detail("state", state_text(entry));
    detail(shim_entry_origin(entry), sp_format_time(entry->record.uploaded));
    if (found_by != NULL)
        detail("found by", found_by);
    detail("private key", key);
    if (show_crls(showing, entry, NULL) != SHIM_OK)
        return SHIM_SYSTEM;
    for (int use = 0; use < SP_USE_COUNT; use++)
        if (entry->stored.verdicts[use] != NULL)
            shim_report_verdict(entry->stored.verdicts[use], use_name(entry, use));
    return showing->pem && !shim_pem_write_cert(stdout, entry) ? shim_no_memory() : SHIM_OK;
}

static json_t *json_taken(char *text)
{
    json_t *string = text == NULL ? NULL : sp_json_text(text);

    OPENSSL_free(text);
    return string;
}

static json_t *json_verdicts(const struct shim_entry *entry)
{
    json_t *list = json_array();

    for (int use = 0; use < SP_USE_COUNT; use++)
        if (entry->stored.verdicts[use] != NULL)
            json_array_append_new(list, sp_verdict_json(entry->stored.verdicts[use]));
    return list;
}

static bool add_key(const struct showing *showing, const struct shim_entry *entry, json_t *object)
{
    struct sp_private_key key;
    int found = 0;

    if (!shim_keys_readable(showing->shim))
        return json_object_set_new(object, "private_key", json_null()) == 0;
    found = shim_stored_key(showing->keyring, &entry->record, &key);
    if (found == 1 && key.uri != NULL)
        json_object_set_new(object, "private_key_uri", json_taken(shim_key_uri(&key)));
    json_object_set_new(object, "private_key",
                        json_string(found == 1 ? shim_key_kind(&key) : "none"));
    sp_private_key_clear(&key);
    return found >= 0;
}

static int show_json(struct showing *showing, const struct shim_entry *entry)
{
    json_t *object = shim_entry_json(entry);

    if (object == NULL)
        return shim_no_memory();
    json_object_set_new(object, "issuer",
                        json_taken(sp_name_text(X509_get_issuer_name(entry->cert))));
    json_object_set_new(object, "key_usage",
                        json_taken(extension_text(entry->cert, NID_key_usage)));
    json_object_set_new(object, "extended_key_usage",
                        json_taken(extension_text(entry->cert, NID_ext_key_usage)));
    json_object_set_new(object, "verdicts", json_verdicts(entry));
    if (showing->pem)
        json_object_set_new(object, "pem", json_taken(shim_pem_text(entry)));
    json_object_set_new(object, "crls", json_array());
    if (show_crls(showing, entry, json_object_get(object, "crls")) == SHIM_OK &&
        add_key(showing, entry, object))
        return shim_json_line(object);
    json_decref(object);
    return SHIM_SYSTEM;
}

static int show_one(const struct shim_entry *entry, void *data)
{
    struct showing *showing = data;
    int code = showing->json ? show_json(showing, entry) : show_text(showing, entry);

    showing->again = true;
    return code;
}

static int show_all(struct showing *showing, char **words)
{
    struct shim_picks picks = { 0 };
    int code = shim_keyring_open(showing->shim, SP_KEYRING_READ, &showing->keyring);

    if (code == SHIM_OK)
        code = shim_pick_all(showing->shim, showing->keyring, words, &picks);
    if (code == SHIM_OK)
        code =
            shim_picks_each(showing->shim, showing->keyring, &picks, time(NULL), show_one, showing);
    shim_picks_clear(&picks);
    sp_keyring_close(showing->keyring);
    return code;
}

int shim_run_show(struct shim *shim, const struct shim_long *line)
{
    struct showing showing = { .shim = shim,
                               .json = shim_long_has(line, "json"),
                               .pem = shim_long_has(line, "pem") };
    int code;

    if (*line->operands == NULL)
        return shim_usage("show: no certificate named; give an address or a fingerprint");
    code = show_all(&showing, line->operands);
    if (code == SHIM_OK && !showing.json)
        shim_hub_tell_contact(shim);
    return code;
}
