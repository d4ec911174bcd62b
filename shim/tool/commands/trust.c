/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy trust: prints what would verify for an address, and through which
 * anchor.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"

struct trusting {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    bool json;
    char *address; /* owned: in lower case */
    time_t now;
    json_t *certificates, *cas; /* owned; NULL without --json */
    bool trusted;               /* something vouches for the address */
    bool headed;                /* the headline of this section was printed */
};

static void headline(struct trusting *trusting, const char *text)
{
    if (!trusting->headed)
        puts(text);
    trusting->headed = true;
}

/* Print what |entry| is and its state, between |before| and |after|. */
static int tell_entry(const struct shim_entry *entry, const char *before, const char *after)
{
    char *line = shim_entry_line(entry);

    if (line != NULL)
        shim_print(stdout, "%s%s: %s%s\n", before, line, sp_stored_state_name(entry->stored.state),
                   after);
    OPENSSL_free(line);
    return line != NULL ? SHIM_OK : shim_no_memory();
}

/* One CA in the chain, as a line or as JSON. */
struct step {
    json_t *steps; /* borrowed; NULL: text */
    bool valid;    /* set to false if it is not valid now */
};

static int tell_step(const struct shim_entry *entry, void *data)
{
    struct step *step = data;

    step->valid = step->valid && entry->stored.state == SP_STORED_USABLE;
    if (step->steps == NULL)
        return tell_entry(entry, "    through ", "");
    json_array_append_new(step->steps, shim_entry_json(entry));
    return SHIM_OK;
}

static int each_step(struct trusting *trusting, const STACK_OF(X509) *chain, struct step *step)
{
    int code = SHIM_OK;

    for (int i = 1; code == SHIM_OK && i < sk_X509_num(chain); i++) {
        unsigned char fingerprint[EVP_MAX_MD_SIZE];
        struct sp_query query = { .index = SP_BY_FINGERPRINT, .hash = fingerprint };

        code = X509_digest(sk_X509_value(chain, i), EVP_sha256(), fingerprint, NULL) == 1
                   ? shim_entry_each(trusting->shim, trusting->keyring, &query, trusting->now,
                                     tell_step, step)
                   : shim_no_memory();
    }
    return code;
}

/* Why no stored CA vouches for it, with the certificate at fault; owned by the caller. */
static char *why_not(const struct shim_chain *chain, const X509 *cert)
{
    const struct shim_chain_error *fault = chain->count == 0 ? NULL : &chain->faults[0];
    char *name;
    char *why;

    if (fault == NULL)
        return sp_format(X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0
                             ? "it has signed itself, and vouches for nobody else"
                             : "its issuer is no CA in the keyring");
    if (fault->at == NULL)
        return sp_format("%s", X509_verify_cert_error_string(fault->error));
    name = sp_name_text(X509_get_subject_name(fault->at));
    why = name == NULL ? NULL
                       : sp_format("%s: %s", name, X509_verify_cert_error_string(fault->error));
    OPENSSL_free(name);
    return why;
}

/* Print the chain of |entry|; |*through| is set if every CA in it is valid. */
static int tell_path(struct trusting *trusting, const struct shim_entry *entry, json_t *object,
                     bool *through)
{
    struct step step = { .steps = object == NULL ? NULL : json_array() };
    struct shim_chain chain = { 0 };
    char *why = NULL;
    X509 *cert = sp_record_cert(&entry->record);
    int code =
        cert == NULL ? shim_no_memory() : shim_keyring_chain(trusting->keyring, cert, NULL, &chain);

    step.valid = chain.certs != NULL;
    if (code == SHIM_OK)
        code = each_step(trusting, chain.certs, &step);
    if (object != NULL) {
        json_object_set_new(object, "chain", step.steps);
    } else if (code == SHIM_OK && chain.certs == NULL) {
        why = why_not(&chain, cert);
        if (why != NULL)
            shim_print(stdout, "    through no CA: %s\n", why);
        else
            code = shim_no_memory();
    }
    *through = step.valid;
    OPENSSL_free(why);
    shim_chain_clear(&chain);
    X509_free(cert);
    return code;
}

/*
 * Does a certificate of the address vouch for its own signatures?  The answer comes
 * from the function that `verify` uses.
 */
static int is_anchor(const struct shim_entry *entry, bool *anchor)
{
    const struct sp_standing standing = { entry->record.role, entry->record.origin };
    /* parsed with its key, which that of |entry| may lack */
    X509 *cert = sp_record_cert(&entry->record);
    STACK_OF(X509) *own = sk_X509_new_null();
    X509_STORE *store = NULL;
    struct shim_chain chain = { 0 };

    if (cert != NULL && own != NULL && sk_X509_push(own, cert) > 0)
        store = shim_store_of(own);
    shim_chain_to_itself(&chain, store, cert, NULL);
    *anchor = sp_vouches_for_itself(standing) && chain.certs != NULL &&
              (entry->stored.uses & 1U << SMIMEPOLICY_VERIFY) != 0;
    shim_chain_clear(&chain);
    sk_X509_free(own);
    X509_free(cert);
    if (store == NULL)
        return shim_no_memory();
    X509_STORE_free(store);
    return SHIM_OK;
}

/* What the certificate itself is good for, without the CAs that issued it. */
static const char *as_anchor(const struct shim_entry *entry, bool anchor)
{
    if (!anchor && !sp_origin_is_by_hand(entry->record.origin))
        return ", no anchor: it was not uploaded";
    if (!anchor)
        return ", verifies nothing";
    return entry->stored.state == SP_STORED_EXPIRED
               ? ", an anchor for its own addresses, for what was signed before"
               : ", an anchor for its own addresses";
}

/* A stored certificate of a person vouches for its own addresses, and this address is one. */
static int trust_own(const struct shim_entry *entry, void *data)
{
    struct trusting *trusting = data;
    json_t *object = trusting->json ? shim_entry_json(entry) : NULL;
    bool anchor = false;
    bool through = false;
    int code = is_anchor(entry, &anchor);

    if (trusting->json && object == NULL)
        return shim_no_memory();
    if (code == SHIM_OK && !trusting->json) {
        headline(trusting, "certificates of the address:");
        code = tell_entry(entry, "  ", as_anchor(entry, anchor));
        shim_findings_print(entry->stored.verdicts[SMIMEPOLICY_VERIFY]);
    }
    if (code == SHIM_OK)
        code = tell_path(trusting, entry, object, &through);
    trusting->trusted = trusting->trusted || (anchor && entry->stored.state == SP_STORED_USABLE);
    if (object != NULL) {
        json_object_set_new(object, "anchor", json_boolean(anchor));
        json_object_set_new(object, "chain_valid", json_boolean(through));
        json_object_set_new(object, "verdict",
                            sp_verdict_json(entry->stored.verdicts[SMIMEPOLICY_VERIFY]));
        json_array_append_new(trusting->certificates, object);
    }
    return code;
}

static int tell_ca(struct trusting *trusting, const struct shim_entry *entry, const char *limit)
{
    char *until = shim_moment_text(X509_get0_notAfter(entry->cert));
    char *after = until == NULL ? NULL
                                : sp_format("%s%s, until %s", limit != NULL ? ", but " : "",
                                            limit != NULL ? limit : "", until);
    int code;

    headline(trusting, "certificates that are issued for the address are vouched for by:");
    code = after == NULL ? shim_no_memory() : tell_entry(entry, "  ", after);
    OPENSSL_free(until);
    OPENSSL_free(after);
    return code;
}

static int trust_ca(const struct shim_entry *entry, void *data)
{
    struct trusting *trusting = data;
    const char *limit = sp_issuer_limit(entry->cert, trusting->address);
    bool vouches = limit == NULL && entry->stored.vouches;
    json_t *object;

    trusting->trusted = trusting->trusted || vouches;
    if (!trusting->json)
        return tell_ca(trusting, entry, limit);
    object = shim_entry_json(entry);
    json_object_set_new(object, "vouches_for_address", json_boolean(vouches));
    json_array_append_new(trusting->cas, object);
    return SHIM_OK;
}

static int trust_all(struct trusting *trusting)
{
    const struct sp_query own = { .index = SP_BY_ADDRESS,
                                  .text = trusting->address,
                                  .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) |
                                           SP_ROLE_BIT(SP_ROLE_CONTACT) };
    const struct sp_query cas = { .index = SP_ALL,
                                  .roles = SP_ROLE_BIT(SP_ROLE_CA),
                                  .by_hand = true };
    int code = shim_entry_each(trusting->shim, trusting->keyring, &own, trusting->now, trust_own,
                               trusting);

    trusting->headed = false;
    if (code == SHIM_OK)
        code = shim_entry_each(trusting->shim, trusting->keyring, &cas, trusting->now, trust_ca,
                               trusting);
    return code;
}

/* Print that nobody vouches. */
static int tell_nobody(const struct trusting *trusting)
{
    smimepolicy_verdict *verdict = sp_refuse_untrusted(trusting->address);
    char *text = verdict == NULL ? NULL : smimepolicy_verdict_text(verdict);

    if (text != NULL)
        fputs(text, stdout);
    smimepolicy_free(text);
    smimepolicy_verdict_free(verdict);
    return text != NULL ? SHIM_REFUSED : shim_no_memory();
}

static int finish(struct trusting *trusting)
{
    const int code = trusting->trusted ? SHIM_OK : SHIM_REFUSED;

    if (trusting->json)
        return shim_json_report(json_pack("{s:s, s:s, s:b, s:O, s:O}", "policy",
                                          SMIMEPOLICY_VERSION, "address", trusting->address,
                                          "trusted", trusting->trusted, "certificates",
                                          trusting->certificates, "cas", trusting->cas),
                                NULL, code);
    return trusting->trusted ? SHIM_OK : tell_nobody(trusting);
}

int shim_run_trust(struct shim *shim, const struct shim_long *line)
{
    struct trusting trusting = { .shim = shim,
                                 .now = time(NULL),
                                 .json = shim_long_has(line, "json") };
    int code;

    if (line->operands[0] == NULL || line->operands[1] != NULL)
        return shim_usage("trust: takes one address");
    trusting.address = shim_address_folded(line->operands[0]);
    code = trusting.address == NULL ? SHIM_USAGE
                                    : shim_keyring_open(shim, SP_KEYRING_READ, &trusting.keyring);
    if (code == SHIM_OK && trusting.json) {
        trusting.certificates = json_array();
        trusting.cas = json_array();
    }
    if (code == SHIM_OK)
        code = trust_all(&trusting);
    if (code == SHIM_OK)
        code = finish(&trusting);
    json_decref(trusting.certificates);
    json_decref(trusting.cas);
    sp_keyring_close(trusting.keyring);
    OPENSSL_free(trusting.address);
    return code;
}
