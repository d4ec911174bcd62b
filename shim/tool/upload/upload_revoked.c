/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of an upload that a CRL of the same upload revokes.  Each certificate is judged
 * when it is read, and by the CRLs that are stored then.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "revocation/asked.h"
#include "tool/crls/crls.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

static bool says_revoked(const smimepolicy_verdict *verdict)
{
    const smimepolicy_finding *finding;

    for (size_t i = 0; (finding = smimepolicy_verdict_get0_finding(verdict, i)) != NULL; i++)
        if (strcmp(smimepolicy_finding_rule(finding), "revoked") == 0)
            return true;
    return false;
}

static bool is_told(const struct shim_uploading *run, const unsigned char *fingerprint)
{
    for (size_t i = 0; i < run->told_count; i++)
        if (memcmp(run->told + i * SP_SHA256_LENGTH, fingerprint, SP_SHA256_LENGTH) == 0)
            return true;
    return false;
}

bool shim_uploading_note_revoked(struct shim_uploading *run, const X509 *cert,
                                 const smimepolicy_verdict *verdict)
{
    unsigned char *more;

    if (verdict == NULL || !says_revoked(verdict))
        return true;
    more = OPENSSL_realloc(run->told, (run->told_count + 1) * SP_SHA256_LENGTH);
    if (more == NULL)
        return shim_uploading_no_memory(run);
    run->told = more;
    more += run->told_count * SP_SHA256_LENGTH;
    if (X509_digest(cert, EVP_sha256(), more, NULL) != 1)
        return shim_uploading_no_memory(run);
    run->told_count++;
    return true;
}

/* Report that |cert| is revoked, unless it was reported before. */
static bool tell(struct shim_uploading *run, const X509 *cert, const unsigned char *fingerprint)
{
    struct sp_facts *facts = is_told(run, fingerprint) ? NULL : sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    smimepolicy_verdict *verdict;

    if (facts == NULL)
        return is_told(run, fingerprint) || shim_uploading_no_memory(run);
    verdict = sp_revocation_judge(shim_crls(run->shim), &asked, SMIMEPOLICY_UPLOAD, run->now, NULL,
                                  run->settings);
    sp_facts_free(facts);
    if (verdict != NULL && !says_revoked(verdict)) {
        smimepolicy_verdict_free(verdict);
        return true;
    }
    shim_uploading_at(run, NULL, 0);
    return shim_uploading_judged(run, verdict);
}

int shim_uploading_tell_revoked(struct shim_uploading *run)
{
    struct shim_records records = { .cursor = sp_upload_all(run->upload) };
    bool done = true;

    while (done && shim_records_next(&records)) {
        X509 *cert = sp_record_cert(&records.record);

        done = cert != NULL ? tell(run, cert, records.record.fingerprint)
                            : shim_uploading_no_memory(run);
        X509_free(cert);
    }
    shim_records_end(&records);
    if (records.failed)
        return shim_keyring_failed(run->keyring);
    return done ? SHIM_OK : run->outcome.fault;
}
