/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * TLS handshakes with certificates that the rules refuse for mail, on both sides:
 * nothing is judged, and no error is raised.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "harness.h"

#define OLD "AES128-SHA"

static const struct row {
    const char *name, *settings;
    int version;
    const char *ciphers; /* of TLS 1.2, or NULL */
} rows[] = {
    { "server-rsa", NULL, TLS1_3_VERSION, NULL },
    { "server-ec", NULL, TLS1_3_VERSION, NULL },
    { "server-rsa", NULL, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256" },
    { "server-rsa", NULL, TLS1_2_VERSION, "AES128-GCM-SHA256" },
    { "server-rsa", NULL, TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256" },
    { "server-ec", NULL, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { "server-ec", "unknown_keys = refuse\nunverified_signers = refuse", TLS1_3_VERSION, NULL },
    { "server-rsa", "unknown_keys = refuse\nunverified_signers = refuse", TLS1_2_VERSION,
      "AES128-GCM-SHA256" },
    { "server-rsa", "unknown_keys = refuse\nunverified_signers = refuse", TLS1_2_VERSION,
      "ECDHE-RSA-AES128-GCM-SHA256" },
    { "server-rsa", "mode = nonsense", TLS1_3_VERSION, NULL },
    { "server-rsa", "mode = nonsense", TLS1_2_VERSION, "AES128-GCM-SHA256" },
    { "server-ec", "mode = nonsense", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256" },
    /* RSA key exchange of every version that libcrypto speaks. */
    { "server-rsa", NULL, TLS1_VERSION, OLD },
    { "server-rsa", NULL, TLS1_1_VERSION, OLD },
    { "server-rsa", NULL, TLS1_2_VERSION, OLD },
    { "server-rsa", NULL, TLS1_2_VERSION, "RSA-PSK-AES128-GCM-SHA256" },
    { "server-rsa", NULL, DTLS1_VERSION, OLD },
    { "server-rsa", NULL, DTLS1_2_VERSION, OLD },
    { "server-rsa", NULL, DTLS1_2_VERSION, "RSA-PSK-AES128-GCM-SHA256" },
    { "server-rsa", "unknown_keys = refuse\nunverified_signers = refuse", DTLS1_2_VERSION, OLD },
    { "server-rsa", "mode = nonsense", DTLS1_2_VERSION, OLD },
    { "server-rsa", NULL, DTLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256" },
    { "server-ec", NULL, DTLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256" },
};

static bool uses_datagrams(const struct row *row)
{
    return row->version >> 8 == DTLS1_VERSION_MAJOR;
}

static unsigned int shared_key(SSL *ssl, const char *hint, char *identity, unsigned int most,
                               unsigned char *key, unsigned int size)
{
    (void)ssl;
    (void)hint;
    ck_assert_uint_ge(size, 4);
    (void)snprintf(identity, most, "me");
    memset(key, 7, 4);
    return 4;
}

static unsigned int key_shared_with(SSL *ssl, const char *identity, unsigned char *key,
                                    unsigned int size)
{
    char unused[8];

    return shared_key(ssl, identity, unused, sizeof(unused), key, size);
}

/* One side.  Both have a certificate and ask for the other's, if the version can. */
static SSL_CTX *side(const SSL_METHOD *method, const struct row *row)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    X509 *cert = sp_read_cert(row->name), *ca = sp_read_cert("ca");
    EVP_PKEY *key = sp_read_key(row->name);

    ck_assert_ptr_nonnull(ctx);
    /* TLS 1.0 and 1.1 sign with SHA-1. */
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_psk_client_callback(ctx, shared_key);
    SSL_CTX_set_psk_server_callback(ctx, key_shared_with);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, row->version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, row->version), 1);
    ck_assert_int_eq(SSL_CTX_set_dh_auto(ctx, 1), 1);
    if (row->ciphers != NULL)
        ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, row->ciphers), 1);
    ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
    ck_assert_int_eq(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    /* A memory BIO has no MTU. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
    EVP_PKEY_free(key);
    X509_free(cert);
    X509_free(ca);
    return ctx;
}

static bool step(SSL *ssl)
{
    int done = SSL_do_handshake(ssl);

    return done == 1 || SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ;
}

static bool shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < 20; i++) {
        if (!step(client) || !step(server))
            return false;
        if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
            return true;
    }
    return false;
}

static bool carries_data(SSL *client, SSL *server)
{
    char text[8] = "";

    return SSL_write(client, "hello", 5) == 5 && SSL_read(server, text, sizeof(text)) == 5 &&
           memcmp(text, "hello", 5) == 0;
}

START_TEST(handshake)
{
    const struct row *row = &rows[_i];
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    BIO *client_end, *server_end;

    sp_start(row->settings);
    client_ctx = side(uses_datagrams(row) ? DTLS_client_method() : TLS_client_method(), row);
    server_ctx = side(uses_datagrams(row) ? DTLS_server_method() : TLS_server_method(), row);
    client = SSL_new(client_ctx);
    server = SSL_new(server_ctx);
    if (uses_datagrams(row)) {
        (void)SSL_set_mtu(client, 16000);
        (void)SSL_set_mtu(server, 16000);
    }
    ck_assert_int_eq(BIO_new_bio_pair(&client_end, 0, &server_end, 0), 1);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    ERR_clear_error();
    EXPECT_DONE(shake_hands(client, server));
    ck_assert_int_eq(SSL_version(client), row->version);
    if (row->ciphers != NULL)
        ck_assert_str_eq(SSL_get_cipher_name(client), row->ciphers);
    EXPECT_DONE(carries_data(client, server));
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("TLS");
    TCase *tests = sp_case(suite, "TLS");

    tcase_add_loop_test(tests, handshake, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
