/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading all of a PKCS#12 (RFC 7292): every bag of every content, not only the
 * first key.
 */
#include <string.h>

#include <openssl/err.h>

#include "tool/certs/certs.h"
#include "base/compat.h"
#include "base/text.h"

/* Programs write two or three contents; each has its own key derivation. */
#define MOST_CONTENTS 1000

/* The passphrases that are tried without asking: the empty one, and none. */
#define NO_ANSWERS 2

#define NEEDS_PASSPHRASE "it needs a passphrase"
#define AGAIN            "; export it anew"

/* One PKCS#12 that is being read. */
struct walk {
    struct shim_file_parts *file;
    PKCS12 *p12;
    struct shim_pass attempts[4]; /* borrowed; the one that has fitted last comes first */
    size_t count;
    const char *pass; /* borrowed: what was given or entered; NULL until it is needed */
    char *other;      /* owned: the same in another encoding, or NULL */
    unsigned wrong;   /* how many wrong ones were entered */
    bool asked;
    bool fits; /* a passphrase fits the MAC */
    bool numbered;
    size_t found, others;
    STACK_OF(PKCS12_SAFEBAG) *contents[MOST_CONTENTS]; /* owned; NULL: it cannot be decrypted */
    char *closed[MOST_CONTENTS];                       /* owned: why not */
    int contents_count;
};

static void add_attempt(struct walk *walk, const char *text)
{
    walk->attempts[walk->count++] =
        (struct shim_pass){ text, text == NULL ? 0 : (int)strlen(text) };
}

/* Encode |pass| as some programs (gpgsm) do: they take each byte of UTF-8 for a character. */
static char *byte_by_byte(const char *pass)
{
    unsigned char *wide = NULL;
    char *text = NULL;
    int length = 0;
    bool ascii = true;

    for (const char *at = pass; *at != '\0'; at++)
        ascii = ascii && (unsigned char)*at < 0x80;
    if (!ascii && OPENSSL_asc2uni(pass, (int)strlen(pass), &wide, &length) != NULL)
        text = OPENSSL_uni2utf8(wide, length);
    OPENSSL_clear_free(wide, (size_t)length);
    return text;
}

/* Ask for the passphrase, once for a file. */
static bool ask(struct walk *walk)
{
    if (walk->asked)
        return false;
    walk->asked = true;
    walk->pass = shim_part_pass(walk->file);
    if (walk->pass == NULL || walk->pass[0] == '\0')
        return false;
    add_attempt(walk, walk->pass);
    walk->other = byte_by_byte(walk->pass);
    if (walk->other != NULL)
        add_attempt(walk, walk->other);
    return true;
}

static void forget_other(struct walk *walk)
{
    OPENSSL_clear_free(walk->other, walk->other == NULL ? 0 : strlen(walk->other));
    walk->other = NULL;
}

/*
 * The passphrase entered does not fit the MAC: forget it and ask again.  The empty
 * one and none stay.
 */
static bool ask_again(struct walk *walk)
{
    if (!walk->asked || !shim_passphrase_again(&walk->file->reading->pass, &walk->wrong))
        return false;
    forget_other(walk);
    walk->count = NO_ANSWERS;
    walk->asked = false;
    return true;
}

/* Something encrypted, and the result of decrypting it. */
struct closed {
    const X509_ALGOR *pbe;
    const ASN1_OCTET_STRING *octets;
    const ASN1_ITEM *item;
    OSSL_LIB_CTX *context;
    void *opened;
};

/* Does |pass| open |closed|?  NULL: does it fit the MAC? */
static bool fits(struct walk *walk, const struct shim_pass *pass, struct closed *closed)
{
    if (closed == NULL)
        return PKCS12_verify_mac(walk->p12, pass->text, pass->length) == 1;
    closed->opened = shim_pbe_open(&walk->file->legacy, closed->pbe, closed->octets, closed->item,
                                   pass, closed->context);
    return closed->opened != NULL;
}

/* Try all passphrases.  The one that fits is tried first from now on. */
static bool try_all(struct walk *walk, struct closed *closed)
{
    for (size_t i = 0; i < walk->count || ask(walk); i++) {
        struct shim_pass attempt = walk->attempts[i];

        if (!fits(walk, &attempt, closed))
            continue;
        memmove(walk->attempts + 1, walk->attempts, i * sizeof(attempt));
        walk->attempts[0] = attempt;
        return true;
    }
    return false;
}

/* Why no passphrase fits. */
static const char *misfit(const struct walk *walk)
{
    if (walk->fits)
        return "the passphrase fits the PKCS#12 as a whole, and this is encrypted under another "
               "one" AGAIN " with one passphrase for all of it";
    if (walk->pass == NULL)
        return NEEDS_PASSPHRASE;
    return "the passphrase does not open it: it is wrong, or this is damaged, which no MAC of this "
           "PKCS#12 could tell";
}

/* Decrypt it; NULL, with |*why| to free, if that fails. */
static void *open_closed(struct walk *walk, struct closed *closed, char **why)
{
    if (!shim_pbe_find(&walk->file->legacy, closed->pbe, &closed->context, why))
        return NULL;
    if (try_all(walk, closed))
        return closed->opened;
    *why = OPENSSL_strdup(misfit(walk));
    return NULL;
}

/* The bags of one content; NULL, with |*why| to free, if it cannot be decrypted. */
static STACK_OF(PKCS12_SAFEBAG) *open_content(struct walk *walk, PKCS7 *content, char **why)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    struct closed closed = { .item = ASN1_ITEM_rptr(PKCS12_SAFEBAGS) };

    /* libcrypto's parser accepts missing contents. */
    if (content->d.ptr != NULL && PKCS7_type_is_data(content)) {
        bags = PKCS12_unpack_p7data(content);
    } else if (content->d.ptr != NULL && PKCS7_type_is_encrypted(content)) {
        closed.pbe = content->d.encrypted->enc_data->algorithm;
        closed.octets = content->d.encrypted->enc_data->enc_data;
        if (closed.octets != NULL)
            return open_closed(walk, &closed, why);
    }
    if (bags == NULL)
        *why = OPENSSL_strdup("what it holds is damaged, or not encrypted under a "
                              "passphrase" AGAIN " with one");
    return bags;
}

static void next_part(struct walk *walk)
{
    if (walk->numbered)
        walk->file->number++;
}

static void take_cert(struct walk *walk, const PKCS12_SAFEBAG *bag)
{
    X509 *cert = PKCS12_SAFEBAG_get1_cert(bag);

    if (cert != NULL)
        shim_part_give(walk->file, (struct shim_part){ .cert = cert });
    else
        shim_part_broken(walk->file, SHIM_NO_CERTIFICATE);
    X509_free(cert);
}

/* Give a key with the passphrase that fitted last, with which it is to be stored again. */
static void give_key(struct walk *walk, const PKCS8_PRIV_KEY_INFO *plain)
{
    shim_part_plain_key(walk->file, plain, walk->attempts[0].length > 0 ? walk->pass : NULL);
}

static void take_closed_key(struct walk *walk, const PKCS12_SAFEBAG *bag)
{
    struct closed closed = { .item = ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO) };
    PKCS8_PRIV_KEY_INFO *plain;
    char *why = NULL;

    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &closed.pbe, &closed.octets);
    plain = open_closed(walk, &closed, &why);
    if (plain != NULL)
        give_key(walk, plain);
    else
        shim_part_refuse(walk->file, why);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

/* libcrypto has limited the nesting of bags when it read them. */
static void take_bags(struct walk *walk, const STACK_OF(PKCS12_SAFEBAG) *bags)
{
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !walk->file->reading->stopped; i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        int kind = PKCS12_SAFEBAG_get_nid(bag);

        if (kind == NID_safeContentsBag) {
            take_bags(walk, PKCS12_SAFEBAG_get0_safes(bag));
            continue;
        }
        next_part(walk);
        walk->found++;
        if (kind == NID_certBag && PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
            take_cert(walk, bag);
        else if (kind == NID_keyBag)
            give_key(walk, PKCS12_SAFEBAG_get0_p8inf(bag));
        else if (kind == NID_pkcs8ShroudedKeyBag)
            take_closed_key(walk, bag);
        else {
            walk->found--;
            walk->others++;
        }
    }
}

static void take_contents(struct walk *walk)
{
    for (int i = 0; i < walk->contents_count; i++) {
        if (walk->contents[i] == NULL) {
            next_part(walk);
            walk->found++;
            shim_part_refuse(walk->file, walk->closed[i]);
            walk->closed[i] = NULL;
        } else {
            take_bags(walk, walk->contents[i]);
        }
    }
    if (walk->numbered)
        walk->file->number = 0;
    if (walk->found == 0)
        shim_part_broken(walk->file, "it is a PKCS#12 that holds neither a certificate nor a "
                                     "private key");
    else if (walk->others > 0)
        shim_part_give(walk->file,
                       (struct shim_part){ .note = "it holds something else beside certificates "
                                                   "and private keys, a CRL or a secret perhaps, "
                                                   "which is passed over" });
}

/*
 * Open all contents; the iterations of all of them are counted before the first is
 * opened.  False: they are too many, which was given as a broken part.
 */
static bool open_contents(struct walk *walk, const STACK_OF(PKCS7) *contents)
{
    int64_t work = shim_iterations_in(walk->p12, contents);

    for (int i = 0; i < sk_PKCS7_num(contents) && work <= SHIM_MOST_ITERATIONS; i++) {
        PKCS7 *content = sk_PKCS7_value(contents, i);

        walk->contents[i] = open_content(walk, content, &walk->closed[i]);
        walk->contents_count = i + 1;
        if (PKCS7_type_is_encrypted(content))
            work += shim_iterations_of_bags(walk->contents[i]);
    }
    if (work > SHIM_MOST_ITERATIONS)
        shim_part_broken(walk->file, SHIM_TOO_MANY_ITERATIONS);
    return work <= SHIM_MOST_ITERATIONS;
}

/* Can this OpenSSL check the MAC?  If not, that is given as a broken part. */
static bool has_mac(struct walk *walk)
{
    const X509_ALGOR *algorithm = NULL;
    EVP_MD *digest;
    char name[80];
    int nid;

    PKCS12_get0_mac(NULL, &algorithm, NULL, NULL, walk->p12);
    nid = OBJ_obj2nid(algorithm->algorithm);
    digest = nid == NID_pbmac1 ? NULL : EVP_MD_fetch(NULL, OBJ_nid2sn(nid), NULL);
    EVP_MD_free(digest);
    if (digest != NULL || (nid == NID_pbmac1 && sp_has_pbmac1()))
        return true;
    shim_object_text(algorithm->algorithm, name, sizeof(name));
    shim_part_refuse(walk->file,
                     sp_format("its MAC is made with %s, which this OpenSSL does not have" AGAIN
                               " with a MAC of SHA-256 (HMAC)",
                               name));
    return false;
}

/*
 * Does a passphrase fit the MAC?  If not, that is given as a broken part.  Without a
 * MAC nobody is asked here.
 */
static bool check_mac(struct walk *walk)
{
    if (!PKCS12_mac_present(walk->p12))
        return true;
    if (!has_mac(walk))
        return false;
    do
        walk->fits = try_all(walk, NULL);
    while (!walk->fits && ask_again(walk));
    if (!walk->fits)
        shim_part_broken(walk->file, walk->pass != NULL ? SHIM_WRONG_PASSPHRASE : NEEDS_PASSPHRASE);
    return walk->fits;
}

/* Why its contents cannot be read at all; NULL: they can. */
static const char *unfit(const PKCS12 *p12, const STACK_OF(PKCS7) *contents)
{
    unsigned long error = ERR_peek_last_error();

    if (contents == NULL && ERR_GET_LIB(error) == ERR_LIB_PKCS12 &&
        ERR_GET_REASON(error) == PKCS12_R_CONTENT_TYPE_NOT_DATA)
        return "it is signed with a key and not under a passphrase" AGAIN " with one";
    if (contents == NULL)
        return "it is a PKCS#12 that is damaged" AGAIN;
    if (sk_PKCS7_num(contents) > MOST_CONTENTS)
        return "it is a PKCS#12 of more than 1,000 contents; give certificates and keys one by one";
    return shim_iterations_in(p12, contents) > SHIM_MOST_ITERATIONS ? SHIM_TOO_MANY_ITERATIONS
                                                                    : NULL;
}

void shim_parts_pkcs12(struct shim_file_parts *file, PKCS12 *p12)
{
    struct walk walk = { .file = file, .p12 = p12, .numbered = file->number == 0 };
    STACK_OF(PKCS7) *contents;
    const char *why;

    /*
     * A given passphrase most likely fits, and each attempt takes all iterations, so it
     * is tried first.
     */
    if (file->reading->pass.given)
        (void)ask(&walk);
    add_attempt(&walk, "");
    add_attempt(&walk, NULL);
    ERR_clear_error();
    contents = PKCS12_unpack_authsafes(p12);
    why = unfit(p12, contents);
    if (why != NULL)
        shim_part_broken(file, why);
    else if (check_mac(&walk) && open_contents(&walk, contents))
        take_contents(&walk);
    forget_other(&walk);
    for (int i = 0; i < walk.contents_count; i++) {
        sk_PKCS12_SAFEBAG_pop_free(walk.contents[i], PKCS12_SAFEBAG_free);
        OPENSSL_free(walk.closed[i]);
    }
    sk_PKCS7_pop_free(contents, PKCS7_free);
}
