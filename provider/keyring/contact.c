/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring/contact.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "rules/revocation.h"

static char *path_of(const char *keyring)
{
    return sp_format("%s/hub-contact", keyring);
}

time_t sp_keyring_contact(const char *path)
{
    char *file = path == NULL ? NULL : path_of(path);
    struct stat is;
    bool there = file != NULL && lstat(file, &is) == 0 && S_ISREG(is.st_mode);

    OPENSSL_free(file);
    return there ? is.st_mtime : 0;
}

/* With `trust = caller` the program vouches, and not the keyring. */
smimepolicy_verdict *sp_keyring_add_age(smimepolicy_verdict *verdict, const struct sp_facts *facts,
                                        time_t now, const smimepolicy_settings *settings)
{
    smimepolicy_use use;

    if (verdict == NULL)
        return NULL;
    use = smimepolicy_verdict_use(verdict);
    if (!sp_age_is_asked(use, settings) ||
        (use == SMIMEPOLICY_VERIFY && settings->trust != SP_TRUST_KEYRING))
        return verdict;
    return sp_verdict_join(
        verdict, sp_judge_age(facts, use, sp_keyring_contact(settings->keyring), now, settings));
}

bool sp_keyring_touch(const char *path, time_t now)
{
    const struct timespec times[] = { { .tv_sec = now }, { .tv_sec = now } };
    char *file = path_of(path);
    int fd = file == NULL
                 ? -1
                 : open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    bool done = fd >= 0 && futimens(fd, times) == 0;
    int reason = file == NULL ? ENOMEM : errno;

    if (fd >= 0)
        close(fd);
    OPENSSL_free(file);
    errno = reason;
    return done;
}
