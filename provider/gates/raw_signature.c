/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Raw signatures: of a digest, or of a message that is given whole.  It also has
 * what the gates of both kinds of signatures share.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "gates/contexts.h"
#include "gates/made_digests.h"
#include "gates/signature.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "register/register.h"

/* The key of the init.  A NULL |key| means the key of the previous init. */
static const void *key_in_use(const void *ctx, const void *key)
{
    struct sp_context context = { 0 };

    if (key == NULL && sp_contexts_get(ctx, &context))
        return context.key;
    return key;
}

int sp_signature_begin(const struct signature *s, void *ctx, const void *key, bool verifying,
                       enum sp_stage stage)
{
    if (!sp_contexts_begin(ctx, key, &s->slot, verifying))
        return sp_gate_no_memory();
    if (stage != SP_STAGE_NEW)
        sp_contexts_set_stage(ctx, stage);
    return 1;
}

/* The sender of a message can call it a time stamp, so that does not excuse a verification. */
enum sp_evidence sp_signature_evidence(enum sp_kind kind, bool verifying)
{
    return kind == SP_KIND_STAMP && !verifying ? SP_EVIDENCE_STAMP : SP_EVIDENCE_ATTRIBUTES;
}

/* What is signed may be the digest of attributes that this thread has just made. */
enum sp_evidence sp_raw_evidence(bool verifying)
{
    const enum sp_kind kind = sp_digested_last();

    return kind == SP_KIND_OTHER ? SP_EVIDENCE_RAW : sp_signature_evidence(kind, verifying);
}

int sp_signature_digest(const struct signature *s, void *ctx)
{
    char name[64] = "";
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, name,
                                                             sizeof(name)),
                            OSSL_PARAM_construct_end() };
    int digest = NID_undef;

    ERR_set_mark();
    if (s->get_ctx_params != NULL && s->get_ctx_params(ctx, params) == 1)
        digest = sp_digest_find(name);
    ERR_pop_to_mark();
    return digest;
}

bool sp_signature_watches_digests(void)
{
    return sp_policy()->beyond[SP_WEAK_DIGEST] != SMIMEPOLICY_IGNORE;
}

static bool judge_raw(const struct signature *s, const void *key, enum sp_evidence evidence,
                      const unsigned char *data, size_t length)
{
    const struct sp_signing signing = { evidence, data, length, NID_undef };

    return sp_gate_signs(key, &s->slot, &signing);
}

int sp_raw_sign_init(const struct signature *s, OSSL_FUNC_signature_sign_init_fn *backend,
                     enum sp_evidence evidence, void *ctx, void *key, const OSSL_PARAM params[])
{
    const void *used = key_in_use(ctx, key);
    /*
     * A message (sign_message_init) may come in pieces, so only the decision on a digest
     * can wait.
     */
    const bool later = backend == s->sign_init && sp_keys_depends(used);
    int done;

    if (used != NULL && !later && !judge_raw(s, used, evidence, NULL, 0))
        return 0;
    done = backend(ctx, key, params);
    return done == 1
               ? sp_signature_begin(s, ctx, key, false, later ? SP_STAGE_NEW : SP_STAGE_PASSED)
               : done;
}

/* The digest is known now: judge it if sp_raw_sign_init() left that to us, else note it. */
bool sp_raw_may_sign(const struct signature *s, const void *ctx, const unsigned char *data,
                     size_t length)
{
    struct sp_context context;
    bool allowed;

    if (!sp_contexts_get(ctx, &context))
        return true;
    if (context.stage == SP_STAGE_REFUSED)
        return sp_gate_refused_before();
    if (context.stage == SP_STAGE_PASSED) {
        sp_gate_signs_data(context.key, data, length);
        return true;
    }
    allowed = judge_raw(s, context.key, sp_raw_evidence(false), data, length);
    sp_contexts_set_stage(ctx, allowed ? SP_STAGE_PASSED : SP_STAGE_REFUSED);
    return allowed;
}

int sp_raw_verify_init(const struct signature *s, OSSL_FUNC_signature_verify_init_fn *backend,
                       enum sp_evidence evidence, void *ctx, void *key, const OSSL_PARAM params[])
{
    const bool watches = sp_gate_watches_verification();
    const void *used;
    int done;

    if (!watches && !sp_signature_watches_digests() && !sp_command_is_to(SMIMEPOLICY_VERIFY))
        return backend(ctx, key, params);
    used = key_in_use(ctx, key);
    if (used != NULL && !sp_gate_verifies(used, &s->slot, evidence))
        return 0;
    if (watches)
        sp_digested_forget();
    done = backend(ctx, key, params);
    return done == 1 ? sp_signature_begin(s, ctx, key, true, SP_STAGE_PASSED) : done;
}

/* Judge the digest of a raw verification, which is known only now. */
bool sp_raw_may_verify(const struct signature *s, void *ctx)
{
    struct sp_context context;

    if (!sp_contexts_get(ctx, &context))
        return true;
    return (!sp_signature_watches_digests() ||
            sp_gate_verifies_with(sp_signature_digest(s, ctx), context.key, context.slot)) &&
           sp_gate_verifies_mail(context.key, context.slot, NULL, 0);
}
