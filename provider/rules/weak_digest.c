/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The digest of a signature: the certificate's own, or the message's.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "rules/case.h"

static bool is_weak(int digest)
{
    switch (digest) {
    case NID_md2:
    case NID_md4:
    case NID_md5:
    case NID_sha1:
    case NID_md5_sha1:
        return true;
    default:
        return false;
    }
}

void sp_ask_weak_digest(struct sp_case *c)
{
    int digest = c->facts->digest;

    if (!is_weak(digest))
        return;
    sp_verdict_add(c->verdict, SP_RULE_WEAK_DIGEST, c->settings->beyond[SP_WEAK_DIGEST],
                   (struct sp_finding_text){
                       sp_format("certificate is signed with %s", OBJ_nid2sn(digest)),
                       sp_format("%s", OBJ_nid2sn(digest)), sp_format("SHA-256 or better"),
                       sp_remedy(c, "a certificate with a stronger signature") });
}

/*
 * The first names that the default provider gives to what mail is signed with.
 * EVP_get_digestbyname() tries every other name of the digest first.
 */
static const struct {
    const char *name;
    int nid;
} usual[] = { { "SHA2-256", NID_sha256 }, { "SHA2-384", NID_sha384 }, { "SHA2-512", NID_sha512 } };

int sp_digest_find(const char *name)
{
    const EVP_MD *known;

    if (name == NULL)
        return NID_undef;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (strcmp(name, usual[i].name) == 0)
            return usual[i].nid;
    known = EVP_get_digestbyname(name);
    return known == NULL ? NID_undef : EVP_MD_get_type(known);
}

bool sp_digest_asks(int digest, const smimepolicy_settings *settings)
{
    return is_weak(digest) && settings->beyond[SP_WEAK_DIGEST] != SMIMEPOLICY_IGNORE;
}

smimepolicy_verdict *sp_judge_digest(int digest, const struct sp_facts *signer, smimepolicy_use use,
                                     const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(signer, use);
    bool signs = use == SMIMEPOLICY_SIGN;

    if (verdict == NULL || !is_weak(digest))
        return verdict;
    sp_verdict_add(
        verdict, SP_RULE_WEAK_DIGEST, settings->beyond[SP_WEAK_DIGEST],
        (struct sp_finding_text){
            sp_format("message %s signed with %s", signs ? "would be" : "is", OBJ_nid2sn(digest)),
            sp_format("%s", OBJ_nid2sn(digest)), sp_format("SHA-256 or better"),
            sp_format(signs ? "sign with SHA-256 (-md sha256)"
                            : "ask the sender to sign with SHA-256") });
    return sp_verdict_finish(verdict);
}

smimepolicy_verdict *sp_judge_crl_digest(int digest, const struct sp_facts *issuer,
                                         const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = sp_verdict_new(issuer, SMIMEPOLICY_UPLOAD);

    if (verdict == NULL || !is_weak(digest))
        return verdict;
    sp_verdict_add(verdict, SP_RULE_WEAK_DIGEST, settings->beyond[SP_WEAK_DIGEST],
                   (struct sp_finding_text){
                       sp_format("CRL is signed with %s", OBJ_nid2sn(digest)),
                       sp_format("%s", OBJ_nid2sn(digest)), sp_format("SHA-256 or better"),
                       sp_format("ask the issuer for a CRL with a stronger signature") });
    return sp_verdict_finish(verdict);
}
