/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Signers and recipients by address: the provider finds them in the keyring.
 */
#include <string.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "base/text.h"

#define MOST 256

bool shim_is_plain_address(const char *text)
{
    static const char atoms[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+";
    bool after_dot = true;
    bool in_domain = false;

    for (; *text != '\0'; text++) {
        if (*text == '@' && in_domain)
            return false;
        if (*text == '.' || *text == '@') {
            if (after_dot)
                return false;
            in_domain = in_domain || *text == '@';
            after_dot = true;
        } else if (strchr(atoms, *text) == NULL) {
            return false;
        } else {
            after_dot = false;
        }
    }
    return in_domain && !after_dot;
}

static bool add_uri(struct shim_launch *launch, const char *kind, const char *address)
{
    char *uri = shim_is_plain_address(address) && launch->uri_count < MOST
                    ? sp_format("smimepolicy:%s/%s", kind, address)
                    : NULL;

    if (uri != NULL)
        launch->uris[launch->uri_count++] = uri;
    return uri != NULL;
}

/* Add each address of a list with commas. */
static bool add_list(struct shim_launch *launch, const char *list)
{
    bool done = true;

    for (const char *next = list; done && next != NULL;) {
        const char *comma = strchr(next, ',');
        char *address;
        char *trimmed;

        next += strspn(next, " ");
        address =
            comma != NULL ? OPENSSL_strndup(next, (size_t)(comma - next)) : OPENSSL_strdup(next);
        trimmed = address;
        for (size_t len = address == NULL ? 0 : strlen(address); len > 0; len--)
            if (trimmed[len - 1] == ' ')
                trimmed[len - 1] = '\0';
            else
                break;
        done = address != NULL && add_uri(launch, "contact", address);
        OPENSSL_free(address);
        next = comma == NULL ? NULL : comma + 1;
    }
    return done;
}

/* The signer, and with -certfile what goes along: its own certificate, as -nocerts is set. */
static bool name_signer(struct shim_launch *launch, const char *from)
{
    if (launch->request.signer_count > 0 || shim_args_has(&launch->args, "nocerts") ||
        !add_uri(launch, "identity", from))
        return false;
    launch->along = sp_format("smimepolicy:chain/%s", from);
    return launch->along != NULL;
}

static bool name_recipients(struct shim_launch *launch, const char *self)
{
    const struct shim_args *args = &launch->args;

    for (size_t i = 0; i < args->count; i++)
        if (args->given[i].option->role == ROLE_TO && !add_list(launch, args->given[i].value))
            return false;
    return self == NULL || add_uri(launch, "contact", self);
}

bool shim_name_by_address(struct shim_launch *launch)
{
    const struct shim_given *from = shim_args_last(&launch->args, ROLE_FROM);
    bool has_to = shim_args_last(&launch->args, ROLE_TO) != NULL;
    bool has_self = shim_args_last(&launch->args, ROLE_TO_SELF) != NULL;

    if (from == NULL && !has_to && !has_self)
        return true;
    launch->uris = OPENSSL_zalloc(MOST * sizeof(*launch->uris));
    /* If the keyring does not give what is wanted, the tool reads the message again. */
    if (launch->uris == NULL ||
        (shim_args_value(&launch->args, "in") == NULL && lseek(STDIN_FILENO, 0, SEEK_CUR) < 0))
        return false;
    if (strcmp(launch->use, "sign") == 0)
        return from != NULL && !has_to && !has_self && name_signer(launch, from->value);
    return strcmp(launch->use, "encrypt") == 0 && (from != NULL) == has_self &&
           name_recipients(launch, has_self ? from->value : NULL);
}

void shim_launch_clear(struct shim_launch *launch)
{
    for (size_t i = 0; i < launch->uri_count; i++)
        OPENSSL_free(launch->uris[i]);
    OPENSSL_free(launch->uris);
    OPENSSL_free(launch->along);
    shim_request_clear(&launch->request);
    shim_args_free(&launch->args);
}
