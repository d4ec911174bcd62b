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

#include "base/json_text.h"
#include "base/text.h"
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

/* Add one of the `directories` of docs/use/json.md to |told|. */
static void keep(json_t *told, const char *result, const struct shim_news *news)
{
    const char *subject = news->facts != NULL ? sp_facts_subject(news->facts) : NULL;

    json_array_append_new(
        told, json_pack("{s:o, s:o, s:s, s:o, s:o}", "address", sp_json_text(news->address),
                        "directory", sp_json_text(news->source), "result", result, "subject",
                        sp_json_text(subject), "reason", sp_json_text(news->why)));
}

static void print(const struct shim_news *news)
{
    const char *subject = news->facts != NULL ? sp_facts_subject(news->facts) : "";

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

static void tell(const struct shim_news *news, void *data)
{
    static const char *const results[] = {
        [SHIM_NEWS_TAKEN] = "fetched",    [SHIM_NEWS_AGAIN] = "unchanged",
        [SHIM_NEWS_LEFT] = "refused",     [SHIM_NEWS_NOTHING] = "nothing",
        [SHIM_NEWS_FAILED] = "no-answer", [SHIM_NEWS_GONE] = "removed",
    };

    if (data != NULL)
        keep(data, results[news->kind], news);
    else
        print(news);
}

void shim_directory_tell_ahead(const char *address, json_t *told)
{
    if (told != NULL)
        keep(told, "not-asked", &(struct shim_news){ .address = address });
    else
        shim_error("note: %s: a directory would be asked", address);
}

/* Nothing that came could be stored. */
static void tell_unwritable(const struct shim *shim, const char *address, json_t *told)
{
    char *why =
        sp_format("the keyring %s cannot be written: %s", shim->keyring_path, strerror(errno));

    if (told != NULL)
        keep(told, "not-asked", &(struct shim_news){ .address = address, .why = why });
    else
        shim_error("note: %s: no directory is asked, as %s", address,
                   why != NULL ? why : "memory ran out");
    OPENSSL_free(why);
}

static int fetch(struct shim_directory *directory, const char *address)
{
    int code = shim_directory_ask(directory, address);

    if (code == SHIM_OK && directory->has_taken && !sp_upload_commit(directory->upload))
        code = shim_keyring_failed(directory->keyring);
    return code == SHIM_OK ? shim_directory_remove(directory) : code;
}

int shim_directory_fetch(struct shim *shim, const char *address, int64_t *spent, json_t *told)
{
    struct shim_directory directory = {
        .shim = shim, .now = time(NULL), .tell = tell, .data = told
    };
    int code;

    memcpy(directory.spent, spent, sizeof(directory.spent));
    if (eaccess(shim->keyring_path, W_OK) != 0) {
        tell_unwritable(shim, address, told);
        return SHIM_OK;
    }
    code = shim_keyring_open(shim, SP_KEYRING_WRITE, &directory.keyring);
    if (code != SHIM_OK)
        return code;
    directory.upload = sp_upload_begin(directory.keyring);
    code = directory.upload != NULL ? fetch(&directory, address)
                                    : shim_keyring_failed(directory.keyring);
    sp_upload_free(directory.upload);
    shim_directory_end(&directory);
    sp_keyring_close(directory.keyring);
    memcpy(spent, directory.spent, sizeof(directory.spent));
    return code;
}
