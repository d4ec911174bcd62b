/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows go by COPY in binary form, as docs/develop/hub.md says: a row that is sent is not asked
 * about, so a million of them need one answer.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "rules/rules.h"
#include "tool/hub/publish.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_entry.h"

/* Rows are sent when they are so many bytes. */
#define PIECE ((size_t)1 << 16)
/* One row of smime_policy.crl_piece. */
#define LONGEST_PIECE ((size_t)1 << 20)

static void add_number(struct sp_text *text, int64_t number, size_t length)
{
    unsigned char bytes[8];

    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> (8 * (length - 1 - i)));
    sp_text_add_bytes(text, (const char *)bytes, length);
}

static void add_bytes(struct sp_text *text, const void *bytes, size_t length)
{
    add_number(text, bytes == NULL ? -1 : (int64_t)length, 4);
    if (bytes != NULL)
        sp_text_add_bytes(text, bytes, length);
}

static void add_string(struct sp_text *text, const char *string)
{
    add_bytes(text, string, string == NULL ? 0 : strlen(string));
}

static void add_value(struct sp_text *text, int64_t number, size_t length)
{
    add_number(text, number < 0 ? -1 : (int64_t)length, 4);
    if (number >= 0)
        add_number(text, number, length);
}

static bool send_rows(struct shim_publish *publish)
{
    static const char copy[] =
        "COPY smime_policy.incoming (what, name, base, payload, role, origin, uploaded, addresses,"
        " narrowed, key_of, uri, content, pieces) FROM STDIN (FORMAT binary)";
    struct sp_text *text = &publish->text;
    bool done;

    if (text->failed)
        return shim_no_memory() == SHIM_OK;
    /* The signature, no flags, no extension. */
    if (!publish->copies &&
        (!shim_hub_run(publish->hub, copy) ||
         !shim_hub_copy_put(publish->hub, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19)))
        return false;
    publish->copies = true;
    done = text->len == 0 || shim_hub_copy_put(publish->hub, text->data, text->len);
    text->len = 0;
    return done;
}

/*
 * The server plans for a realm by what its statistics say, and these know nothing of one that has
 * just begun: each row would be compared with each other one, which ends with some thousands of
 * them.  A generic plan is made for a realm of average size, and goes by the indexes.
 */
bool shim_publish_begin(struct shim_publish *publish, struct shim_hub *hub)
{
    *publish = (struct shim_publish){ .hub = hub };
    return shim_hub_run(hub, "BEGIN; SET LOCAL statement_timeout = '1h';"
                             " SET LOCAL plan_cache_mode = force_generic_plan");
}

/* One piece.  COPY does not go with row filters, so it is an INSERT. */
static bool send_piece(struct shim_hub *hub, const char *pieces, size_t number,
                       const unsigned char *bytes, size_t length)
{
    static const char insert[] = "INSERT INTO smime_policy.crl_piece (realm, pieces, number, bytes)"
                                 " VALUES ($1, decode($2, 'hex'), $3::integer, decode($4, 'hex'))";
    const size_t room = 2 * length + 1;
    char *digits = OPENSSL_malloc(room);
    char *place = sp_format("%zu", number);
    const char *const values[] = { hub->realm, pieces, place, digits, NULL };
    bool done = digits != NULL && place != NULL &&
                OPENSSL_buf2hexstr_ex(digits, room, NULL, bytes, length, '\0') == 1;

    if (done)
        done = shim_hub_run_with(hub, insert, values);
    else
        (void)shim_no_memory();
    OPENSSL_free(digits);
    OPENSSL_free(place);
    return done;
}

bool shim_publish_pieces(struct shim_publish *publish, const unsigned char pieces[SHIM_PIECES],
                         const unsigned char *der, size_t length)
{
    char digits[2 * SHIM_PIECES + 1];
    bool done = OPENSSL_buf2hexstr_ex(digits, sizeof(digits), NULL, pieces, SHIM_PIECES, '\0') == 1;

    for (size_t at = 0; done && at < length; at += LONGEST_PIECE)
        done = send_piece(publish->hub, digits, at / LONGEST_PIECE, der + at,
                          length - at < LONGEST_PIECE ? length - at : LONGEST_PIECE);
    return done;
}

bool shim_publish_row(struct shim_publish *publish, const struct shim_publish_row *row)
{
    struct sp_text *text = &publish->text;

    add_number(text, 13, 2);
    add_string(text, row->what);
    add_bytes(text, row->name, SP_SHA256_LENGTH);
    add_bytes(text, row->base, SP_SHA256_LENGTH);
    add_bytes(text, row->bytes, row->length);
    add_value(text, row->role, 2);
    add_value(text, row->origin, 2);
    add_value(text, row->uploaded, 8);
    add_string(text, row->addresses);
    add_value(text, row->narrowed, 1);
    add_bytes(text, row->key_of, SP_SHA256_LENGTH);
    add_string(text, row->uri);
    add_bytes(text, row->content, SP_SHA256_LENGTH);
    add_bytes(text, row->pieces, SHIM_PIECES);
    publish->rows++;
    return text->len < PIECE ? !text->failed || shim_no_memory() == SHIM_OK : send_rows(publish);
}

static bool publish_all(struct shim_hub *hub, int64_t *revision)
{
    const char *const realm[] = { hub->realm, NULL };
    PGresult *rows = shim_hub_ask(hub, "SELECT smime_policy.publish($1)", realm);
    bool done = rows != NULL && hub->pq->ntuples(rows) == 1;

    if (done)
        *revision = shim_hub_number(hub, rows, 0, 0);
    hub->pq->clear(rows);
    return done;
}

bool shim_publish_end(struct shim_publish *publish, int64_t *revision)
{
    struct shim_hub *hub = publish->hub;
    const int patience = hub->patience;
    bool done;

    *revision = 0;
    if (publish->rows == 0)
        return shim_hub_run(hub, "ROLLBACK");
    add_number(&publish->text, -1, 2);
    if (!send_rows(publish) || !shim_hub_copy_end(hub))
        return false;
    /* The hub works for a while on many rows. */
    hub->patience += (int)(publish->rows < 2000000 ? publish->rows : 2000000);
    done = publish_all(hub, revision);
    if (done) {
        done = shim_hub_run(hub, "COMMIT");
        hub->unsure = !done;
    }
    hub->patience = patience;
    return done;
}

void shim_publish_clear(struct shim_publish *publish)
{
    OPENSSL_free(sp_text_take(&publish->text));
}

bool shim_publish_sum(const struct shim_publish_row *row, unsigned char sum[SP_SHA256_LENGTH])
{
    unsigned char inner[SP_SHA256_LENGTH];
    struct sp_text text = { 0 };
    bool done = EVP_Digest(row->bytes, row->length, inner, NULL, EVP_sha256(), NULL) == 1;

    sp_text_add_bytes(&text, (const char *)inner, sizeof(inner));
    add_number(&text, row->role, 2);
    add_number(&text, row->origin, 2);
    add_number(&text, row->uploaded, 8);
    add_number(&text, row->narrowed, 1);
    sp_text_add(&text, row->addresses);
    done =
        done && !text.failed && EVP_Digest(text.data, text.len, sum, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(text.data);
    return done;
}

static char *addresses_of(const struct sp_record *record)
{
    X509 *cert = sp_record_cert_without_key(record);
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    char *addresses = facts == NULL ? NULL : shim_addresses_text(facts);

    sp_facts_free(facts);
    X509_free(cert);
    return addresses;
}

/* Does the hub know enough of it?  What no person put there changes nothing that it has. */
static bool is_known(const struct sp_member *member, const struct sp_record *record)
{
    if (!sp_origin_is_by_hand(record->origin))
        return true;
    return member->there.role == record->role && sp_origin_is_by_hand(member->there.origin);
}

bool shim_publish_cert(struct shim_publish *publish, struct sp_keyring *keyring,
                       const struct sp_record *record, const struct sp_facts *facts,
                       const char *found_by, bool *same)
{
    struct sp_member member;
    int known = sp_keyring_member(keyring, record->fingerprint, &member);
    char *all = NULL;
    bool done = known >= 0;

    *same = known == 1 && is_known(&member, record);
    if (known < 0)
        (void)shim_keyring_failed(keyring);
    else if (!*same && found_by == NULL) {
        all = facts != NULL ? shim_addresses_text(facts) : addresses_of(record);
        done = all != NULL || shim_no_memory() == SHIM_OK;
    }
    if (done && !*same)
        done = shim_publish_row(
            publish, &(struct shim_publish_row){ .what = "certificate",
                                                 .name = record->fingerprint,
                                                 .base = known == 1 ? member.sum : NULL,
                                                 .bytes = record->der,
                                                 .length = record->der_length,
                                                 .role = (int)record->role,
                                                 .origin = (int)record->origin,
                                                 .uploaded = record->uploaded,
                                                 .addresses = found_by != NULL ? found_by : all,
                                                 .narrowed = found_by != NULL });
    OPENSSL_free(all);
    return done;
}

bool shim_publish_key(struct shim_publish *publish, const unsigned char *id,
                      const struct sp_private_key *key)
{
    char digits[SP_FINGERPRINT_TEXT];

    if (key->uri == NULL && !key->encrypted) {
        sp_fingerprint_text(id, digits);
        shim_error("the private key %.16s has no passphrase, and no hub takes such a key; give it "
                   "one ('smime-policy keyring passphrase'), or use a login without the role "
                   "smime_policy_keys",
                   digits);
        return false;
    }
    return shim_publish_row(publish, &(struct shim_publish_row){ .what = "key",
                                                                 .name = id,
                                                                 .bytes = key->pkcs8,
                                                                 .length = key->length,
                                                                 .role = -1,
                                                                 .origin = -1,
                                                                 .uploaded = -1,
                                                                 .narrowed = -1,
                                                                 .uri = key->uri });
}
