/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/mail/part.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/print.h"
#include "common/shim.h"
#include "tool/mail/input.h"
#include "tool/mail/part_fields.h"
#include "tool/mail/part_write.h"

/* A message names so many parts at the most. */
#define MOST_NAMED 10

static bool is_type(const struct shim_part *part, const char *type)
{
    return strcmp(part->type, type) == 0;
}

/*
 * Is the part S/MIME?  RFC 8551, 3.9: by its type, or by its file name if the type
 * is a general one.
 */
static bool is_pkcs7(const struct shim_part *part, const char *type, const char *old_type)
{
    return is_type(part, type) || is_type(part, old_type) ||
           (part->named_p7 && is_type(part, "application/octet-stream"));
}

static bool is_signature(const struct shim_part *part)
{
    return is_pkcs7(part, "application/pkcs7-signature", "application/x-pkcs7-signature");
}

static bool is_smime(const struct shim_tree *tree, const struct shim_part *part)
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
static char *path_of(const struct shim_tree *tree, const struct shim_part *part)
{
    char *path = OPENSSL_strdup("");

    for (; path != NULL && part != tree->parts; part = &tree->parts[part->parent]) {
        char *longer = sp_format(path[0] == '\0' ? "%u%s" : "%u.%s", part->number, path);

        OPENSSL_free(path);
        path = longer;
    }
    return path;
}

static char *where_of(const struct shim_tree *tree, const struct shim_part *part)
{
    struct sp_text text = { 0 };
    const char *before = "";

    for (; part != tree->parts; part = &tree->parts[part->parent]) {
        const struct shim_part *parent = &tree->parts[part->parent];
        char *place = sp_format("%spart %u of %zu of a %s", before, part->number, parent->children,
                                parent->type);

        sp_text_add(&text, place != NULL ? place : "");
        if (place == NULL)
            text.failed = true;
        OPENSSL_free(place);
        before = ", which is ";
    }
    return sp_text_take(&text);
}

/* A list such as "1 (text/plain), 2 (message/rfc822)": of all parts, or of the S/MIME parts. */
static char *list_parts(const struct shim_tree *tree, bool all)
{
    struct sp_text text = { 0 };
    size_t named = 0;

    for (size_t i = 1; i < tree->count && named <= MOST_NAMED; i++) {
        const struct shim_part *part = &tree->parts[i];
        char *path = all || is_smime(tree, part) ? path_of(tree, part) : NULL;

        if (path == NULL)
            continue;
        if (named++ < MOST_NAMED) {
            sp_text_add_item(&text, path);
            sp_text_add(&text, " (");
            sp_text_add(&text, part->type);
            sp_text_add(&text, ")");
        } else {
            sp_text_add_item(&text, "…");
        }
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

/*
 * A multipart above the part of which some readers show one part and some another;
 * NULL if there is none.
 */
static const struct shim_part *find_odd_parent(const struct shim_tree *tree,
                                               const struct shim_part *part)
{
    while (part != tree->parts) {
        part = &tree->parts[part->parent];
        if (!is_type(part, "multipart/mixed"))
            return part;
    }
    return NULL;
}

static const struct shim_part *choose(const struct shim_tree *tree, const char *verb, int *code)
{
    const struct shim_part *found = NULL;
    const struct shim_part *odd;
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
    odd = find_odd_parent(tree, found);
    if (odd != NULL) {
        shim_error("the S/MIME part stands in a %s, of which readers show different parts; save "
                   "it in a file, and %s that",
                   odd->type, verb);
        return NULL;
    }
    if (shim_part_der(tree, found)->encoding == SHIM_ENCODED) {
        shim_error("the S/MIME part (%s) is in another transfer encoding than base64, binary, "
                   "8bit and 7bit",
                   found->type);
        return NULL;
    }
    *code = SHIM_OK;
    return found;
}

static int cover(const struct shim_tree *tree, const struct shim_part *part,
                 struct shim_covered *covered)
{
    covered->type = OPENSSL_strdup(part->type);
    if (part != tree->parts) {
        covered->path = path_of(tree, part);
        covered->where = where_of(tree, part);
    }
    return covered->type != NULL && (covered->path == NULL) == (part == tree->parts) &&
                   (covered->where == NULL) == (part == tree->parts)
               ? SHIM_OK
               : shim_no_memory();
}

static int spool_failed(void)
{
    shim_error("cannot keep a part of the message in %s: %s", shim_spool_dir(), strerror(errno));
    return SHIM_SYSTEM;
}

/* Replace |*message| by a message that is made of |part|. */
static int replace(const struct shim_tree *tree, const struct shim_part *part, FILE **message,
                   char **boundary)
{
    FILE *made = shim_input_spool();
    int code = made == NULL ? spool_failed() : SHIM_OK;

    if (code != SHIM_OK)
        return code;
    code = shim_part_write(tree, part, made);
    if (code == SHIM_INPUT)
        shim_error("the S/MIME part (%s) is no base64", part->type);
    else if (code != SHIM_OK || fflush(made) != 0)
        code = spool_failed();
    OPENSSL_free(*boundary);
    *boundary = NULL;
    if (code == SHIM_OK && part->children > 0) {
        *boundary = OPENSSL_strdup(part->boundary);
        code = *boundary == NULL ? shim_no_memory() : SHIM_OK;
    }
    if (code != SHIM_OK) {
        fclose(made);
        return code;
    }
    fclose(*message);
    *message = made;
    rewind(made);
    return SHIM_OK;
}

static int find_in(const char *bytes, size_t len, FILE **message, char **boundary,
                   struct shim_covered *covered, const char *verb)
{
    struct shim_tree tree;
    const struct shim_part *part = NULL;
    int code = SHIM_INPUT;

    if (!shim_tree_read(bytes, len, &tree))
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
        code = replace(&tree, part, message, boundary);
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
    if (code == SHIM_OK && len == 0) {
        shim_error("the message is empty");
        code = SHIM_INPUT;
    }
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
    struct shim_part part = { 0 };
    const char *fault = NULL;
    char line[100];
    bool plain = false;

    if (header != NULL) {
        part.start = header->data;
        plain = shim_part_fields_read(&part, header->length, &fault) && fault == NULL &&
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
