/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/mail/mail.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/print.h"
#include "common/shim.h"

/* A message names so many parts at the most. */
#define MOST_NAMED 10

static bool is_type(const struct shim_mime *part, const char *type)
{
    return strcmp(part->type, type) == 0;
}

/*
 * Is the part S/MIME?  RFC 8551, 3.9: by its type, or by its file name if the type
 * is a general one.
 */
static bool is_pkcs7(const struct shim_mime *part, const char *type, const char *old_type)
{
    return is_type(part, type) || is_type(part, old_type) ||
           (part->named_p7 && is_type(part, "application/octet-stream"));
}

static bool is_signature(const struct shim_mime *part)
{
    return is_pkcs7(part, "application/pkcs7-signature", "application/x-pkcs7-signature");
}

static bool is_smime(const struct shim_tree *tree, const struct shim_mime *part)
{
    if (is_type(part, "multipart/signed"))
        return part->children == 2 && is_signature(part + 2);
    return !is_type(&tree->parts[part->parent], "multipart/signed") &&
           (is_signature(part) ||
            is_pkcs7(part, "application/pkcs7-mime", "application/x-pkcs7-mime"));
}

/*
 * The path of a part: "1.2" for the second part of the first; "" for the whole mail;
 * NULL if out of memory.
 */
static char *path_of(const struct shim_tree *tree, const struct shim_mime *part)
{
    char *path = OPENSSL_strdup("");

    for (; path != NULL && part != tree->parts; part = &tree->parts[part->parent]) {
        char *longer = sp_format(path[0] == '\0' ? "%u%s" : "%u.%s", part->number, path);

        OPENSSL_free(path);
        path = longer;
    }
    return path;
}

static char *where_of(const struct shim_tree *tree, const struct shim_mime *part)
{
    struct sp_text text = { 0 };

    for (; part != tree->parts; part = &tree->parts[part->parent]) {
        const struct shim_mime *parent = &tree->parts[part->parent];
        char *place = sp_format("%spart %u of %zu of a %s", text.len > 0 ? ", which is " : "",
                                part->number, parent->children, parent->type);

        sp_text_add(&text, place != NULL ? place : "");
        text.failed = text.failed || place == NULL;
        OPENSSL_free(place);
    }
    return sp_text_take(&text);
}

/* A list such as "1 (text/plain), 2 (message/rfc822)": of all parts, or of the S/MIME parts. */
static char *list_parts(const struct shim_tree *tree, bool all)
{
    struct sp_text text = { 0 };
    size_t named = 0;

    for (size_t i = 1; i < tree->count && named <= MOST_NAMED; i++) {
        const struct shim_mime *part = &tree->parts[i];
        char *path = all || is_smime(tree, part) ? path_of(tree, part) : NULL;
        char *item = path == NULL ? NULL : sp_format("%s (%s)", path, part->type);

        if (item != NULL)
            sp_text_add_item(&text, named++ < MOST_NAMED ? item : "…");
        OPENSSL_free(item);
        OPENSSL_free(path);
    }
    return sp_text_take(&text);
}

static const char *done_by(const char *verb)
{
    return strcmp(verb, "verify") == 0 ? "signed" : "encrypted";
}

/* Report that no part was found, or several. */
static int refuse_count(const struct shim_tree *tree, size_t count, const char *verb)
{
    char *list = list_parts(tree, count == 0);
    bool attached = false;

    for (size_t i = 0; i < tree->count; i++)
        attached = attached || is_type(&tree->parts[i], "message/rfc822");
    if (list == NULL)
        return shim_no_memory();
    if (count > 1)
        shim_error("the mail has %zu S/MIME parts: %s; save the one that is meant in a file, and "
                   "%s that",
                   count, list, verb);
    else if (tree->count == 1)
        shim_error("the message is not %s: it is %s, and not S/MIME", done_by(verb),
                   tree->parts[0].type);
    else
        shim_error("the message is not %s: it is %s, and none of its parts is S/MIME: %s%s",
                   done_by(verb), tree->parts[0].type, list,
                   attached ? "; a mail that is attached (message/rfc822) is another mail: save "
                              "it in a file of its own"
                            : "");
    OPENSSL_free(list);
    return SHIM_INPUT;
}

static const struct shim_mime *choose(const struct shim_tree *tree, const char *verb, int *code)
{
    const struct shim_mime *found = NULL;
    const struct shim_mime *above;
    size_t count = 0;

    for (size_t i = 0; i < tree->count; i++)
        if (is_smime(tree, &tree->parts[i])) {
            found = &tree->parts[i];
            count++;
        }
    *code = SHIM_INPUT;
    if (count != 1) {
        *code = refuse_count(tree, count, verb);
        return NULL;
    }
    for (above = found; above != tree->parts;) {
        above = &tree->parts[above->parent];
        if (!is_type(above, "multipart/mixed")) {
            shim_error("the S/MIME part stands in a %s, of which readers show different parts; "
                       "save it in a file, and %s that",
                       above->type, verb);
            return NULL;
        }
    }
    if (shim_part_der(found)->encoding == SHIM_ENCODED) {
        shim_error("the S/MIME part (%s) is in another transfer encoding than base64, binary, "
                   "8bit and 7bit",
                   found->type);
        return NULL;
    }
    *code = SHIM_OK;
    return found;
}

static int cover(const struct shim_tree *tree, const struct shim_mime *part,
                 struct shim_covered *covered)
{
    bool is_whole = part == tree->parts;

    covered->type = OPENSSL_strdup(part->type);
    covered->path = is_whole ? NULL : path_of(tree, part);
    covered->where = is_whole ? NULL : where_of(tree, part);
    return covered->type != NULL && (is_whole || (covered->path != NULL && covered->where != NULL))
               ? SHIM_OK
               : shim_no_memory();
}

/* Replace |*message| by a message that is made of |part|. */
static int replace(const struct shim_mime *part, FILE **message, char **boundary)
{
    FILE *made = shim_input_spool();
    FILE *before = *message;
    int code = made == NULL ? SHIM_SYSTEM : shim_part_write(part, made);

    if (code == SHIM_OK && fflush(made) != 0)
        code = SHIM_SYSTEM;
    if (code == SHIM_INPUT)
        shim_error("the S/MIME part (%s) is no base64", part->type);
    else if (code != SHIM_OK)
        shim_error("cannot keep a part of the message in %s: %s", shim_spool_dir(),
                   strerror(errno));
    OPENSSL_free(*boundary);
    *boundary = code == SHIM_OK && part->children > 0 ? OPENSSL_strdup(part->boundary) : NULL;
    if (code == SHIM_OK && part->children > 0 && *boundary == NULL)
        code = shim_no_memory();
    if (code == SHIM_OK) {
        rewind(made);
        *message = made;
        made = before;
    }
    if (made != NULL)
        fclose(made);
    return code;
}

static int find_in(const char *bytes, size_t len, FILE **message, char **boundary,
                   struct shim_covered *covered, const char *verb)
{
    struct shim_tree tree = { 0 };
    const struct shim_mime *part = NULL;
    int code = SHIM_INPUT;

    if (len == 0)
        shim_error("the message is empty");
    else if (!shim_tree_read(bytes, len, &tree))
        code = shim_no_memory();
    else if (tree.fault != NULL)
        shim_error("the message cannot be read: it is not S/MIME as a whole, and %s; give the mail "
                   "as a mail program saves it",
                   tree.fault);
    else
        part = choose(&tree, verb, &code);
    if (part != NULL)
        code = cover(&tree, part, covered);
    if (part != NULL && code == SHIM_OK)
        code = replace(part, message, boundary);
    shim_tree_clear(&tree);
    return code;
}

int shim_part_find(FILE **message, char **boundary, struct shim_covered *covered, const char *verb)
{
    char *bytes = NULL;
    size_t len = 0;
    int code;

    /* We could not read it for want of memory, but stock might. */
    if (!shim_memory_sufficed())
        return SHIM_SYSTEM;
    rewind(*message);
    code = shim_input_bytes(*message, "the message", &bytes, &len);
    if (code == SHIM_OK)
        code = find_in(bytes, len, message, boundary, covered, verb);
    OPENSSL_free(bytes);
    ERR_clear_error();
    return code;
}

static bool is_short_base64(const char *line)
{
    size_t len = strcspn(line, "\r\n");

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)line[i]) && strchr("+/=", line[i]) == NULL)
            return false;
    return len > 0 && len <= 76;
}

bool shim_part_is_plain(FILE *file)
{
    BUF_MEM *header = shim_input_header(file);
    struct shim_mime part = { 0 };
    const char *fault = NULL;
    char line[100];
    bool plain = false;

    if (header != NULL) {
        part.start = header->data;
        plain = shim_content_read(&part, header->length, &fault) && fault == NULL &&
                part.encoding != SHIM_ENCODED &&
                (is_type(&part, "application/pkcs7-mime") ||
                 is_type(&part, "application/x-pkcs7-mime")) &&
                fgets(line, sizeof(line), file) != NULL && is_short_base64(line);
    }
    OPENSSL_free(part.type);
    OPENSSL_free(part.boundary);
    BUF_MEM_free(header);
    return plain;
}

void shim_covered_tell(const struct shim_covered *covered, const char *verb)
{
    if (covered->where != NULL)
        shim_print(stderr, "note: %s: %s (%s) is %s; what stands around it is not\n", verb,
                   covered->where, covered->type, done_by(verb));
}

void shim_covered_clear(struct shim_covered *covered)
{
    OPENSSL_free(covered->path);
    OPENSSL_free(covered->type);
    OPENSSL_free(covered->where);
    memset(covered, 0, sizeof(*covered));
}
