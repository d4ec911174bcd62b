/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/prints.h"

#include <string.h>

#include "register/tables.h"

/* The certificates of one key: usually one, more after a renewal. */
struct print {
    unsigned char hash[SP_SHA256_LENGTH];
    struct sp_cert *certs; /* linked by next_filed, not referenced */
};

static unsigned long print_hash(const void *data)
{
    const struct print *print = data;
    unsigned long value;

    /* hash[0] chooses the shard, so other bytes are taken here. */
    memcpy(&value, print->hash + 8, sizeof(value));
    return value;
}

static int print_compare(const void *a, const void *b)
{
    const struct print *left = a, *right = b;

    return memcmp(left->hash, right->hash, sizeof(left->hash));
}

static struct sp_tables prints = { .hash = print_hash, .compare = print_compare };

void sp_prints_open(void)
{
    sp_tables_open(&prints);
}

static void free_print(void *print)
{
    OPENSSL_free(print);
}

void sp_prints_close(void)
{
    sp_tables_close(&prints, free_print);
}

static struct print wanted(const unsigned char *hash)
{
    struct print print = { 0 };

    memcpy(print.hash, hash, sizeof(print.hash));
    return print;
}

static struct print *find(size_t shard, const unsigned char *hash)
{
    const struct print print = wanted(hash);

    return sp_tables_find(&prints, shard, &print);
}

static struct print *find_or_add(size_t shard, const unsigned char *hash)
{
    const struct print print = wanted(hash);
    struct print *found = sp_tables_find(&prints, shard, &print);

    return found != NULL ? found : sp_tables_add(&prints, shard, &print, sizeof(print));
}

bool sp_prints_file(struct sp_cert *cert, const struct sp_keyid *id)
{
    size_t shard = sp_shard_of_hash(id->hash);
    struct print *print;

    sp_prints_remove(cert);
    sp_lock(shard);
    print = find_or_add(shard, id->hash);
    if (print != NULL) {
        memcpy(cert->filed_under, id->hash, sizeof(cert->filed_under));
        cert->filed = true;
        cert->next_filed = print->certs;
        print->certs = cert;
    }
    sp_unlock(shard);
    return print != NULL;
}

void sp_prints_remove(struct sp_cert *cert)
{
    size_t shard = sp_shard_of_hash(cert->filed_under);
    struct print *print;

    sp_lock(shard);
    print = cert->filed ? find(shard, cert->filed_under) : NULL;
    if (print != NULL) {
        struct sp_cert **link = &print->certs;

        while (*link != NULL && *link != cert)
            link = &(*link)->next_filed;
        if (*link != NULL)
            *link = cert->next_filed;
        if (print->certs == NULL)
            free_print(sp_tables_take_out(&prints, shard, print));
    }
    cert->filed = false;
    sp_unlock(shard);
}

int sp_prints_find(const struct sp_keyid *id, struct sp_cert ***certs)
{
    size_t shard = sp_shard_of_hash(id->hash), count = 0;
    struct print *print;

    *certs = NULL;
    sp_lock(shard);
    print = find(shard, id->hash);
    for (struct sp_cert *cert = print != NULL ? print->certs : NULL; cert != NULL;
         cert = cert->next_filed)
        count++;
    if (count > 0 && (*certs = OPENSSL_malloc(count * sizeof(**certs))) == NULL) {
        sp_unlock(shard);
        return -1;
    }
    count = 0;
    for (struct sp_cert *cert = *certs != NULL ? print->certs : NULL; cert != NULL;
         cert = cert->next_filed)
        if (sp_cert_try_ref(cert))
            (*certs)[count++] = cert;
    sp_unlock(shard);
    return (int)count;
}
