/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a mail comes from its signer.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "verdict.h"

/* As the addresses of a certificate are folded: ASCII alone, in no locale. */
static bool is_same(const char *a, const char *b)
{
    for (; *a != '\0' && sp_fold(*a) == sp_fold(*b); a++)
        b++;
    return *a == '\0' && *b == '\0';
}

static bool is_one_of(const char *address, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_same(address, list[i]))
            return true;
    return false;
}

static bool is_signers(const struct sp_facts *signer, const char *address)
{
    return is_one_of(address, signer->addresses, signer->address_count);
}

/* RFC 5322, 3.6.2: with several authors, Sender says who sent the mail. */
static bool is_settled_by_sender(const struct sp_facts *signer, const struct sp_sender *sender)
{
    return sender->sender != NULL && is_signers(signer, sender->sender) &&
           is_one_of(sender->sender, sender->from, sender->from_count);
}

static bool is_sender(const struct sp_facts *signer, const struct sp_sender *sender)
{
    if (sender->from_fields == 1 && sender->from_count == 1)
        return is_signers(signer, sender->from[0]);
    return is_settled_by_sender(signer, sender);
}

static char *list_addresses(char *const *list, size_t count)
{
    struct sp_text text = { 0 };

    if (count == 0)
        return sp_format("no address");
    for (size_t i = 0; i < count; i++) {
        sp_text_add_item(&text, "");
        sp_text_add_escaped(&text, list[i], strlen(list[i]));
    }
    return sp_text_take(&text);
}

static char *describe_fault(const struct sp_sender *sender)
{
    char *address;
    char *fault;

    if (sender->from_fields == 0)
        return sp_format("the mail has no From field");
    if (sender->from_fields > 1)
        return sp_format("the mail has %zu From fields, which is ambiguous", sender->from_fields);
    if (sender->from_count == 0)
        return sp_format("the From field holds no address that can be read");
    if (sender->from_count > 1)
        return sp_format("the From field holds %zu addresses, which is ambiguous",
                         sender->from_count);
    address = sp_escape(sender->from[0], strlen(sender->from[0]));
    fault = address == NULL
                ? NULL
                : sp_format("the mail is from %s, no address of the certificate", address);
    OPENSSL_free(address);
    return fault;
}

static void add_finding(smimepolicy_verdict *verdict, const struct sp_facts *signer,
                        const struct sp_sender *sender, smimepolicy_severity severity)
{
    sp_verdict_add(
        verdict, SP_RULE_SENDER_MATCH, severity,
        (struct sp_say){ describe_fault(sender), list_addresses(sender->from, sender->from_count),
                         list_addresses(signer->addresses, signer->address_count),
                         sp_format(severity == SMIMEPOLICY_DENY
                                       ? "believe the signer's address, not the mail's, and ask "
                                         "the sender"
                                       : "another signer's address is the sender's") });
}

/* One of several who signed together is enough: a gateway may sign what a person sent. */
static bool is_vouched(const struct sp_facts *const *signers, size_t count,
                       const struct sp_sender *sender)
{
    for (size_t i = 0; i < count; i++)
        if (is_sender(signers[i], sender))
            return true;
    return false;
}

smimepolicy_verdict *sp_judge_sender(const struct sp_facts *const *signers, size_t count,
                                     size_t index, const struct sp_sender *sender)
{
    const struct sp_facts *signer = signers[index];
    smimepolicy_verdict *verdict = sp_verdict_new(signer, SMIMEPOLICY_VERIFY);

    if (verdict == NULL)
        return NULL;
    if (sender == NULL)
        sp_verdict_add(
            verdict, SP_RULE_SENDER_MATCH, SMIMEPOLICY_NOTE,
            (struct sp_say){ sp_format("no address was compared"), sp_format("no From field"),
                             sp_format("a mail with its header fields"),
                             sp_format("compare the sender's address with the signer's yourself, "
                                       "or give it with --sender") });
    else if (!is_sender(signer, sender))
        add_finding(verdict, signer, sender,
                    is_vouched(signers, count, sender) ? SMIMEPOLICY_NOTE : SMIMEPOLICY_DENY);
    return sp_verdict_finish(verdict);
}
