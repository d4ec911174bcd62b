/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words by which an option of stock `openssl` is refused.  This file needs libc
 * alone.
 */
#ifndef SP_OPTION_WORDS_H
#define SP_OPTION_WORDS_H

/* What a refused option would do. */
#define SP_OPTION_FOREIGN   "take the operation out of the policy's hands"
#define SP_OPTION_UNCHECKED "switch a check off"

/* X(OPTION, REMEDY); the last row is for every other option. */
#define SP_OPTION_REMEDIES(X)                                                                      \
    X("noverify", "name the sender's issuing CA with -CAfile")                                     \
    X("no_signer_cert_verify", "name the sender's issuing CA with -CAfile")                        \
    X("nochain", "name the sender's issuing CA with -CAfile, intermediates with -certfile")        \
    X("purpose", "leave it out: the signer is judged for S/MIME")                                  \
    X("verify_name", "leave it out: the signer is judged for S/MIME")                              \
    X("no_check_time", "leave it out, or ask the sender for a current certificate")                \
    X("ignore_critical", "leave it out: what is critical and not understood may forbid the use")   \
    X("allow_proxy_certs", "ask the sender to sign with a certificate of their own")               \
    X("engine", SP_OPTION_ENGINE_KEY)                                                              \
    X("config", "put settings into the policy file (smime-policy --policy FILE)")                  \
    X("propquery", "leave it out: all algorithms come through the policy provider")                \
    X("provider", "set `backend` in the policy file")                                              \
    X("provider-path", "set `backend` in the policy file")                                         \
    X("provparam", "put settings into the policy file (smime-policy --policy FILE)")               \
    X(NULL, "leave it out: a signature that does not verify is none")

/* The remedy for a key of an engine, whatever the option. */
#define SP_OPTION_ENGINE_KEY "give the key in a file"

#endif
