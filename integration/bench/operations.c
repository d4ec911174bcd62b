/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * bench_operations OPERATION ROUNDS CERTS KEY [THREADS [LIVE]]: do one operation
 * ROUNDS times in this process, for all.sh.  It knows nothing of the policy:
 * OPENSSL_CONF decides.  CERTS is a PEM file: its first certificate belongs to KEY;
 * all of them are recipients, or are put into the signed message.  The certificates
 * of LIVE are parsed first, and stay alive.
 *
 * Prints microseconds of processor time and of the clock for each round, and the
 * peak memory in KiB after a tenth of the rounds and after all.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ssl.h>

#define MAIL   10000
#define CHUNK  16384
#define CHUNKS 64

/* Made once, then read by every thread. */
static struct {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) *certs, *live;
    X509_STORE *store;
    SSL_CTX *server, *client;
    unsigned char mail[MAIL], chunk[CHUNK + EVP_MAX_BLOCK_LENGTH];
    unsigned char *message, **encodings;
    long message_length, *encoding_lengths;
} given;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench_operations: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static BIO *mail(void)
{
    return BIO_new_mem_buf(given.mail, MAIL);
}

static CMS_ContentInfo *cms_signed(STACK_OF(X509) *more)
{
    BIO *in = mail();
    CMS_ContentInfo *cms = CMS_sign(given.cert, given.key, more, in, CMS_BINARY);

    must(cms != NULL, "CMS_sign");
    BIO_free(in);
    return cms;
}

static void cms_sign(unsigned long round)
{
    (void)round;
    CMS_ContentInfo_free(cms_signed(NULL));
}

static CMS_ContentInfo *cms_sealed(void)
{
    BIO *in = mail();
    CMS_ContentInfo *cms = CMS_encrypt(given.certs, in, EVP_aes_256_cbc(), CMS_BINARY);

    must(cms != NULL, "CMS_encrypt");
    BIO_free(in);
    return cms;
}

static void cms_encrypt(unsigned long round)
{
    (void)round;
    CMS_ContentInfo_free(cms_sealed());
}

static void prepare_cms(CMS_ContentInfo *cms)
{
    given.message_length = i2d_CMS_ContentInfo(cms, &given.message);
    must(given.message_length > 0, "i2d_CMS_ContentInfo");
    CMS_ContentInfo_free(cms);
}

/* The signer's certificate is in the message anyway, and may not be there twice. */
static void prepare_cms_verify(void)
{
    X509 *signer = sk_X509_shift(given.certs);

    prepare_cms(cms_signed(given.certs));
    must(sk_X509_unshift(given.certs, signer) > 0, "out of memory");
}

static void prepare_cms_decrypt(void)
{
    prepare_cms(cms_sealed());
}

static CMS_ContentInfo *cms_parsed(void)
{
    const unsigned char *der = given.message;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &der, given.message_length);

    must(cms != NULL, "d2i_CMS_ContentInfo");
    return cms;
}

static void cms_verify(unsigned long round)
{
    CMS_ContentInfo *cms = cms_parsed();
    BIO *out = BIO_new(BIO_s_null());

    (void)round;
    must(CMS_verify(cms, NULL, given.store, NULL, out, CMS_BINARY) == 1, "CMS_verify");
    BIO_free(out);
    CMS_ContentInfo_free(cms);
}

static void cms_decrypt(unsigned long round)
{
    CMS_ContentInfo *cms = cms_parsed();
    BIO *out = BIO_new(BIO_s_null());

    (void)round;
    must(CMS_decrypt(cms, given.key, given.cert, NULL, out, CMS_BINARY) == 1, "CMS_decrypt");
    BIO_free(out);
    CMS_ContentInfo_free(cms);
}

static PKCS7 *pkcs7_signed(void)
{
    BIO *in = mail();
    PKCS7 *p7 = PKCS7_sign(given.cert, given.key, NULL, in, PKCS7_BINARY);

    must(p7 != NULL, "PKCS7_sign");
    BIO_free(in);
    return p7;
}

static void pkcs7_sign(unsigned long round)
{
    (void)round;
    PKCS7_free(pkcs7_signed());
}

static void pkcs7_encrypt(unsigned long round)
{
    BIO *in = mail();
    PKCS7 *p7 = PKCS7_encrypt(given.certs, in, EVP_aes_256_cbc(), PKCS7_BINARY);

    (void)round;
    must(p7 != NULL, "PKCS7_encrypt");
    BIO_free(in);
    PKCS7_free(p7);
}

static void prepare_pkcs7_verify(void)
{
    PKCS7 *p7 = pkcs7_signed();

    given.message_length = i2d_PKCS7(p7, &given.message);
    must(given.message_length > 0, "i2d_PKCS7");
    PKCS7_free(p7);
}

static void pkcs7_verify(unsigned long round)
{
    const unsigned char *der = given.message;
    PKCS7 *p7 = d2i_PKCS7(NULL, &der, given.message_length);
    BIO *out = BIO_new(BIO_s_null());

    (void)round;
    must(p7 != NULL && PKCS7_verify(p7, NULL, given.store, NULL, out, PKCS7_BINARY) == 1,
         "PKCS7_verify");
    BIO_free(out);
    PKCS7_free(p7);
}

static void prepare_tls(void)
{
    given.server = SSL_CTX_new(TLS_server_method());
    given.client = SSL_CTX_new(TLS_client_method());
    must(given.server != NULL && given.client != NULL &&
             SSL_CTX_use_certificate(given.server, given.cert) == 1 &&
             SSL_CTX_use_PrivateKey(given.server, given.key) == 1 &&
             SSL_CTX_set_min_proto_version(given.client, TLS1_3_VERSION) == 1,
         "TLS");
    /* The trust store of a client.  The certificate is not one for servers. */
    SSL_CTX_set_verify(given.client, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(given.server, SSL_SESS_CACHE_OFF);
}

static void tls(unsigned long round)
{
    SSL *server = SSL_new(given.server), *client = SSL_new(given.client);
    BIO *a = NULL, *b = NULL;
    int done = 0;

    (void)round;
    must(server != NULL && client != NULL && BIO_new_bio_pair(&a, 0, &b, 0) == 1, "SSL_new");
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && done < 2; i++)
        done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
    must(done == 2, "SSL_do_handshake");
    SSL_free(server);
    SSL_free(client);
}

/* A megabyte. */
static void sha256(unsigned long round)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    (void)round;
    for (int i = 0; done && i < CHUNKS; i++)
        done = EVP_DigestUpdate(ctx, given.chunk, CHUNK) == 1;
    must(done && EVP_DigestFinal_ex(ctx, digest, NULL) == 1, "SHA-256");
    EVP_MD_CTX_free(ctx);
}

static void aes_gcm(unsigned long round)
{
    static const unsigned char key[32], iv[12];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char out[CHUNK + EVP_MAX_BLOCK_LENGTH];
    int length;
    bool done = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv) == 1;

    (void)round;
    for (int i = 0; done && i < CHUNKS; i++)
        done = EVP_EncryptUpdate(ctx, out, &length, given.chunk, CHUNK) == 1;
    must(done, "AES-GCM");
    EVP_CIPHER_CTX_free(ctx);
}

static void prepare_parse(void)
{
    int count = sk_X509_num(given.certs);

    given.encodings = calloc((size_t)count, sizeof(*given.encodings));
    given.encoding_lengths = calloc((size_t)count, sizeof(*given.encoding_lengths));
    must(given.encodings != NULL && given.encoding_lengths != NULL, "out of memory");
    for (int i = 0; i < count; i++)
        given.encoding_lengths[i] = i2d_X509(sk_X509_value(given.certs, i), &given.encodings[i]);
}

static void parse(unsigned long round)
{
    size_t i = round % (unsigned long)sk_X509_num(given.certs);
    const unsigned char *der = given.encodings[i];
    X509 *cert = d2i_X509(NULL, &der, given.encoding_lengths[i]);

    must(cert != NULL, "d2i_X509");
    X509_free(cert);
}

struct operation {
    const char *name;
    void (*run)(unsigned long round);
    void (*prepare)(void);
};

static const struct operation operations[] = {
    { "cms-sign", cms_sign, NULL },
    { "cms-encrypt", cms_encrypt, NULL },
    { "cms-verify", cms_verify, prepare_cms_verify },
    { "cms-decrypt", cms_decrypt, prepare_cms_decrypt },
    { "pkcs7-sign", pkcs7_sign, NULL },
    { "pkcs7-encrypt", pkcs7_encrypt, NULL },
    { "pkcs7-verify", pkcs7_verify, prepare_pkcs7_verify },
    { "tls", tls, prepare_tls },
    { "sha256", sha256, NULL },
    { "aes-gcm", aes_gcm, NULL },
    { "parse", parse, prepare_parse },
};

static const struct operation *find(const char *name)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    must(false, "no such operation");
    return NULL;
}

struct work {
    const struct operation *operation;
    unsigned long rounds;
};

/* callgrind's --toggle-collect=measured counts this function. */
__attribute__((noinline)) static void *measured(void *argument)
{
    const struct work *work = argument;

    for (unsigned long i = 0; i < work->rounds; i++)
        work->operation->run(i);
    return NULL;
}

static void in_threads(const struct operation *operation, unsigned long rounds, size_t threads)
{
    struct work work = { operation, rounds / threads };
    pthread_t *running = calloc(threads, sizeof(*running));

    must(running != NULL, "out of memory");
    if (threads == 1)
        measured(&work);
    for (size_t i = 0; threads > 1 && i < threads; i++)
        must(pthread_create(&running[i], NULL, measured, &work) == 0, "pthread_create");
    for (size_t i = 0; threads > 1 && i < threads; i++)
        must(pthread_join(running[i], NULL) == 0, "pthread_join");
    free(running);
}

static STACK_OF(X509) *read_certs(const char *path)
{
    BIO *in = BIO_new_file(path, "r");
    STACK_OF(X509) *certs = sk_X509_new_null();
    X509 *cert;

    must(in != NULL && certs != NULL, path);
    while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
        must(sk_X509_push(certs, cert) > 0, "out of memory");
    ERR_clear_error();
    BIO_free(in);
    must(sk_X509_num(certs) > 0, path);
    return certs;
}

static void read_given(const char *certs, const char *key)
{
    BIO *in = BIO_new_file(key, "r");

    must(in != NULL, key);
    given.key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    must(given.key != NULL, key);
    BIO_free(in);
    given.certs = read_certs(certs);
    given.cert = sk_X509_value(given.certs, 0);
    given.store = X509_STORE_new();
    must(given.store != NULL && X509_STORE_add_cert(given.store, given.cert) == 1, "store");
    memset(given.mail, 'm', sizeof(given.mail));
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long peak(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void clean_up(void)
{
    SSL_CTX_free(given.server);
    SSL_CTX_free(given.client);
    X509_STORE_free(given.store);
    for (int i = 0; given.encodings != NULL && i < sk_X509_num(given.certs); i++)
        OPENSSL_free(given.encodings[i]);
    free(given.encodings);
    free(given.encoding_lengths);
    sk_X509_pop_free(given.certs, X509_free);
    sk_X509_pop_free(given.live, X509_free);
    EVP_PKEY_free(given.key);
    OPENSSL_free(given.message);
}

int main(int argc, char **argv)
{
    const struct operation *operation;
    unsigned long rounds;
    size_t threads;
    double cpu, wall;
    long early;

    must(argc >= 5 && argc <= 7, "OPERATION ROUNDS CERTS KEY [THREADS [LIVE]]");
    operation = find(argv[1]);
    rounds = strtoul(argv[2], NULL, 10);
    threads = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
    must(threads > 0 && rounds >= threads, "how many?");
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    if (argc > 6)
        given.live = read_certs(argv[6]);
    read_given(argv[3], argv[4]);
    if (operation->prepare != NULL)
        operation->prepare();
    /* The first round fetches and caches, and does not count. */
    operation->run(0);
    for (unsigned long i = 0; threads > 1 && i < rounds / 10; i++)
        operation->run(i);
    early = peak();
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    wall = seconds(CLOCK_MONOTONIC);
    in_threads(operation, rounds, threads);
    printf("%.3f %.3f %ld %ld\n", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)rounds * 1e6,
           (seconds(CLOCK_MONOTONIC) - wall) / (double)rounds * 1e6, early, peak());
    clean_up();
    return EXIT_SUCCESS;
}
