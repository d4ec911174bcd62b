/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */
#include <openssl/cms.h>

#include "tool/mail/incoming.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/shim.h"
#include "tool/mail/input.h"
#include "tool/mail/read_cms.h"
#include "tool/mail/signatures.h"
#include "tool/mail/split.h"

/* Decode the signature part: its own header, then base64 (RFC 8551, 3.5.3). */
static bool decode(BIO *part, FILE *signature)
{
    BIO *base64 = BIO_new(BIO_f_base64());
    char block[4096];
    bool done = base64 != NULL;
    int len;

    do
        len = BIO_gets(part, block, sizeof(block));
    while (len > 0 && block[0] != '\r' && block[0] != '\n');
    /* The end of the BIO is the end of the data. */
    BIO_set_mem_eof_return(part, 0);
    if (done)
        BIO_push(base64, part);
    while (done && (len = BIO_read(base64, block, sizeof(block))) > 0)
        done = fwrite(block, 1, (size_t)len, signature) == (size_t)len;
    if (base64 != NULL)
        BIO_pop(base64);
    BIO_free(base64);
    return done && fflush(signature) == 0;
}

static CMS_ContentInfo *read_der(FILE *file)
{
    BIO *bio;
    CMS_ContentInfo *cms;

    rewind(file);
    bio = BIO_new_fp(file, BIO_NOCLOSE);
    cms = bio == NULL ? NULL : d2i_CMS_bio(bio, NULL);
    BIO_free(bio);
    rewind(file);
    return cms;
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
    enum shim_split result;

    incoming->content = shim_input_spool();
    incoming->signature = shim_input_spool();
    if (part == NULL || incoming->content == NULL || incoming->signature == NULL) {
        BIO_free(part);
        return false;
    }
    result = shim_split(incoming->input, incoming->mail.boundary, incoming->content, part);
    if (result == SPLIT_DONE && decode(part, incoming->signature))
        incoming->cms = read_der(incoming->signature);
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
    if (code != SHIM_OK)
        return code;
    if (done && from->covered != NULL)
        code = check_message(incoming, from);
    if (code != SHIM_OK)
        return code;
    if (done && incoming->cms != NULL && !shim_signatures_are_few(incoming->cms)) {
        shim_error("cannot read the message: " SHIM_TOO_MANY_SIGNATURES);
        incoming->too_many = true;
        return SHIM_INPUT;
    }
    if (done && incoming->cms != NULL)
        done = shim_signatures_read(incoming, from);
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
    code = shim_input_open(from->path, from->quiet, &incoming->input);
    errno = 0;
    if (code == SHIM_OK)
        code = read_message(incoming, from);
    ERR_clear_error();
    return code;
}

void shim_incoming_clear(struct shim_incoming *incoming)
{
    shim_signatures_clear(incoming);
    sk_X509_pop_free(incoming->certs, X509_free);
    sk_X509_pop_free(incoming->anchors, X509_free);
    CMS_ContentInfo_free(incoming->cms);
    shim_mail_clear(&incoming->mail);
    forget_split(incoming);
    if (incoming->input != NULL)
        fclose(incoming->input);
    memset(incoming, 0, sizeof(*incoming));
}
