/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/judge/judge.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"

void shim_signers_tell(const struct shim_incoming *incoming)
{
    for (size_t i = 0; i < incoming->count; i++) {
        const struct shim_signature *signature = &incoming->signatures[i];
        char *through = sp_through_text(signature->chain.certs);
        char *text =
            through == NULL ? NULL : sp_verified_text(signature->facts, &signature->time, through);

        if (text != NULL)
            shim_print(stderr, "%s\n", text);
        OPENSSL_free(text);
        OPENSSL_free(through);
    }
}

/*
 * Open what was signed, if it is apart from the signatures; NULL: it is in the
 * message, or not known.
 */
static BIO *open_content(const struct shim_incoming *incoming, const struct shim_args *args)
{
    const char *named = shim_args_value(args, "content");

    if (incoming->content != NULL) {
        rewind(incoming->content);
        return BIO_new_fp(incoming->content, BIO_NOCLOSE);
    }
    return named == NULL ? NULL : BIO_new_file(named, "rb");
}

static bool read_to_the_end(BIO *bio)
{
    char block[16384];
    int got;

    do
        got = BIO_read(bio, block, sizeof(block));
    while (got > 0);
    return got == 0;
}

static bool fits(CMS_SignerInfo *info, BIO *digests)
{
    return (CMS_signed_get_attr_count(info) < 0 || CMS_SignerInfo_verify(info) == 1) &&
           CMS_SignerInfo_verify_content(info, digests) == 1;
}

void shim_signers_test(struct shim_incoming *incoming, const struct shim_args *args)
{
    CMS_ContentInfo *cms = incoming->cms;
    STACK_OF(CMS_SignerInfo) *infos = cms == NULL ? NULL : CMS_get0_SignerInfos(cms);
    BIO *content = incoming->count == 0 ? NULL : open_content(incoming, args);
    BIO *digests = incoming->count == 0 ? NULL : CMS_dataInit(cms, content);

    if (digests != NULL && read_to_the_end(digests))
        for (int i = 0; i < (int)incoming->count && i < sk_CMS_SignerInfo_num(infos); i++) {
            struct shim_signature *signature = &incoming->signatures[i];

            signature->tested = true;
            signature->fits = fits(sk_CMS_SignerInfo_value(infos, i), digests);
        }
    /* Free the filters before |content|, which is freed by itself. */
    while (digests != NULL && digests != content) {
        BIO *next = BIO_pop(digests);

        BIO_free(digests);
        digests = next;
    }
    BIO_free(content);
    ERR_clear_error();
}

/* The result of one of several signatures. */
static const char *state_of(const struct shim_signature *signature)
{
    if (signature->refused)
        return signature->tested && !signature->fits
                   ? "refused, and its signature does not fit the message"
                   : "refused";
    if (!signature->tested)
        return "was not verified";
    return signature->fits ? "passed" : "its signature does not fit the message";
}

void shim_signers_tell_failed(const struct shim_incoming *incoming)
{
    for (size_t i = 0; incoming->count > 1 && i < incoming->count; i++) {
        char *name = sp_signer_text(incoming->signatures[i].facts);

        if (name != NULL)
            shim_error("signer %zu of %zu, %s: %s", i + 1, incoming->count, name,
                       state_of(&incoming->signatures[i]));
        OPENSSL_free(name);
    }
}

static json_t *anchor_json(const STACK_OF(X509) *chain)
{
    X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *name;
    json_t *object = NULL;

    if (anchor == NULL || X509_digest(anchor, EVP_sha256(), digest, NULL) != 1)
        return json_null();
    sp_fingerprint_text(digest, fingerprint);
    name = sp_name_text(X509_get_subject_name(anchor));
    if (name != NULL)
        object = json_pack("{s:o, s:s, s:b}", "subject", sp_json_text(name), "fingerprint",
                           fingerprint, "own", sk_X509_num(chain) == 1);
    OPENSSL_free(name);
    return object;
}

static json_t *passed_json(const struct shim_signature *signature, bool done)
{
    if (done)
        return json_true();
    if (signature->refused || (signature->tested && !signature->fits))
        return json_false();
    return signature->tested ? json_true() : json_null();
}

static json_t *signer_json(const struct shim_signature *signature, bool done)
{
    const char *address = sp_facts_address(signature->facts, 0);
    char *when = signature->time.state == SP_TIME_READ ? sp_format_time(signature->time.at) : NULL;
    json_t *object =
        json_pack("{s:s?, s:s, s:s, s:s?, s:o, s:o, s:o}", "address", address, "subject",
                  sp_facts_subject(signature->facts), "serial", sp_facts_serial(signature->facts),
                  "signed", when, "passed", passed_json(signature, done), "fits",
                  signature->tested || done ? json_boolean(done || signature->fits) : json_null(),
                  "anchor", anchor_json(signature->chain.certs));

    OPENSSL_free(when);
    if (object != NULL && signature->why != NULL)
        json_object_set_new(object, "why", sp_json_text(signature->why));
    return object;
}

json_t *shim_signers_json(const struct shim_incoming *incoming, bool done)
{
    json_t *list = json_array();

    for (size_t i = 0; i < incoming->count; i++)
        json_array_append_new(list, signer_json(&incoming->signatures[i], done));
    for (size_t i = 0; i < incoming->left_out_count; i++)
        json_array_append_new(list, signer_json(&incoming->left_out[i], false));
    return list;
}
