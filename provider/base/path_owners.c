/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/path_owners.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"

#define BY_OTHERS  (S_IWGRP | S_IWOTH)
#define ONLY_WAY   (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define MOST_LINKS 40

struct walk {
    struct sp_place *place; /* borrowed */
    uid_t self;             /* whose process this is; 0 if that user may be anybody */
    uid_t owner;            /* directories of this user are safe, too */
    char *todo;             /* owned: the rest of the path */
    char *where;            /* owned: the name of place->dir; "" is the root */
    unsigned links;
};

static bool is_ours(const struct walk *walk, uid_t uid)
{
    return uid == 0 || uid == walk->self;
}

static bool no_memory(void)
{
    errno = ENOMEM;
    return false;
}

static bool put(char **at, char *text)
{
    OPENSSL_free(*at);
    *at = text;
    return text != NULL || no_memory();
}

/* Note |is| if it is unsafe.  Only the first unsafe directory is reported. */
static bool judge(struct walk *walk, const struct stat *is)
{
    struct sp_place *place = walk->place;
    bool writable = (is->st_mode & BY_OTHERS) != 0;
    bool sticky = writable && (is->st_mode & S_ISVTX) != 0;
    bool strange = !is_ours(walk, is->st_uid) && (is->st_uid != walk->owner || place->shared);

    place->shared = writable || strange;
    if (place->unsafe != NULL || ((!writable || sticky) && !strange))
        return true;
    place->owner = is->st_uid;
    place->writable = writable && !sticky;
    return put(&place->unsafe, sp_format("%s", walk->where[0] == '\0' ? "/" : walk->where));
}

/* Go into the directory |name|, which is no symbolic link. */
static bool enter(struct walk *walk, const char *name)
{
    struct sp_place *place = walk->place;
    struct stat is;
    int dir = openat(place->dir, name, ONLY_WAY);

    if (dir < 0)
        return false;
    if (place->dir >= 0)
        close(place->dir);
    place->dir = dir;
    if (strcmp(name, "..") == 0 && strrchr(walk->where, '/') != NULL)
        *strrchr(walk->where, '/') = '\0';
    else if (strcmp(name, "..") != 0 && !put(&walk->where, sp_format("%s/%s", walk->where, name)))
        return false;
    return fstat(dir, &is) == 0 && judge(walk, &is);
}

static bool enter_root(struct walk *walk)
{
    struct sp_place *place = walk->place;
    struct stat is;

    if (place->dir >= 0)
        close(place->dir);
    place->dir = open("/", ONLY_WAY);
    place->shared = false;
    return put(&walk->where, sp_format("%s", "")) && place->dir >= 0 &&
           fstat(place->dir, &is) == 0 && judge(walk, &is);
}

/*
 * Follow a symbolic link.  In a directory that others may write, a link of ours may
 * be a hard link that they have made to a link elsewhere.
 */
static bool follow(struct walk *walk, const char *name, const struct stat *is)
{
    struct sp_place *place = walk->place;
    char target[PATH_MAX];
    ssize_t length = readlinkat(place->dir, name, target, sizeof(target) - 1);

    if (length < 0)
        return false;
    if (++walk->links > MOST_LINKS) {
        errno = ELOOP;
        return false;
    }
    target[length] = '\0';
    if (place->unsafe != NULL ||
        (place->shared && (!is_ours(walk, is->st_uid) || is->st_nlink != 1)))
        place->redirected = true;
    return put(&walk->todo, sp_format("%s/%s", target, walk->todo)) &&
           (target[0] != '/' || enter_root(walk));
}

/* The next name of the path; owned by the caller, "" at the end. */
static char *next_name(struct walk *walk)
{
    const char *start = walk->todo + strspn(walk->todo, "/");
    size_t length = strcspn(start, "/");
    char *name = OPENSSL_strndup(start, length);

    if (put(&walk->todo, OPENSSL_strdup(start + length + strspn(start + length, "/"))) &&
        name != NULL)
        return name;
    OPENSSL_free(name);
    (void)no_memory();
    return NULL;
}

static bool step(struct walk *walk, char **name)
{
    struct stat is = { 0 };
    bool last = walk->todo[0] == '\0';

    if ((*name)[0] == '\0' || strcmp(*name, ".") == 0)
        return true;
    if (fstatat(walk->place->dir, *name, &is, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
        return false;
    if (S_ISLNK(is.st_mode))
        return follow(walk, *name, &is);
    if (!last || strcmp(*name, "..") == 0)
        return enter(walk, *name);
    walk->place->name = *name;
    *name = NULL;
    return true;
}

/* false with errno set */
static bool begin(struct walk *walk, const char *path)
{
    char here[PATH_MAX];

    if (path[0] == '/')
        return put(&walk->todo, OPENSSL_strdup(path)) && enter_root(walk);
    return getcwd(here, sizeof(here)) != NULL && put(&walk->todo, sp_format("%s/%s", here, path)) &&
           enter_root(walk);
}

bool sp_place_find(struct sp_place *place, const char *path, uid_t owner)
{
    const uid_t self = geteuid();
    struct walk walk = { .place = place, .self = self, .owner = owner };
    int reason;
    bool done;

    *place = (struct sp_place){ .dir = -1 };
    if (self != 0 && sp_uid_is_unmapped(self)) {
        walk.self = 0;
        walk.owner = owner == self ? 0 : owner;
    }
    done = begin(&walk, path);
    while (done && place->name == NULL && walk.todo[0] != '\0') {
        char *name = next_name(&walk);

        done = name != NULL && step(&walk, &name);
        OPENSSL_free(name);
    }
    if (done && place->name == NULL)
        done = put(&place->name, OPENSSL_strdup("."));
    reason = errno;
    OPENSSL_free(walk.todo);
    OPENSSL_free(walk.where);
    errno = reason;
    return done;
}

/*
 * Each line of uid_map: the first user in the namespace, the first one outside, and
 * their number; see user_namespaces(7).
 */
bool sp_uid_is_unmapped(uid_t uid)
{
    FILE *map = fopen("/proc/self/uid_map", "re");
    char line[128];
    bool mapped = map == NULL;

    while (!mapped && fgets(line, sizeof(line), map) != NULL) {
        char *rest;
        unsigned long first = strtoul(line, &rest, 10), count;

        (void)strtoul(rest, &rest, 10);
        count = strtoul(rest, NULL, 10);
        mapped = uid - first < count; /* below |first| it is larger than any number of users */
    }
    if (map != NULL)
        fclose(map);
    return !mapped;
}

void sp_place_clear(struct sp_place *place)
{
    if (place->dir >= 0)
        close(place->dir);
    OPENSSL_free(place->name);
    OPENSSL_free(place->unsafe);
    *place = (struct sp_place){ .dir = -1 };
}
