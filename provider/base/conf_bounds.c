/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/conf_bounds.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"

/* A system's configuration has about 12 KB.  The limits are far above what people write. */
#define MAX_DEPTH     10
#define MAX_FILES     1000
#define MAX_ENTRIES   10000 /* entries of directories, whatever their names */
#define MAX_BYTES     (1 << 20)
#define MAX_VARIABLES 1000 /* lines with variables: libcrypto expands each to up to 64 KB */

struct walk {
    size_t files, entries, bytes, variables;
    char *base; /* owned: the directory for relative names, or NULL */
    char **why; /* borrowed */
    sp_conf_lost_fn *lost;
    void *data;
};

/* A file that is being read, and the one that includes it. */
struct level {
    const struct level *above;
    const char *path;
    struct stat is;
    unsigned line, depth;
};

static bool visit(struct walk *walk, const struct level *above, const char *path);

static bool fail(struct walk *walk, char *why)
{
    *walk->why = why;
    return false;
}

/* Report a fault of |path|, which a line of |at| includes. */
static bool fail_at(struct walk *walk, const struct level *at, const char *path, const char *what)
{
    return fail(walk, at == NULL ? sp_format("%s: %s", path, what)
                                 : sp_format("%s: line %u: .include %s: %s", at->path, at->line,
                                             path, what));
}

/* What |at| includes and a program does not get; of a relative path follow() tells. */
static void pass_over(const struct walk *walk, const struct level *at, const char *path, int error)
{
    if (walk->lost != NULL && (path[0] == '/') == (error != 0))
        walk->lost(&(struct sp_conf_lost){ at->path, path, at->line, error }, walk->data);
}

static char *skip_space(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/*
 * Read `"PATH"` with nothing but a comment behind it: cut out the path.  NULL if
 * |text| has another form.
 */
static char *unquoted(char *text)
{
    char *end;

    if (*text == '\0' || strchr("\"'`", *text) == NULL)
        return NULL;
    end = strchr(text + 1, *text);
    if (end == NULL || strchr("#\r\n", *skip_space(end + 1)) == NULL)
        return NULL;
    *end = '\0';
    return text + 1;
}

char *sp_conf_included(char *line)
{
    static const char word[] = ".include";
    char *path = skip_space(line);
    char *quoted, *end;

    if (strncmp(path, word, strlen(word)) != 0)
        return NULL;
    path = skip_space(path + strlen(word));
    if (*path == '=')
        path = skip_space(path + 1);
    quoted = unquoted(path);
    if (quoted != NULL)
        return quoted;
    end = path + strcspn(path, "#\r\n");
    while (end > path && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return path;
}

/* `.pragma includedir:DIRECTORY` */
static bool take_pragma(struct walk *walk, const char *line)
{
    const char *name = strncmp(line, ".pragma", 7) == 0 ? strstr(line, "includedir") : NULL;
    const char *base = name == NULL ? NULL : strchr(name, ':');

    if (base == NULL)
        return true;
    base += 1 + strspn(base + 1, " \t");
    OPENSSL_free(walk->base);
    walk->base = OPENSSL_strndup(base, strcspn(base, " \t\r\n"));
    return walk->base != NULL || fail(walk, NULL);
}

static char *resolve(const struct walk *walk, const char *path)
{
    const char *base = secure_getenv("OPENSSL_CONF_INCLUDE");

    if (base == NULL)
        base = walk->base;
    return path[0] == '/' || base == NULL ? OPENSSL_strdup(path) : sp_format("%s/%s", base, path);
}

static bool is_conf(const char *name)
{
    const char *end = strrchr(name, '.');

    return end != NULL && end != name &&
           (strcasecmp(end, ".conf") == 0 || strcasecmp(end, ".cnf") == 0);
}

/* libcrypto reads each file of an included directory that is called *.cnf or *.conf. */
static bool visit_directory(struct walk *walk, const struct level *above, const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool bounded = true;

    if (directory == NULL)
        pass_over(walk, above, path, errno);
    while (bounded && directory != NULL && (entry = readdir(directory)) != NULL) {
        char *file = is_conf(entry->d_name) ? sp_format("%s/%s", path, entry->d_name) : NULL;

        if (++walk->entries > MAX_ENTRIES)
            bounded = fail_at(walk, above, path,
                              "it leads through more than 10,000 names in directories; include "
                              "a directory that holds configurations alone");
        else if (is_conf(entry->d_name))
            bounded = file == NULL ? fail(walk, NULL) : visit(walk, above, file);
        OPENSSL_free(file);
    }
    if (directory != NULL)
        closedir(directory);
    return bounded;
}

static bool follow(struct walk *walk, const struct level *at, const char *path)
{
    char *file;
    bool bounded;

    if (strpbrk(path, "$\\\"'`") != NULL)
        return fail_at(walk, at, path,
                       "what it names depends on variables, the environment perhaps, or is "
                       "quoted in parts; write its absolute path as it is");
    if (walk->base == NULL)
        pass_over(walk, at, path, 0);
    file = resolve(walk, path);
    bounded = file != NULL ? visit(walk, at, file) : fail(walk, NULL);
    OPENSSL_free(file);
    return bounded;
}

/*
 * libcrypto also follows `section::.include PATH` and `.includes = PATH`.  |line| begins with
 * no blank.
 */
static bool is_odd_include(const char *line)
{
    const char *word = strstr(line, ".include");
    const char *comment = strchr(line, '#');

    if (word == NULL || (comment != NULL && comment < word))
        return false;
    if (word == line)
        return strchr(" \t=\r", word[8]) == NULL;
    while (isspace((unsigned char)word[-1]))
        word--;
    return word - line >= 2 && word[-1] == ':' && word[-2] == ':';
}

static bool read_line(struct walk *walk, struct level *level, char *line)
{
    const char *path;

    line = skip_space(line);
    if (strchr(line, '$') != NULL && ++walk->variables > MAX_VARIABLES)
        return fail_at(walk, level->above, level->path,
                       "more than 1,000 lines name variables; write their values");
    if (!take_pragma(walk, line))
        return false;
    if (is_odd_include(line))
        return fail(walk, sp_format("%s: line %u: it includes a file in a form that no manual "
                                    "has; write .include PATH in a line of its own",
                                    level->path, level->line));
    path = sp_conf_included(line);
    return path == NULL || *path == '\0' || follow(walk, level, path);
}

/* Is the line that ends before |end| continued in the next one? */
static bool is_continued(const char *line, const char *end)
{
    if (end > line && end[-1] == '\r')
        end--;
    return end > line && end[-1] == '\\' && (end - line < 2 || end[-2] != '\\');
}

/* Cut the next line, with the lines that continue it, out of |*text|. */
static char *take_line(char **text, unsigned *number)
{
    char *line = *text, *to = line, *from = line;
    bool more;

    do {
        char *end = strchrnul(from, '\n');

        ++*number;
        memmove(to, from, (size_t)(end - from));
        to += end - from;
        from = *end == '\0' ? end : end + 1;
        more = *from != '\0' && is_continued(line, to);
        if (more)
            to -= to[-1] == '\r' ? 2 : 1;
    } while (more);
    *text = from;
    *to = '\0';
    return line;
}

static bool read_lines(struct walk *walk, struct level *level, char *text)
{
    bool bounded = true;

    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (bounded && *text != '\0')
        bounded = read_line(walk, level, take_line(&text, &level->line));
    return bounded;
}

static bool read_whole(struct walk *walk, struct level *level, int fd)
{
    char *text = OPENSSL_malloc(MAX_BYTES + 1);
    size_t len = 0;
    ssize_t got = 0;
    bool bounded;

    while (text != NULL && (got = read(fd, text + len, MAX_BYTES - len)) > 0)
        len += (size_t)got;
    walk->bytes += len;
    if (text == NULL)
        return fail(walk, NULL);
    text[len] = '\0';
    if (got < 0)
        bounded = fail_at(walk, level->above, level->path, strerror(errno));
    else if (walk->bytes >= MAX_BYTES)
        bounded = fail_at(walk, level->above, level->path,
                          "the configuration is larger than 1 MB, with all that it includes; "
                          "leave out what is none");
    else if (strlen(text) != len)
        bounded = fail_at(walk, level->above, level->path,
                          "it holds a NUL, behind which OpenSSL reads nothing; remove it");
    else
        bounded = read_lines(walk, level, text);
    OPENSSL_free(text);
    return bounded;
}

static bool includes_itself(const struct level *level)
{
    for (const struct level *above = level->above; above != NULL; above = above->above)
        if (above->is.st_dev == level->is.st_dev && above->is.st_ino == level->is.st_ino)
            return true;
    return false;
}

static bool visit_file(struct walk *walk, struct level *level, int fd)
{
    if (includes_itself(level))
        return fail_at(walk, level->above, level->path,
                       "it leads back to a file that is being read, and a program that is given "
                       "it goes round until it has no descriptor left; remove the line");
    if (level->depth > MAX_DEPTH)
        return fail_at(walk, level->above, level->path,
                       "more than 10 files include one another; include them from one");
    if (++walk->files > MAX_FILES)
        return fail_at(walk, level->above, level->path,
                       "more than 1,000 files are included; put them together");
    return read_whole(walk, level, fd);
}

/* /dev/null is an empty file, and is often named as one. */
static bool is_null(const struct stat *is)
{
    return S_ISCHR(is->st_mode) && is->st_rdev == makedev(1, 3);
}

static bool visit(struct walk *walk, const struct level *above, const char *path)
{
    struct level level = { .above = above, .path = path };
    bool there = stat(path, &level.is) == 0;
    bool is_file = S_ISREG(level.is.st_mode);
    bool is_directory = S_ISDIR(level.is.st_mode);
    bool bounded = true;
    int fd;

    if (above != NULL)
        level.depth = above->depth + 1;
    if (is_directory && above != NULL)
        return visit_directory(walk, above, path);
    if (there && is_null(&level.is))
        return true;
    if (there && !is_file && !is_directory)
        return fail_at(walk, above, path,
                       "it is a pipe, socket or device, where a program that is given it may "
                       "wait for ever; name a file");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (is_directory)
        errno = EISDIR;
    if (fd >= 0 && is_file)
        bounded = visit_file(walk, &level, fd);
    else if (above == NULL)
        bounded = fail_at(walk, above, path, strerror(errno));
    else
        pass_over(walk, above, path, errno);
    if (fd >= 0)
        close(fd);
    return bounded;
}

bool sp_conf_is_bounded(const char *path, sp_conf_lost_fn *lost, void *data, char **why)
{
    struct walk walk = { .why = why, .lost = lost, .data = data };
    bool bounded;

    *why = NULL;
    bounded = visit(&walk, NULL, path);
    OPENSSL_free(walk.base);
    return bounded;
}
