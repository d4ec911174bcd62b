/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "tool/mail/mail.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/message.h"

/*
 * Limits.  For each signature libcrypto searches all certificates of the message:
 * with ten thousand of both, in 5 MB, this would take minutes.
 */
#define MOST_SIGNATURES   1000
#define MOST_CERTIFICATES 2000

const char *shim_form_of(const struct shim_args *args)
{
    const char *form = shim_args_value(args, "inform");

    return form == NULL || form[0] == 's' || form[0] == 'S' ? NULL : form;
}

CMS_ContentInfo *shim_read_cms(FILE *input, const char *form)
{
    BIO *content = NULL;
    BIO *bio;
    CMS_ContentInfo *cms;

    rewind(input);
    bio = BIO_new_fp(input, BIO_NOCLOSE);
    if (bio == NULL)
        return NULL;
    if (form == NULL)
        cms = SMIME_read_CMS(bio, &content);
    else if (OPENSSL_strcasecmp(form, "PEM") == 0)
        cms = PEM_read_bio_CMS(bio, NULL, NULL, NULL);
    else
        cms = d2i_CMS_bio(bio, NULL);
    BIO_free(content);
    BIO_free(bio);
    rewind(input);
    return cms;
}

static struct sp_signing_time signing_time(const CMS_SignerInfo *signer)
{
    int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);

    return sp_signing_time_read(
        at < 0 ? NULL : CMS_signed_get_attr(signer, at),
        at < 0 || CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, at) < 0);
}

static void free_signatures(struct shim_signature *signatures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sp_facts_free(signatures[i].facts);
        shim_chain_clear(&signatures[i].chain);
        OPENSSL_free(signatures[i].why);
    }
    OPENSSL_free(signatures);
}

static void clear_signatures(struct shim_incoming *incoming)
{
    free_signatures(incoming->signatures, incoming->count);
    free_signatures(incoming->left_out, incoming->left_out_count);
    incoming->signatures = incoming->left_out = NULL;
    incoming->count = incoming->left_out_count = 0;
}

static bool are_few(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    bool few = infos == NULL || (sk_CMS_SignerInfo_num(infos) <= MOST_SIGNATURES &&
                                 sk_X509_num(certs) <= MOST_CERTIFICATES);

    sk_X509_pop_free(certs, X509_free);
    return few;
}

/* Read one signature; false without its certificate, or if out of memory. */
static bool read_signature(struct shim_signature *signature, CMS_SignerInfo *info)
{
    const ASN1_OBJECT *algorithm;
    X509_ALGOR *digest;

    CMS_SignerInfo_get0_algs(info, NULL, &signature->cert, &digest, NULL);
    if (signature->cert == NULL)
        return false;
    X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
    signature->digest = OBJ_obj2nid(algorithm);
    signature->time = signing_time(info);
    signature->facts = sp_facts_new(signature->cert);
    return signature->facts != NULL;
}

bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(incoming->cms);
    int count = infos == NULL ? 0 : sk_CMS_SignerInfo_num(infos);

    incoming->certs = CMS_get1_certs(incoming->cms);
    if (incoming->certs == NULL)
        incoming->certs = sk_X509_new_null();
    if (incoming->certs == NULL ||
        (from->along != NULL &&
         X509_add_certs(incoming->certs, from->along, X509_ADD_FLAG_UP_REF) != 1))
        return false;
    if (count <= 0)
        return true;
    /* The same choice as stock's: first in |along|, then in the message. */
    (void)CMS_set1_signers_certs(incoming->cms, from->along, from->nointern ? CMS_NOINTERN : 0);
    incoming->signatures = OPENSSL_zalloc((size_t)count * sizeof(*incoming->signatures));
    if (incoming->signatures == NULL)
        return false;
    for (int i = 0; i < count; i++) {
        struct shim_signature *signature = &incoming->signatures[i];

        if (!read_signature(signature, sk_CMS_SignerInfo_value(infos, i))) {
            bool is_missing = signature->cert == NULL;

            clear_signatures(incoming);
            return is_missing;
        }
        incoming->count++;
    }
    return true;
}

/* Decode the signature part: its own header, then base64 (RFC 8551, 3.5.3). */
static bool decode(BIO *part, FILE *signature)
{
    char *text;
    size_t len = (size_t)BIO_get_mem_data(part, &text);
    size_t header = shim_header_length(text, len);
    int made = -1;
    unsigned char *der =
        header == 0 ? NULL : shim_decode_base64(text + header, len - header, &made);
    bool done = made > 0 && fwrite(der, 1, (size_t)made, signature) == (size_t)made &&
                fflush(signature) == 0;

    OPENSSL_free(der);
    return done;
}

static void forget_split(struct shim_incoming *incoming)
{
    if (incoming->content != NULL)
        fclose(incoming->content);
    if (incoming->signature != NULL)
        fclose(incoming->signature);
    incoming->content = NULL;
    incoming->signature = NULL;
}

/*
 * Split a multipart/signed.  False if it failed for a reason outside of the
 * message.  Without |content| the message is left whole.
 */
static bool split(struct shim_incoming *incoming)
{
    BIO *part = BIO_new(BIO_s_mem());
    enum shim_split result = SPLIT_FAILED;

    incoming->content = shim_input_spool();
    incoming->signature = shim_input_spool();
    if (part != NULL && incoming->content != NULL && incoming->signature != NULL)
        result = shim_split(incoming->input, incoming->mail.boundary, incoming->content, part);
    if (result == SPLIT_DONE && decode(part, incoming->signature))
        incoming->cms = shim_read_cms(incoming->signature, "DER");
    if (incoming->cms == NULL)
        forget_split(incoming);
    BIO_free(part);
    return result != SPLIT_FAILED;
}

/* Read the message from its body on; false if it failed for a reason outside of the message. */
static bool read_body(struct shim_incoming *incoming, const struct shim_incoming_from *from)
{
    bool done = !from->may_split || incoming->mail.boundary == NULL || split(incoming);

    if (done && incoming->cms == NULL)
        incoming->cms = shim_read_cms(incoming->input, from->form);
    return done;
}

/* Read a part in a form that stock does not read.  The header around it names the sender. */
static int read_part(struct shim_incoming *incoming, const struct shim_incoming_from *from,
                     bool *done)
{
    BUF_MEM *header;
    int code;

    if (incoming->mail.sender.header != SP_READABLE) {
        shim_error("the message cannot be read: its header %s; give the mail as a mail program "
                   "saves it",
                   sp_unreadable_text(incoming->mail.sender.header));
        return SHIM_INPUT;
    }
    code = shim_part_find(&incoming->input, &incoming->mail.boundary, from->covered, "verify");
    if (code != SHIM_OK)
        return code;
    header = shim_input_header(incoming->input);
    *done = header != NULL && read_body(incoming, from);
    BUF_MEM_free(header);
    return SHIM_OK;
}

static bool is_empty(FILE *file)
{
    struct stat is;

    return fstat(fileno(file), &is) == 0 && is.st_size == 0;
}

/* Report faults for which a verification would give only raw errors. */
static int check_message(const struct shim_incoming *incoming,
                         const struct shim_incoming_from *from)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    int type = incoming->cms == NULL ? NID_undef : OBJ_obj2nid(CMS_get0_type(incoming->cms));

    if (incoming->cms == NULL && !shim_memory_sufficed())
        return SHIM_SYSTEM;
    if (type == NID_pkcs7_signed && !from->content_named && incoming->content == NULL &&
        from->covered->type != NULL && incoming->mail.boundary == NULL &&
        CMS_is_detached(incoming->cms) == 1)
        shim_error("the S/MIME part is a signature alone, and it is not clear what it signs; save "
                   "that, and name it with -content");
    else if (type == NID_pkcs7_signed)
        return SHIM_OK;
    else if (incoming->cms == NULL && is_empty(incoming->input))
        shim_error("the message is empty");
    else if (incoming->cms == NULL)
        shim_error("the message cannot be read as %s%s%s%s",
                   from->form == NULL ? "S/MIME" : from->form, reason != NULL ? " (" : "",
                   reason != NULL ? reason : "", reason != NULL ? ")" : "");
    else
        shim_error("the message is not signed: it is %s; decrypt what is encrypted, and verify "
                   "what comes out",
                   type != NID_undef ? OBJ_nid2sn(type) : "of an unknown type");
    return SHIM_INPUT;
}

static int read_message(struct shim_incoming *incoming, const struct shim_incoming_from *from)
{
    bool done = true;
    int code = SHIM_OK;

    if (from->form == NULL) {
        BUF_MEM *header = shim_input_header(incoming->input);

        done = header != NULL && shim_mail_read(header->data, header->length, &incoming->mail);
        BUF_MEM_free(header);
    }
    done = done && read_body(incoming, from);
    if (done && incoming->cms == NULL && from->form == NULL && from->covered != NULL)
        code = read_part(incoming, from, &done);
    if (code == SHIM_OK && done && from->covered != NULL)
        code = check_message(incoming, from);
    if (code != SHIM_OK)
        return code;
    if (done && incoming->cms != NULL && !are_few(incoming->cms)) {
        shim_error("cannot read the message: it has more than 1,000 signatures or 2,000 "
                   "certificates; ask the sender for one with fewer");
        incoming->too_many = true;
        return SHIM_INPUT;
    }
    done = done && (incoming->cms == NULL || shim_signatures_read(incoming, from));
    rewind(incoming->input);
    if (done)
        return SHIM_OK;
    shim_error("cannot read the message, parts of which are kept in %s: %s", shim_spool_dir(),
               errno != 0 ? strerror(errno) : "out of memory");
    return SHIM_SYSTEM;
}

int shim_incoming_read(struct shim_incoming *incoming, const struct shim_incoming_from *from)
{
    int code;

    memset(incoming, 0, sizeof(*incoming));
    incoming->input = from->opened;
    code =
        from->opened != NULL ? SHIM_OK : shim_input_open(from->path, from->quiet, &incoming->input);
    errno = 0;
    if (code == SHIM_OK)
        code = read_message(incoming, from);
    ERR_clear_error();
    return code;
}

void shim_incoming_clear(struct shim_incoming *incoming)
{
    clear_signatures(incoming);
    sk_X509_pop_free(incoming->certs, X509_free);
    sk_X509_pop_free(incoming->anchors, X509_free);
    X509_STORE_free(incoming->store);
    CMS_ContentInfo_free(incoming->cms);
    shim_mail_clear(&incoming->mail);
    forget_split(incoming);
    if (incoming->input != NULL)
        fclose(incoming->input);
    memset(incoming, 0, sizeof(*incoming));
}
