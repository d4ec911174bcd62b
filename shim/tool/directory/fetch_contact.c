/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fetching the certificate of a recipient.
 */
#include "tool/directory/directory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "tool/keyring/keyring_at.h"

bool shim_directory_may_help(const struct shim *shim, const struct sp_choice *choice, time_t now)
{
    const struct sp_record *chosen;

    if (shim->settings->contacts == NULL)
        return false;
    if (choice->count == 0 || !sp_choice_is_usable(choice, choice->order[0]))
        return true;
    chosen = &choice->records[choice->order[0]];
    return chosen->origin == SP_ORIGIN_DIRECTORY &&
           sp_is_to_be_asked_again(shim->settings, chosen->uploaded, now);
}

void shim_directory_tell_gone(const struct shim_news *news, bool if_done)
{
    shim_error("note: %s: %s %s removed from the keyring: it came from a directory, and none has "
               "it for use",
               news->address, sp_facts_subject(news->facts), if_done ? "would be" : "is");
}

static void tell(const struct shim_news *news, void *data)
{
    const char *subject = news->facts != NULL ? sp_facts_subject(news->facts) : "";

    (void)data;
    switch (news->kind) {
    case SHIM_NEWS_TAKEN:
        shim_error("note: %s: %s was fetched from the directory %s", news->address, subject,
                   news->source);
        break;
    case SHIM_NEWS_AGAIN:
        break;
    case SHIM_NEWS_LEFT:
        shim_error("note: %s: not taken from the directory %s: %s", news->address, news->source,
                   news->why);
        break;
    case SHIM_NEWS_NOTHING:
        shim_error("note: %s: the directory %s has no certificate of this address", news->address,
                   news->source);
        break;
    case SHIM_NEWS_FAILED:
        shim_error("note: %s: the directory %s cannot be asked: %s; only the keyring was",
                   news->address, news->source, news->why);
        break;
    case SHIM_NEWS_GONE:
        shim_directory_tell_gone(news, false);
        break;
    }
}

static int fetch(struct shim_directory *directory, const char *address)
{
    int code = shim_directory_ask(directory, address);

    if (code == SHIM_OK && directory->has_taken && !sp_upload_commit(directory->upload))
        code = shim_keyring_failed(directory->keyring);
    return code == SHIM_OK ? shim_directory_remove(directory) : code;
}

int shim_directory_fetch(struct shim *shim, const char *address, int64_t *spent)
{
    struct shim_directory directory = { .shim = shim, .now = time(NULL), .tell = tell };
    int code;

    memcpy(directory.spent, spent, sizeof(directory.spent));
    if (eaccess(shim->keyring_path, W_OK) != 0) {
        shim_error("note: %s: no directory is asked, as the keyring %s cannot be written: %s",
                   address, shim->keyring_path, strerror(errno));
        return SHIM_OK;
    }
    code = shim_keyring_open(shim, SP_KEYRING_WRITE, &directory.keyring);
    if (code != SHIM_OK)
        return code;
    directory.upload = sp_upload_begin(directory.keyring);
    code = directory.upload != NULL ? fetch(&directory, address)
                                    : shim_keyring_failed(directory.keyring);
    if (directory.upload != NULL)
        sp_upload_free(directory.upload);
    shim_directory_end(&directory);
    sp_keyring_close(directory.keyring);
    memcpy(spent, directory.spent, sizeof(directory.spent));
    return code;
}
