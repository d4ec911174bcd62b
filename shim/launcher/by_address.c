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

static bool add_uri(struct shim_launch *launch, const char *kind, const char *address)
{
    char *uri =
        launch->uri_count < SHIM_PLAIN_MOST ? sp_format("smimepolicy:%s/%s", kind, address) : NULL;

    if (uri != NULL)
        launch->uris[launch->uri_count++] = uri;
    return uri != NULL;
}

static bool add_contacts(struct shim_launch *launch, const struct shim_plain_list *list)
{
    size_t i = 0;

    while (i < list->count && add_uri(launch, "contact", list->each[i]))
        i++;
    return i == list->count;
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

/* As the tool does: first those of the options, then those of the mail, then the sender. */
static bool name_recipients(struct shim_launch *launch, const char *self)
{
    const struct shim_args *args = &launch->args;
    bool done = true;

    for (size_t i = 0; done && i < args->count; i++) {
        struct shim_plain_list list = { .count = 0 };

        if (args->given[i].option->role == ROLE_TO)
            done =
                shim_plain_list_given(&list, args->given[i].value) && add_contacts(launch, &list);
        shim_plain_list_clear(&list);
    }
    return done && add_contacts(launch, &launch->mail.to) &&
           (self == NULL || add_uri(launch, "contact", self));
}

/* |from|: the address of --from, or NULL. */
static bool name_all(struct shim_launch *launch, const char *from)
{
    bool has_to = shim_args_last(&launch->args, ROLE_TO) != NULL;
    bool has_self = shim_args_last(&launch->args, ROLE_TO_SELF) != NULL;
    const char *sender = from != NULL ? from : launch->mail.from.each[0];

    if (strcmp(launch->use, "sign") != 0)
        return strcmp(launch->use, "encrypt") == 0 && (from == NULL || has_self) &&
               (sender != NULL || !has_self) && name_recipients(launch, has_self ? sender : NULL);
    if (has_to || has_self)
        return false;
    return (from == NULL && launch->request.signer_count > 0) || name_signer(launch, sender);
}

bool shim_name_by_address(struct shim_launch *launch)
{
    const struct shim_given *given = shim_args_last(&launch->args, ROLE_FROM);
    struct shim_plain_list from = { .count = 0 };
    bool done;

    if (given == NULL && shim_args_last(&launch->args, ROLE_TO) == NULL &&
        shim_args_last(&launch->args, ROLE_TO_SELF) == NULL && launch->header == NULL)
        return true;
    launch->uris = OPENSSL_zalloc(SHIM_PLAIN_MOST * sizeof(*launch->uris));
    /* If the keyring does not give what is wanted, the tool reads the message again. */
    if (launch->uris == NULL ||
        (shim_args_value(&launch->args, "in") == NULL && lseek(STDIN_FILENO, 0, SEEK_CUR) < 0))
        return false;
    done = (given == NULL || (shim_plain_list_given(&from, given->value) && from.count == 1)) &&
           name_all(launch, from.each[0]);
    shim_plain_list_clear(&from);
    return done;
}

void shim_launch_clear(struct shim_launch *launch)
{
    for (size_t i = 0; i < launch->uri_count; i++)
        OPENSSL_free(launch->uris[i]);
    OPENSSL_free(launch->uris);
    OPENSSL_free(launch->along);
    shim_plain_mail_clear(&launch->mail);
    if (launch->content >= 0)
        close(launch->content);
    OPENSSL_free(launch->header);
    shim_request_clear(&launch->request);
    shim_args_free(&launch->args);
}
