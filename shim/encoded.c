/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <iconv.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "encoded.h"

/* One encoded word, =?charset?encoding?text?= */
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

/* The next one from |at| on; NULL if there is none, else the byte after it. */
static const char *next_word(const char *at, const char *end, struct word *word)
{
    while ((at = find(at, end, "=?")) != NULL) {
        const char *encoding = find(at + 2, end, "?");
        const char *close;

        at += 2;
        if (encoding == NULL || end - encoding < 3 || encoding[2] != '?')
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

/* RFC 2047, 4.2, in |out|, which has room for the text as it is. */
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

/* In |out|, which has room for the text as it is; what cannot be decoded is left so. */
static size_t decode(const struct word *word, char *out)
{
    int made = -1;

    if (word->encoding == 'q' || word->encoding == 'Q')
        return decode_q(word, out);
    if (word->encoding == 'b' || word->encoding == 'B')
        made = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)word->text,
                               (int)word->len);
    if (made >= 0)
        return (size_t)made;
    memcpy(out, word->text, word->len);
    return word->len;
}

/* The charset's name without a language (RFC 2231, 5), or "" if it is too long for one. */
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

/* |from| in UTF-8 at |to|, which has four times its room; bytes of no charset stay as they are. */
static size_t to_utf8(const struct word *word, char *from, size_t len, char *to)
{
    char *begin = to;
    char name[64];
    size_t room = 4 * len;
    iconv_t conversion;

    name_charset(word, name);
    conversion = iconv_open("UTF-8", name);
    if ((intptr_t)conversion != -1) {
        (void)iconv(conversion, &from, &len, &to, &room);
        iconv_close(conversion);
    }
    memcpy(to, from, len < room ? len : room);
    return (size_t)(to - begin) + (len < room ? len : room);
}

/* What is counted in the field as a reader has it that decodes it first. */
struct tally {
    size_t signs;   /* of "@" */
    size_t encoded; /* characters of the syntax in encoded words */
};

static void count(struct tally *tally, const char *text, size_t len, bool is_encoded)
{
    for (size_t i = 0; i < len; i++) {
        tally->signs += text[i] == '@';
        tally->encoded +=
            is_encoded && text[i] != '\0' && strchr("\"<>(),;:\\\r\n", text[i]) != NULL;
    }
}

static bool count_word(struct tally *tally, const struct word *word)
{
    char *decoded = OPENSSL_malloc(word->len + 4);
    char *utf8 = OPENSSL_malloc(4 * (word->len + 4));

    if (decoded != NULL && utf8 != NULL)
        count(tally, utf8, to_utf8(word, decoded, decode(word, decoded), utf8), true);
    OPENSSL_free(decoded);
    OPENSSL_free(utf8);
    return decoded != NULL && utf8 != NULL;
}

bool shim_encoded_hides(const char *raw, size_t len, size_t addresses, bool *hides)
{
    const char *end = raw + len;
    struct tally tally = { 0 };
    struct word word;
    const char *after;

    *hides = false;
    while ((after = next_word(raw, end, &word)) != NULL) {
        count(&tally, raw, (size_t)(word.charset - raw), false);
        if (!count_word(&tally, &word))
            return false;
        raw = after;
    }
    count(&tally, raw, (size_t)(end - raw), false);
    *hides = tally.encoded > 0 && tally.signs > addresses;
    return true;
}
