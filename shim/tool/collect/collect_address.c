/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Collecting from directories, by address.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "tool/collect/collecting.h"

bool shim_collect_is_address(const char *word)
{
    return strchr(word, '@') != NULL && strchr(word, '/') == NULL && access(word, F_OK) != 0;
}

/* The code of an address of which nothing is stored, by the last that was told of it. */
static int code_of(enum shim_news_kind kind)
{
    return kind == SHIM_NEWS_LEFT      ? SHIM_REFUSED
           : kind == SHIM_NEWS_NOTHING ? SHIM_INPUT
                                       : SHIM_SYSTEM;
}

/* One address of the run. */
struct asked {
    struct shim_collecting *run;
    bool has;  /* a certificate of it is, or will be, stored */
    int fault; /* why not */
};

static void refuse(struct asked *asked, const struct shim_news *news)
{
    const struct shim_mail_at at = { .path = news->source };
    char *nothing = NULL;

    asked->fault = code_of(news->kind);
    if (news->kind == SHIM_NEWS_NOTHING)
        nothing = sp_format("it has no certificate of %s; ask the contact for one", news->address);
    shim_collect_refuse(asked->run, &at, asked->fault,
                        news->why != NULL ? news->why
                        : nothing != NULL ? nothing
                                          : "out of memory");
    OPENSSL_free(nothing);
}

static void take_news(const struct shim_news *news, void *data)
{
    struct asked *asked = data;
    struct shim_collecting *run = asked->run;
    const struct shim_mail_at at = { .path = news->source };

    switch (news->kind) {
    case SHIM_NEWS_TAKEN:
        asked->has = true;
        shim_collect_note(run, &at, news->cert, news->facts, SP_ROLE_CONTACT, news->address);
        break;
    case SHIM_NEWS_AGAIN:
        asked->has = true;
        run->already++;
        break;
    case SHIM_NEWS_GONE:
        shim_directory_tell_gone(news, run->dry_run);
        break;
    case SHIM_NEWS_LEFT:
    case SHIM_NEWS_NOTHING:
    case SHIM_NEWS_FAILED:
        refuse(asked, news);
        break;
    }
}

/* Ask about each of |count| |addresses|. */
static void ask(struct shim_collecting *run, char *const *addresses, size_t count)
{
    struct shim_directory *directory = &run->directory;

    directory->shim = run->shim;
    directory->keyring = run->keyring;
    directory->upload = run->upload;
    directory->now = run->now;
    directory->dry_run = run->dry_run;
    directory->tell = take_news;
    for (size_t i = 0; run->fault == SHIM_OK && i < count; i++) {
        struct asked asked = { .run = run };

        directory->data = &asked;
        run->fault = shim_directory_ask(directory, addresses[i]);
        if (!asked.has && run->named == SHIM_OK)
            run->named = asked.fault != SHIM_OK ? asked.fault : SHIM_SYSTEM;
    }
}

void shim_collect_address(struct shim_collecting *run, const char *word)
{
    struct shim_mail list;

    if (!shim_mail_from(word, &list))
        run->fault = shim_no_memory();
    else if (list.sender.from_count == 0)
        run->fault = shim_usage("collect: %s: neither a file nor an address; write it like "
                                "alice@example.org",
                                word);
    else if (run->shim->settings->contacts == NULL)
        run->fault = shim_usage("collect: %s: there is no file of that name, and the setting "
                                "contacts names no directory to ask",
                                word);
    else if (run->shim->explain)
        shim_error("note: %s: a directory would be asked", word);
    else
        ask(run, list.sender.from, list.sender.from_count);
    shim_mail_clear(&list);
}
