/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "addresses.h"
#include "gmime.h"

void shim_addresses_clear(struct shim_addresses *list)
{
    for (size_t i = 0; i < list->count; i++)
        OPENSSL_free(list->each[i]);
    OPENSSL_free(list->each);
    list->each = NULL;
    list->count = 0;
}

#define ATOM_TEXT                                                                                  \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~."

/* RFC 5322, 3.2.3: what needs no quotes. */
static bool is_atom_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (strchr(ATOM_TEXT, text[i]) == NULL)
            return false;
    return len > 0;
}

/* RFC 5321, 4.1.2: "alice"@example.org and alice@example.org are the same mailbox. */
static char *without_needless_quotes(const char *address)
{
    const char *end = address[0] == '"' ? strstr(address, "\"@") : NULL;
    size_t len = end == NULL ? 0 : (size_t)(end - address - 1);
    char *plain;

    if (end == NULL || !is_atom_text(address + 1, len))
        return OPENSSL_strdup(address);
    plain = OPENSSL_strdup(address + 1);
    if (plain != NULL)
        memmove(plain + len, plain + len + 1, strlen(plain + len));
    return plain;
}

static void list_add(struct shim_addresses *list, const char *address)
{
    char **longer = OPENSSL_realloc(list->each, (list->count + 1) * sizeof(*list->each));

    if (longer != NULL) {
        list->each = longer;
        longer[list->count] = without_needless_quotes(address);
    }
    if (longer == NULL || longer[list->count] == NULL)
        list->failed = true;
    else
        list->count++;
}

static size_t label_length(const char *label)
{
    return strcspn(label, ".");
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/*
 * A label that is not ASCII and becomes it by mere mapping (RFC 5895: a space
 * of no width goes, a wide letter becomes a plain one) looks like one domain
 * and is compared as another.
 */
static bool is_mapped(const char *shown, const char *compared)
{
    while (*shown != '\0' && *compared != '\0') {
        size_t shown_len = label_length(shown);
        size_t compared_len = label_length(compared);

        if (!is_ascii(shown, shown_len) && OPENSSL_strncasecmp(compared, "xn--", 4) != 0)
            return true;
        shown += shown_len + (shown[shown_len] == '.');
        compared += compared_len + (compared[compared_len] == '.');
    }
    return *shown != '\0' || *compared != '\0';
}

static bool is_clear(InternetAddressMailbox *mailbox)
{
    const char *shown = shim_gmime()->internet_address_mailbox_get_addr(mailbox);
    const char *compared = shim_gmime()->internet_address_mailbox_get_idn_addr(mailbox);
    const char *shown_at = shown == NULL ? NULL : strrchr(shown, '@');
    const char *compared_at = compared == NULL ? NULL : strrchr(compared, '@');

    if (shown_at == NULL || compared_at == NULL)
        return shown != NULL && compared != NULL;
    return !is_mapped(shown_at + 1, compared_at + 1);
}

static bool is_group(InternetAddress *entry)
{
    const struct shim_gmime *gmime = shim_gmime();

    return gmime->g_type_check_instance_is_a((GTypeInstance *)entry,
                                             gmime->internet_address_group_get_type());
}

/* Groups (RFC 5322, 3.4) are as their members; they do not nest. */
static void list_add_all(struct shim_addresses *list, InternetAddressList *parsed)
{
    int count = parsed == NULL ? 0 : shim_gmime()->internet_address_list_length(parsed);

    for (int i = 0; i < count; i++) {
        InternetAddress *entry = shim_gmime()->internet_address_list_get_address(parsed, i);

        if (is_group(entry)) {
            list_add_all(list, shim_gmime()->internet_address_group_get_members(
                                   INTERNET_ADDRESS_GROUP(entry)));
        } else {
            InternetAddressMailbox *mailbox = INTERNET_ADDRESS_MAILBOX(entry);

            if (is_clear(mailbox))
                list_add(list, shim_gmime()->internet_address_mailbox_get_idn_addr(mailbox));
            else
                list->unclear = true;
        }
    }
}

static void on_warning(gint64 offset, GMimeParserWarning warning, const gchar *item, gpointer data)
{
    struct shim_addresses *list = data;

    (void)offset;
    (void)item;
    if (warning == GMIME_WARN_INVALID_ADDRESS_LIST)
        list->unclear = true;
}

void shim_addresses_parse(struct shim_addresses *list, const char *raw)
{
    GMimeParserOptions *options = shim_gmime()->g_mime_parser_options_new();
    InternetAddressList *parsed;

    shim_gmime()->g_mime_parser_options_set_address_compliance_mode(options,
                                                                    GMIME_RFC_COMPLIANCE_STRICT);
    shim_gmime()->g_mime_parser_options_set_allow_addresses_without_domain(options, FALSE);
#ifdef SHIM_GMIME_NOTIFIES
    shim_gmime()->g_mime_parser_options_set_warning_callback(options, on_warning, list, NULL);
#else
    shim_gmime()->g_mime_parser_options_set_warning_callback(options, on_warning, list);
#endif
    parsed = shim_gmime()->internet_address_list_parse(options, raw);
    shim_gmime()->g_mime_parser_options_free(options);
    list_add_all(list, parsed);
    if (parsed != NULL)
        shim_gmime()->g_object_unref(parsed);
}
