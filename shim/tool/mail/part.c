/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "tool/mail/mail.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/print.h"
#include "common/message.h"

#define SEQUENCE '\x30' /* the first byte of DER, which base64 never begins with */

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
        char *item =
            all || is_smime(tree, part) ? sp_format("%s (%s)", part->path, part->type) : NULL;

        if (item != NULL)
            sp_text_add_item(&text, named++ < MOST_NAMED ? item : "…");
        OPENSSL_free(item);
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
 * The part with the signature if |part| is a multipart/signed, else |part|.  The parts of
 * a multipart/signed are not taken apart, so they follow it directly in the list.
 */
static const struct shim_mime *der_of(const struct shim_mime *part)
{
    return part + part->children;
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
    if (der_of(found)->encoding == SHIM_ENCODED) {
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
    covered->path = is_whole ? NULL : OPENSSL_strdup(part->path);
    covered->where = is_whole ? NULL : where_of(tree, part);
    return covered->type != NULL && (is_whole || (covered->path != NULL && covered->where != NULL))
               ? SHIM_OK
               : shim_no_memory();
}

unsigned char *shim_decode_base64(const char *text, size_t len, int *made)
{
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    unsigned char *bytes = OPENSSL_malloc(len / 4 * 3 + 8);
    int last = 0;

    *made = -1;
    if (context == NULL || bytes == NULL) {
        EVP_ENCODE_CTX_free(context);
        OPENSSL_free(bytes);
        return NULL;
    }
    EVP_DecodeInit(context);
    if (EVP_DecodeUpdate(context, bytes, made, (const unsigned char *)text, (int)len) < 0 ||
        EVP_DecodeFinal(context, bytes + *made, &last) != 1 || *made + last == 0)
        *made = -1;
    else
        *made += last;
    EVP_ENCODE_CTX_free(context);
    return bytes;
}

static bool write_base64(BIO *to, const void *bytes, int len)
{
    BIO *base64 = BIO_new(BIO_f_base64());
    bool done;

    if (base64 == NULL)
        return false;
    BIO_push(base64, to);
    done = BIO_write(base64, bytes, len) == len && BIO_flush(base64) == 1;
    BIO_pop(base64);
    BIO_free(base64);
    return done;
}

static int write_der(const struct shim_mime *part, BIO *to)
{
    /* Stock takes every part for base64. */
    bool is_binary = part->encoding == SHIM_PLAIN && part->len > 0 && part->body[0] == SEQUENCE;
    unsigned char *bytes = NULL;
    int len = (int)part->len;
    int code = SHIM_SYSTEM;

    if (!is_binary)
        bytes = shim_decode_base64(part->body, part->len, &len);
    if (bytes != NULL && len < 0)
        code = SHIM_INPUT;
    else if ((is_binary || bytes != NULL) &&
             write_base64(to, is_binary ? part->body : (char *)bytes, len))
        code = SHIM_OK;
    OPENSSL_free(bytes);
    return code;
}

#define ENCODED "Content-Transfer-Encoding: base64\n\n"

static int write_signed(const struct shim_mime *part, const struct shim_mime *der, BIO *to)
{
    const struct shim_mime *content = part + 1;
    int len = (int)(content->body + content->len - content->start);
    int code;

    if (BIO_printf(to, "Content-Type: multipart/signed; boundary=\"%s\"\n\n--%s\n", part->boundary,
                   part->boundary) < 0 ||
        BIO_write(to, content->start, len) != len ||
        BIO_printf(to, "\n--%s\nContent-Type: application/pkcs7-signature\n" ENCODED,
                   part->boundary) < 0)
        return SHIM_SYSTEM;
    code = write_der(der, to);
    if (code == SHIM_OK && BIO_printf(to, "\n--%s--\n", part->boundary) < 0)
        code = SHIM_SYSTEM;
    return code;
}

/*
 * Write |part| as a message of its own, in a form that stock reads: of a
 * multipart/signed the content unchanged and the signature; else what is signed or
 * encrypted as a whole, in base64 with short lines.
 *
 * @return SHIM_OK, SHIM_INPUT if it is no base64, or SHIM_SYSTEM; nothing is printed
 */
static int write_part(const struct shim_mime *part, FILE *to)
{
    const struct shim_mime *der = der_of(part);
    BIO *bio = BIO_new_fp(to, BIO_NOCLOSE);
    int code = SHIM_SYSTEM;

    if (bio != NULL && der != part)
        code = write_signed(part, der, bio);
    else if (bio != NULL && BIO_puts(bio, "Content-Type: application/pkcs7-mime\n" ENCODED) > 0)
        code = write_der(der, bio);
    if (code == SHIM_OK && BIO_flush(bio) != 1)
        code = SHIM_SYSTEM;
    BIO_free(bio);
    return code;
}

/* Replace |*message| by a message that is made of |part|. */
static int replace(const struct shim_mime *part, FILE **message, char **boundary)
{
    FILE *made = shim_input_spool();
    FILE *before = *message;
    int code = made == NULL ? SHIM_SYSTEM : write_part(part, made);

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
