/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a mail comes from its signer.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/verdict.h"

/* Compare addresses as they are folded in certificates: ASCII letters alone, in every locale. */
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

bool sp_facts_has_address(const struct sp_facts *facts, const char *address)
{
    return is_one_of(address, facts->addresses, facts->address_count);
}

bool sp_is_mail_field(const char *name, size_t len)
{
    static const char mime[] = "MIME-Version";
    static const char content[] = "Content-";

    /* A list of what is allowed: RFC 5322, 3.6.8 lets a mail have fields of any name. */
    return !(len == strlen(mime) && OPENSSL_strncasecmp(name, mime, len) == 0) &&
           !(len > strlen(content) && OPENSSL_strncasecmp(name, content, strlen(content)) == 0);
}

bool sp_has_sender(const struct sp_sender *sender)
{
    return sender->is_mail || sender->header != SP_READABLE;
}

/* RFC 5322, 3.6.2: with several authors, Sender says who sent the mail. */
const char *sp_sender_address(const struct sp_sender *sender)
{
    if (sender->header != SP_READABLE || sender->list != SP_READABLE || sender->from_fields != 1)
        return NULL;
    if (sender->from_count == 1)
        return sender->from[0];
    return sender->sender != NULL && is_one_of(sender->sender, sender->from, sender->from_count)
               ? sender->sender
               : NULL;
}

static bool is_sender(const struct sp_facts *signer, const struct sp_sender *sender)
{
    const char *address = sp_sender_address(sender);

    return address != NULL && is_one_of(address, signer->addresses, signer->address_count);
}

const char *sp_unreadable_text(enum sp_unreadable what)
{
    switch (what) {
    case SP_READABLE:
        return NULL;
    case SP_HEADER_NUL:
        return "holds a NUL";
    case SP_HEADER_CR:
        return "holds a carriage return that no line feed follows";
    case SP_HEADER_EMPTY:
        return "is empty";
    case SP_HEADER_LONG:
        return "is longer than 1 MB";
    case SP_HEADER_LINE:
        return "holds a line that neither is a field nor goes on with one";
    case SP_HEADER_CUT:
        return "holds a line of more than 998 bytes with a sender or type late in it";
    case SP_HEADER_END:
        return "ends its last line and its empty line in two ways, so that its end is not clear";
    case SP_HEADER_TYPES:
        return "has more than one Content-Type field";
    case SP_LIST_GROUP:
        return "holds a group, and not addresses alone";
    case SP_LIST_ENCODED:
        return "has an address hidden in encoded words";
    case SP_LIST_DEEP:
        return "holds comments that are more than 10 deep";
    case SP_LIST_MANY:
        return "holds more than 1000 addresses";
    case SP_LIST_OTHER:
        break;
    }
    return "holds no address that can be read, or something beside it";
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

    if (sender->header != SP_READABLE)
        return sp_format("the header of the mail %s", sp_unreadable_text(sender->header));
    if (sender->from_fields == 0)
        return sp_format("the mail has no From field");
    if (sender->from_fields > 1)
        return sp_format("the mail has %zu From fields, which is ambiguous", sender->from_fields);
    if (sender->list != SP_READABLE || sender->from_count == 0)
        return sp_format(
            "the From field %s",
            sp_unreadable_text(sender->list != SP_READABLE ? sender->list : SP_LIST_OTHER));
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

static const char *remedy_of(smimepolicy_severity severity)
{
    switch (severity) {
    case SMIMEPOLICY_DENY:
        return "believe the signer's address, not the mail's, and ask the sender";
    case SMIMEPOLICY_WARN:
        return "who verifies the mail refuses it; sign as its sender, or correct its From field";
    default:
        return "another signer's address is the sender's";
    }
}

static void add_finding(smimepolicy_verdict *verdict, const struct sp_facts *signer,
                        const struct sp_sender *sender, smimepolicy_severity severity)
{
    sp_verdict_add(verdict, SP_RULE_SENDER_MATCH, severity,
                   (struct sp_finding_text){
                       describe_fault(sender), list_addresses(sender->from, sender->from_count),
                       list_addresses(signer->addresses, signer->address_count),
                       sp_format("%s", remedy_of(severity)) });
}

void sp_deny_sender(smimepolicy_verdict *verdict, const struct sp_facts *signer,
                    const struct sp_sender *sender)
{
    add_finding(verdict, signer, sender, SMIMEPOLICY_DENY);
}

bool sp_is_only_sender(const struct sp_facts *signer, const struct sp_sender *sender)
{
    return sender->from_count == 1 && is_sender(signer, sender);
}

/* One signer of several is enough: a gateway may sign what a person has sent. */
static bool is_vouched(const struct sp_facts *const *signers, size_t count,
                       const struct sp_sender *sender)
{
    for (size_t i = 0; i < count; i++)
        if (is_sender(signers[i], sender))
            return true;
    return false;
}

static void add_nothing_compared(smimepolicy_verdict *verdict, smimepolicy_severity severity)
{
    sp_verdict_add(
        verdict, SP_RULE_SENDER_MATCH, severity,
        (struct sp_finding_text){ sp_format("no address was compared"), sp_format("no From field"),
                                  sp_format("a mail with its header fields"),
                                  sp_format("compare the sender's address with the signer's "
                                            "yourself, or give it with --sender") });
}

smimepolicy_verdict *sp_judge_sender(const struct sp_facts *const *signers, size_t count,
                                     size_t index, const struct sp_sender *sender)
{
    const struct sp_facts *signer = signers[index];
    smimepolicy_verdict *verdict = sp_verdict_new(signer, SMIMEPOLICY_VERIFY);

    if (verdict == NULL)
        return NULL;
    if (sender == NULL || !sp_has_sender(sender))
        add_nothing_compared(verdict, sender != NULL && sender->needed ? SMIMEPOLICY_DENY
                                                                       : SMIMEPOLICY_NOTE);
    else if (!is_sender(signer, sender))
        add_finding(verdict, signer, sender,
                    is_vouched(signers, count, sender) ? SMIMEPOLICY_NOTE : SMIMEPOLICY_DENY);
    return sp_verdict_finish(verdict);
}

smimepolicy_verdict *sp_judge_sender_to_sign(const struct sp_facts *const *signers, size_t count,
                                             const struct sp_sender *sender)
{
    smimepolicy_verdict *verdict = sp_verdict_new(signers[0], SMIMEPOLICY_SIGN);

    if (verdict == NULL)
        return NULL;
    if (sp_has_sender(sender) && !is_vouched(signers, count, sender))
        add_finding(verdict, signers[0], sender, SMIMEPOLICY_WARN);
    return sp_verdict_finish(verdict);
}
