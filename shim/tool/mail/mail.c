/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"

/* The addresses of all From fields, of all Sender fields, and of all To and Cc fields. */
struct lists {
    struct shim_addresses from;
    struct shim_addresses sender;
    struct shim_addresses to;
    size_t sender_fields;
    size_t content_types;
    struct shim_field content_type;
};

static void read_field(struct lists *lists, const struct shim_field *field, struct shim_mail *mail)
{
    if (sp_is_mail_field(field->name, field->name_len))
        mail->sender.is_mail = true;
    if (shim_field_is(field, "From")) {
        mail->sender.from_fields++;
        shim_addresses_parse(&lists->from, SHIM_MAILBOXES, field->body, field->len);
    } else if (shim_field_is(field, "Apparently-From")) {
        /* mutt takes it for one more From field. */
        mail->sender.from_fields++;
        lists->from.unreadable = SP_LIST_OTHER;
    } else if (shim_field_is(field, "Sender")) {
        lists->sender_fields++;
        shim_addresses_parse(&lists->sender, SHIM_MAILBOXES, field->body, field->len);
    } else if (shim_field_is(field, "To") || shim_field_is(field, "Cc")) {
        shim_addresses_parse(&lists->to, SHIM_WITH_GROUPS, field->body, field->len);
    } else if (shim_field_is(field, "Bcc")) {
        mail->has_bcc = true;
    } else if (shim_field_is(field, "Content-Type")) {
        lists->content_types++;
        lists->content_type = *field;
    }
}

/* Take the addresses of a list.  None counts if the list cannot be read to its end. */
static void take_list(struct shim_addresses *list, char ***each, size_t *count)
{
    if (list->unreadable != SP_READABLE)
        shim_addresses_clear(list);
    *each = list->each;
    *count = list->count;
}

/* Move the lists to |mail|; false if memory ran out while they were read. */
static bool settle(struct lists *lists, struct shim_mail *mail)
{
    struct sp_sender *sender = &mail->sender;
    struct shim_addresses *one = &lists->sender;

    sender->list = lists->from.unreadable;
    take_list(&lists->from, &mail->from_addresses, &sender->from_count);
    sender->from = mail->from_addresses;
    if (lists->sender_fields == 1 && one->count == 1 && one->unreadable == SP_READABLE) {
        mail->sender_address = one->each[0];
        sender->sender = mail->sender_address;
        one->count = 0;
    }
    shim_addresses_clear(one);
    mail->recipients_unreadable = lists->to.unreadable;
    take_list(&lists->to, &mail->recipients, &mail->recipient_count);
    return !lists->from.failed && !one->failed && !lists->to.failed;
}

/* Read the boundary of a multipart/signed; false if out of memory. */
static bool read_signed(const struct shim_field *content_type, char **boundary)
{
    char *type;
    bool done = shim_content_type(content_type, &type, boundary);

    if (type != NULL && strcmp(type, "multipart/signed") != 0) {
        OPENSSL_free(*boundary);
        *boundary = NULL;
    }
    OPENSSL_free(type);
    return done;
}

bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail)
{
    struct lists lists = { 0 };
    struct shim_field field;
    size_t at = 0;
    bool done;

    memset(mail, 0, sizeof(*mail));
    mail->sender.header = shim_fields_check(header, len);
    if (mail->sender.header != SP_READABLE)
        return true;
    while (shim_fields_next(header, len, &at, &field))
        read_field(&lists, &field, mail);
    if (lists.content_types > 1) {
        mail->sender.header = SP_HEADER_TYPES;
        shim_addresses_clear(&lists.from);
        shim_addresses_clear(&lists.sender);
        shim_addresses_clear(&lists.to);
        return true;
    }
    done = settle(&lists, mail);
    /* With two Content-Type fields readers take either one. */
    if (lists.content_types == 1 && !read_signed(&lists.content_type, &mail->boundary))
        done = false;
    return done;
}

bool shim_mail_from(const char *list, struct shim_mail *mail)
{
    struct lists lists = { 0 };

    memset(mail, 0, sizeof(*mail));
    mail->sender.is_mail = true;
    mail->sender.from_fields = 1;
    /* A line break is no part of an address here. */
    if (strpbrk(list, "\r\n") == NULL)
        shim_addresses_parse(&lists.from, SHIM_MAILBOXES, list, strlen(list));
    else
        lists.from.unreadable = SP_LIST_OTHER;
    return settle(&lists, mail);
}

void shim_mail_clear(struct shim_mail *mail)
{
    for (size_t i = 0; i < mail->sender.from_count; i++)
        OPENSSL_free(mail->from_addresses[i]);
    for (size_t i = 0; i < mail->recipient_count; i++)
        OPENSSL_free(mail->recipients[i]);
    OPENSSL_free(mail->recipients);
    OPENSSL_free(mail->from_addresses);
    OPENSSL_free(mail->sender_address);
    OPENSSL_free(mail->boundary);
    memset(mail, 0, sizeof(*mail));
}
