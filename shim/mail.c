/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "addresses.h"
#include "gmime.h"
#include "mail.h"

/* All From fields together, the one Sender field, and all To and Cc fields. */
struct fields {
    struct shim_addresses from;
    struct shim_addresses sender;
    struct shim_addresses to;
    size_t from_fields;
    size_t sender_fields;
    size_t to_fields;
    size_t content_types;
};

static void read_field(struct fields *fields, const char *name, const char *raw)
{
    if (OPENSSL_strcasecmp(name, "From") == 0) {
        fields->from_fields++;
        shim_addresses_parse(&fields->from, raw);
    } else if (OPENSSL_strcasecmp(name, "Sender") == 0) {
        fields->sender_fields++;
        shim_addresses_parse(&fields->sender, raw);
    } else if (OPENSSL_strcasecmp(name, "To") == 0 || OPENSSL_strcasecmp(name, "Cc") == 0) {
        fields->to_fields++;
        shim_addresses_parse(&fields->to, raw);
    } else if (OPENSSL_strcasecmp(name, "Content-Type") == 0) {
        fields->content_types++;
    }
}

/*
 * How often does |name| stand in the content type as it came?  Of two, or of
 * one in the pieces and encodings of RFC 2231, readers make different things.
 */
static size_t count_mentions(GMimeObject *object, const char *name)
{
    GMimeHeader *field = shim_gmime()->g_mime_header_list_get_header(
        shim_gmime()->g_mime_object_get_header_list(object), "Content-Type");
    const char *raw = field == NULL ? "" : shim_gmime()->g_mime_header_get_raw_value(field);
    size_t len = strlen(name);
    size_t count = 0;

    for (; *raw != '\0'; raw++)
        if (OPENSSL_strncasecmp(raw, name, len) == 0)
            count += raw[len] == '*' ? 2 : 1;
    return count;
}

static bool take_boundary(GMimeObject *object, struct shim_mail *mail)
{
    GMimeContentType *type = shim_gmime()->g_mime_object_get_content_type(object);
    const char *boundary =
        type != NULL && shim_gmime()->g_mime_content_type_is_type(type, "multipart", "signed") &&
                count_mentions(object, "boundary") == 1
            ? shim_gmime()->g_mime_content_type_get_parameter(type, "boundary")
            : NULL;

    if (boundary == NULL || boundary[0] == '\0')
        return true;
    mail->boundary = OPENSSL_strdup(boundary);
    return mail->boundary != NULL;
}

/* Moves the lists over to |mail|. */
static void settle(struct fields *fields, struct shim_mail *mail)
{
    mail->is_mail = fields->from_fields > 0 || fields->sender_fields > 0;
    mail->sender.from_fields = fields->from_fields;
    if (fields->from.unclear)
        shim_addresses_clear(&fields->from);
    mail->from_addresses = fields->from.each;
    mail->sender.from = mail->from_addresses;
    mail->sender.from_count = fields->from.count;
    if (fields->sender_fields == 1 && fields->sender.count == 1 && !fields->sender.unclear) {
        mail->sender_address = fields->sender.each[0];
        mail->sender.sender = mail->sender_address;
        fields->sender.count = 0;
    }
    shim_addresses_clear(&fields->sender);
    mail->recipients_unclear = fields->to.unclear;
    if (fields->to.unclear)
        shim_addresses_clear(&fields->to);
    mail->recipients = fields->to.each;
    mail->recipient_count = fields->to.count;
}

/* The field lines and the empty line after them, without a body. */
static GMimeObject *parse(const char *header, size_t len)
{
    GMimeStream *stream = shim_gmime()->g_mime_stream_mem_new_with_buffer(header, len);
    GMimeParser *parser;
    GMimeMessage *message;

    shim_gmime()->g_mime_stream_seek(stream, 0, GMIME_STREAM_SEEK_END);
    shim_gmime()->g_mime_stream_write_string(stream, "\r\n");
    shim_gmime()->g_mime_stream_seek(stream, 0, GMIME_STREAM_SEEK_SET);
    parser = shim_gmime()->g_mime_parser_new_with_stream(stream);
    message = shim_gmime()->g_mime_parser_construct_message(parser, NULL);
    shim_gmime()->g_object_unref(parser);
    shim_gmime()->g_object_unref(stream);
    return message == NULL ? NULL : GMIME_OBJECT(message);
}

/* A byte order mark, a space of another alphabet: nothing that a person would see. */
static bool is_unseen(char c)
{
    return (unsigned char)c >= 0x7f || (c >= 0 && c < 0x20 && c != '\r' && c != '\n');
}

/* Does the line at |at| look like the field |name|? */
static bool is_like(const char *header, size_t len, size_t at, const char *name)
{
    size_t name_len = strlen(name);

    /* White space continues the line before, if there is one. */
    if (at > 0 && (header[at] == ' ' || header[at] == '\t'))
        return false;
    while (at < len && (is_unseen(header[at]) || header[at] == ' '))
        at++;
    if (len - at <= name_len || OPENSSL_strncasecmp(header + at, name, name_len) != 0)
        return false;
    for (at += name_len; at < len && (is_unseen(header[at]) || header[at] == ' '); at++)
        continue;
    return at < len && header[at] == ':';
}

/* How many lines look like the field |name| to a reader that is easily pleased? */
static size_t count_lines(const char *header, size_t len, const char *name)
{
    size_t count = 0;

    for (size_t at = 0; at < len; at++)
        if ((at == 0 || header[at - 1] == '\n' || header[at - 1] == '\r') &&
            is_like(header, len, at, name))
            count++;
    return count;
}

/* The parser gives the fields that describe the content to the content. */
static void read_fields(struct fields *fields, GMimeObject *object)
{
    GMimeHeaderList *headers = shim_gmime()->g_mime_object_get_header_list(object);

    for (int i = 0; i < shim_gmime()->g_mime_header_list_get_count(headers); i++) {
        GMimeHeader *field = shim_gmime()->g_mime_header_list_get_header_at(headers, i);

        read_field(fields, shim_gmime()->g_mime_header_get_name(field),
                   shim_gmime()->g_mime_header_get_raw_value(field));
    }
}

bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail)
{
    struct fields fields = { 0 };
    size_t from_lines, sender_lines, to_lines;
    GMimeObject *message;
    GMimeObject *body;
    bool done = true;

    /* The data of an empty buffer are NULL, which GMime complains of on standard error. */
    if (len == 0)
        header = "";
    from_lines = count_lines(header, len, "From");
    sender_lines = count_lines(header, len, "Sender");
    to_lines = count_lines(header, len, "To") + count_lines(header, len, "Cc");
    memset(mail, 0, sizeof(*mail));
    message = parse(header, len);
    body =
        message == NULL ? NULL : shim_gmime()->g_mime_message_get_mime_part(GMIME_MESSAGE(message));
    if (message != NULL)
        read_fields(&fields, message);
    if (body != NULL)
        read_fields(&fields, body);
    /* Two readers that see different fields, or one that stops at a NUL: nothing to rely on. */
    if (fields.from_fields != from_lines || fields.sender_fields != sender_lines ||
        memchr(header, '\0', len) != NULL) {
        fields.from_fields = from_lines;
        fields.sender_fields = sender_lines;
        fields.from.unclear = true;
    } else if (body != NULL && fields.content_types == 1) {
        done = take_boundary(body, mail);
    }
    if (message != NULL)
        shim_gmime()->g_object_unref(message);
    fields.to.unclear = fields.to.unclear || fields.to_fields != to_lines || fields.from.unclear;
    mail->has_bcc = count_lines(header, len, "Bcc") > 0;
    done = done && !fields.from.failed && !fields.sender.failed && !fields.to.failed;
    settle(&fields, mail);
    return done;
}

bool shim_mail_from(const char *list, struct shim_mail *mail)
{
    struct fields fields = { .from_fields = 1 };
    bool done;

    memset(mail, 0, sizeof(*mail));
    shim_addresses_parse(&fields.from, list);
    done = !fields.from.failed;
    settle(&fields, mail);
    return done;
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
