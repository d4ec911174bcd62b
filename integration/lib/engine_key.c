/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * engine_key CERTIFICATE MODULE KEY: sign with a key in a token, through an engine
 * that is not the default.  OpenSSL 3 only.
 */
#include <stdio.h>

#include <openssl/cms.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pem.h>

int main(int argc, char **argv)
{
    CMS_ContentInfo *cms = NULL;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    ENGINE *engine;
    BIO *file, *mail;

    if (argc != 4)
        return 2;
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    file = BIO_new_file(argv[1], "r");
    mail = BIO_new_mem_buf("test\n", -1);
    if (file != NULL && mail != NULL)
        cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
    engine = ENGINE_by_id("pkcs11");
    if (cert != NULL && engine != NULL &&
        ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", argv[2], 0) == 1 && ENGINE_init(engine) == 1)
        key = ENGINE_load_private_key(engine, argv[3], NULL, NULL);
    if (key != NULL)
        cms = CMS_sign(cert, key, NULL, mail, 0);
    ERR_print_errors_fp(stderr);
    puts(key == NULL ? "no key" : cms == NULL ? "not signed" : "signed");
    fflush(stdout);
    /* SoftHSM crashes when libcrypto cleans up. */
    _Exit(cms == NULL);
}
