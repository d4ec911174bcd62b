/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verifies many mails in one process; driven by test_vouching.py.
 *
 * Each line of standard input is a question: cms or smime, partial or whole,
 * the file of the program's anchors, the mail, and with -DCALLBACK a file of
 * settings or "-", separated by tabs.  Each line of output is the answer: 1,
 * or 0 and the error queue.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#ifdef CALLBACK
#include <smimepolicy.h>
#endif

enum { API, WHERE, ANCHORS, MAIL, SETTINGS, WORDS };

static void give_up(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static void ask_policy(X509_STORE *store, const char *path)
{
#ifdef CALLBACK
    smimepolicy_settings *settings = smimepolicy_settings_new();

    if (settings == NULL ||
        (strcmp(path, "-") != 0 && !smimepolicy_settings_load(settings, path, NULL)) ||
        !smimepolicy_store_set1_settings(store, settings))
        give_up(path);
    smimepolicy_settings_free(settings);
    X509_STORE_set_verify_cb(store, smimepolicy_verify_cb);
#else
    (void)store, (void)path;
#endif
}

static X509_STORE *store_of(char **words)
{
    X509_STORE *store = X509_STORE_new();

    if (store == NULL || !X509_STORE_load_file(store, words[ANCHORS]))
        give_up(words[ANCHORS]);
    X509_STORE_set_purpose(store, X509_PURPOSE_SMIME_SIGN);
    if (strcmp(words[WHERE], "partial") == 0)
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    ask_policy(store, words[SETTINGS]);
    return store;
}

static int verify_cms(BIO *mail, X509_STORE *store, BIO *text)
{
    BIO *content = NULL;
    CMS_ContentInfo *message = SMIME_read_CMS(mail, &content);
    int done = message != NULL && CMS_verify(message, NULL, store, content, text, 0) == 1;

    CMS_ContentInfo_free(message);
    BIO_free(content);
    return done;
}

static int verify_pkcs7(BIO *mail, X509_STORE *store, BIO *text)
{
    BIO *content = NULL;
    PKCS7 *message = SMIME_read_PKCS7(mail, &content);
    int done = message != NULL && PKCS7_verify(message, NULL, store, content, text, 0) == 1;

    PKCS7_free(message);
    BIO_free(content);
    return done;
}

static int print_reason(const char *line, size_t length, void *unused)
{
    (void)unused;
    printf("%.*s; ", (int)(length > 0 ? length - 1 : 0), line);
    return 1;
}

static void answer(char **words)
{
    X509_STORE *store = store_of(words);
    BIO *mail = BIO_new_file(words[MAIL], "rb");
    BIO *text = BIO_new(BIO_s_mem());

    if (mail == NULL || text == NULL)
        give_up(words[MAIL]);
    ERR_clear_error();
    if ((strcmp(words[API], "cms") == 0 ? verify_cms : verify_pkcs7)(mail, store, text) == 1) {
        printf("1");
    } else {
        printf("0 ");
        ERR_print_errors_cb(print_reason, NULL);
    }
    printf("\n");
    ERR_clear_error();
    BIO_free(text);
    BIO_free(mail);
    X509_STORE_free(store);
}

int main(void)
{
    char line[8192];
    char *words[WORDS];

    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *rest = line;

        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < WORDS; i++)
            if ((words[i] = strsep(&rest, "\t")) == NULL)
                give_up("a question lacks a word");
        answer(words);
    }
    return EXIT_SUCCESS;
}
