/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keyring that a URI is loaded from: opened, and closed.
 */
#include "store/load_state.h"

#include "backend/instance.h"
#include "base/text.h"
#include "keyring/forks.h"
#include "policy/policy.h"
#include "policy/reasons.h"

void sp_load_close(struct sp_loader *loader)
{
    struct sp_quiet quiet;

    if (loader == NULL)
        return;
    sp_keyring_enter(&quiet);
    sp_cursor_free(loader->cursor);
    sp_keyring_give_back(loader->keyring, &quiet);
    sp_record_clear(&loader->last);
    sp_choice_clear(&loader->choice);
    sk_X509_pop_free(loader->along, X509_free);
    X509_NAME_free(loader->subject);
    sp_uri_clear(&loader->uri);
    OPENSSL_free(loader->name);
    OPENSSL_free(loader);
}

bool sp_load_refuse(int reason, const char *name, char *why)
{
    SP_RAISE(why != NULL ? reason : SP_REASON_NO_MEMORY, "%s: %s", name,
             why != NULL ? why : "nothing was loaded");
    OPENSSL_free(why);
    return false;
}

/*
 * The keyring of the user who runs the program.  The settings may name one of any
 * owner.  HOME, however, may still be that of another user, so a default keyring
 * must be the user's own.
 */
static char *find_own(char **why)
{
    char *fault = NULL;
    char *path;

    if (!sp_keyring_place(NULL, &path))
        return NULL;
    if (path == NULL || path[0] != '/')
        *why = OPENSSL_strdup("neither the setting keyring nor HOME says where it is; set the "
                              "setting keyring to its path");
    else if (!sp_keyring_exists(path) || sp_keyring_is_own(path, &fault))
        return path;
    else if (fault != NULL)
        *why = sp_format("%s; or name the keyring in the setting keyring", fault);
    OPENSSL_free(fault);
    OPENSSL_free(path);
    return NULL;
}

static bool open_keyring(struct sp_loader *loader)
{
    const char *path = sp_policy()->keyring;
    char *why = NULL;
    char *own = path == NULL ? find_own(&why) : NULL;
    struct sp_quiet quiet;

    if (path == NULL)
        path = own;
    if (path != NULL) {
        loader->keyring = sp_keyring_borrow(path, &quiet, &why);
        sp_keyring_leave(&quiet);
    }
    OPENSSL_free(own);
    return loader->keyring != NULL || sp_load_refuse(SP_REASON_KEYRING, loader->name, why);
}

static bool prepare(struct sp_loader *loader, const char *text)
{
    char *why = NULL;

    loader->name = OPENSSL_strdup(text);
    if (loader->name == NULL)
        return sp_load_refuse(SP_REASON_NO_MEMORY, text, NULL);
    if (!sp_uri_read(&loader->uri, text, &why))
        return sp_load_refuse(SP_REASON_URI, text, why);
    return open_keyring(loader);
}

void *sp_load_open(void *provctx, const char *text)
{
    const struct sp_instance *instance = sp_instance_for(provctx);
    struct sp_loader *loader;

    if (instance == NULL)
        return NULL;
    if (sp_policy_locked() != NULL) {
        SP_RAISE(SP_REASON_LOCKED, "refused: load: %s", sp_policy_locked());
        return NULL;
    }
    loader = OPENSSL_zalloc(sizeof(*loader));
    if (loader == NULL) {
        (void)sp_load_refuse(SP_REASON_NO_MEMORY, text, NULL);
        return NULL;
    }
    loader->libctx = sp_upcalls_libctx(&instance->up);
    if (prepare(loader, text))
        return loader;
    sp_load_close(loader);
    return NULL;
}
