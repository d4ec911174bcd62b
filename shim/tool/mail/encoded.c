/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <iconv.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "tool/mail/mail.h"

/* One encoded word: =?charset?encoding?text?= */
struct word {
    const char *charset;
    size_t charset_len;
    char encoding;
    const char *text;
    size_t len;
};

static const char *find(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* Find the next encoded word from |at| on; returns the byte after it, or NULL if there is none. */
static const char *next_word(const char *at, const char *end, struct word *word)
{
    while ((at = find(at, end, "=?")) != NULL) {
        const char *encoding = find(at + 2, end, "?");
        const char *close;

        at += 2;
        if (encoding == NULL || end - encoding < 3 || encoding[2] != '?' ||
            strchr("qQbB", encoding[1]) == NULL)
            continue;
        close = find(encoding + 3, end, "?=");
        if (close == NULL)
            return NULL;
        word->charset = at;
        word->charset_len = (size_t)(encoding - at);
        word->encoding = encoding[1];
        word->text = encoding + 3;
        word->len = (size_t)(close - word->text);
        return close + 2;
    }
    return NULL;
}

/* Decode Q (RFC 2047, 4.2) into |out|, which has the size of the text. */
static size_t decode_q(const struct word *word, char *out)
{
    size_t made = 0;

    for (size_t i = 0; i < word->len; i++) {
        int high = i + 2 < word->len ? OPENSSL_hexchar2int((unsigned char)word->text[i + 1]) : -1;
        int low = i + 2 < word->len ? OPENSSL_hexchar2int((unsigned char)word->text[i + 2]) : -1;

        if (word->text[i] == '=' && high >= 0 && low >= 0) {
            out[made++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[made++] = word->text[i];
        }
    }
    return made;
}

/*
 * Decode into |out|, which has the size of the text.  False if readers may differ:
 * others skip what is no base64, or accept missing padding.
 */
static bool decode(const struct word *word, char *out, size_t *made)
{
    size_t padding = 0;
    int blocks;

    if (word->encoding == 'q' || word->encoding == 'Q') {
        *made = decode_q(word, out);
        return true;
    }
    for (size_t i = 0; i < word->len; i++)
        if (strchr(" \t\r\n", word->text[i]) != NULL)
            return false;
    blocks =
        EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)word->text, (int)word->len);
    while (padding < 2 && padding < word->len && word->text[word->len - 1 - padding] == '=')
        padding++;
    *made = blocks < 0 ? 0 : (size_t)blocks - padding;
    return blocks >= 0 || word->len == 0;
}

/* The charset's name without a language (RFC 2231, 5), or "" if it is too long. */
static void name_charset(const struct word *word, char name[64])
{
    size_t len = strcspn(word->charset, "*?");

    if (len > word->charset_len)
        len = word->charset_len;
    if (len > 63)
        len = 0;
    memcpy(name, word->charset, len);
    name[len] = '\0';
}

/* Is it the charset that mailers write for an unknown one?  No reader decodes that. */
static bool is_unknown(const char *charset)
{
    return OPENSSL_strcasecmp(charset, "unknown-8bit") == 0 ||
           OPENSSL_strcasecmp(charset, "x-unknown") == 0;
}

/*
 * Convert |from| to UTF-8 at |to|, which has |room|.  False if the charset is not
 * known here, though another reader may know it, or if the text is not in it.
 */
static bool to_utf8(const struct word *word, char *from, size_t len, char *to, size_t *room)
{
    char name[64];
    iconv_t conversion;
    bool done;

    name_charset(word, name);
    if (is_unknown(name)) {
        memcpy(to, from, len);
        *room -= len;
        return true;
    }
    conversion = iconv_open("UTF-8", name);
    if ((intptr_t)conversion == -1)
        return false;
    done = iconv(conversion, &from, &len, &to, room) != (size_t)-1 &&
           iconv(conversion, NULL, NULL, &to, room) != (size_t)-1;
    iconv_close(conversion);
    return done;
}

/* What a reader finds that decodes the field first. */
struct tally {
    size_t signs;   /* the number of "@" */
    size_t encoded; /* the number of syntax characters in encoded words */
};

static void count(struct tally *tally, const char *text, size_t len, bool is_encoded)
{
    for (size_t i = 0; i < len; i++) {
        tally->signs += text[i] == '@';
        tally->encoded +=
            is_encoded && text[i] != '\0' && strchr("\"<>(),;:\\\r\n", text[i]) != NULL;
    }
}

/* The most bytes of UTF-8 for one byte of a charset are 9 (TSCII). */
#define UTF8_MOST 12

/* Count one word.  |*clear| becomes false if others may read the word differently. */
static bool count_word(struct tally *tally, const struct word *word, bool *clear)
{
    size_t all = UTF8_MOST * (word->len + 4);
    size_t room = all;
    char *decoded = OPENSSL_malloc(word->len + 4);
    char *utf8 = OPENSSL_malloc(all);
    bool done = decoded != NULL && utf8 != NULL;
    size_t made;

    if (done && decode(word, decoded, &made) && to_utf8(word, decoded, made, utf8, &room))
        count(tally, utf8, all - room, true);
    else
        *clear = false;
    OPENSSL_free(decoded);
    OPENSSL_free(utf8);
    return done;
}

bool shim_encoded_hides(const char *raw, size_t len, size_t addresses, bool *hides)
{
    const char *end = raw + len;
    struct tally tally = { 0 };
    struct word word;
    const char *after;
    bool clear = true;

    *hides = false;
    while ((after = next_word(raw, end, &word)) != NULL) {
        count(&tally, raw, (size_t)(word.charset - raw), false);
        if (!count_word(&tally, &word, &clear))
            return false;
        raw = after;
    }
    count(&tally, raw, (size_t)(end - raw), false);
    *hides = !clear || (tally.encoded > 0 && tally.signs > addresses);
    return true;
}
