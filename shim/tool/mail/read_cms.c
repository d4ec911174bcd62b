/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */
#include <openssl/cms.h>

#include "tool/mail/read_cms.h"

const char *shim_form_of(const struct shim_args *args)
{
    const char *form = shim_args_value(args, "inform");

    return form == NULL || form[0] == 's' || form[0] == 'S' ? NULL : form;
}

static CMS_ContentInfo *read_smime(BIO *bio)
{
    BIO *content = NULL;
    CMS_ContentInfo *cms = SMIME_read_CMS(bio, &content);

    BIO_free(content);
    return cms;
}

CMS_ContentInfo *shim_read_cms(FILE *input, const char *form)
{
    BIO *bio;
    CMS_ContentInfo *cms;

    rewind(input);
    bio = BIO_new_fp(input, BIO_NOCLOSE);
    if (bio == NULL)
        return NULL;
    if (form == NULL)
        cms = read_smime(bio);
    else if (OPENSSL_strcasecmp(form, "PEM") == 0)
        cms = PEM_read_bio_CMS(bio, NULL, NULL, NULL);
    else
        cms = d2i_CMS_bio(bio, NULL);
    BIO_free(bio);
    rewind(input);
    return cms;
}
