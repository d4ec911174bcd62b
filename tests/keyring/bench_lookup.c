/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * bench_lookup KEYRING CONTACTS address|key|subject LOOKUPS: open the keyring,
 * find one of the CONTACTS of make_contacts, close it again, at random; prints
 * microseconds for each.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "contacts.h"
#include "keyring/keyring.h"

struct question {
    struct sp_query query;
    char text[64];
    unsigned char hash[SP_SHA256_LENGTH];
    X509_NAME *name;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench_lookup: %s\n", what);
    exit(EXIT_FAILURE);
}

static void ask_key(struct question *question, unsigned long number)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *private = BN_new();
    unsigned char bytes[CONTACT_POINT];
    const struct sp_piece pieces[] = { { "E", 1 }, { bytes + 1, sizeof(bytes) - 1 }, { NULL, 0 } };

    /* The id of this kind of key, as in struct sp_keyid. */
    must(BN_set_word(private, CONTACT_BASE + number) == 1 &&
             EC_POINT_mul(group, point, private, NULL, NULL, NULL) == 1 &&
             EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof(bytes),
                                NULL) == sizeof(bytes) &&
             sp_sha256(NULL, pieces, question->hash),
         "key");
    question->query = (struct sp_query){ .index = SP_BY_KEY, .hash = question->hash };
    BN_free(private);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

static void ask(struct question *question, const char *what, unsigned long number)
{
    if (strcmp(what, "address") == 0) {
        snprintf(question->text, sizeof(question->text), CONTACT_ADDRESS "%0*lu" CONTACT_DOMAIN,
                 CONTACT_DIGITS, number);
        question->query = (struct sp_query){ .index = SP_BY_ADDRESS, .text = question->text };
    } else if (strcmp(what, "subject") == 0) {
        snprintf(question->text, sizeof(question->text), CONTACT_SUBJECT "%0*lu", CONTACT_DIGITS,
                 number);
        question->name = X509_NAME_new();
        must(X509_NAME_add_entry_by_txt(question->name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)question->text, -1, -1, 0) == 1,
             "subject");
        question->query = (struct sp_query){ .index = SP_BY_SUBJECT, .name = question->name };
    } else {
        must(strcmp(what, "key") == 0, "address, key or subject?");
        ask_key(question, number);
    }
}

static void look_up(const char *path, const struct question *question)
{
    char *why = NULL;
    struct sp_keyring *keyring = sp_keyring_open(path, SP_KEYRING_READ, &why);
    struct sp_cursor *cursor;
    struct sp_record record;

    must(keyring != NULL, why == NULL ? "out of memory" : why);
    cursor = sp_keyring_find(keyring, &question->query);
    must(cursor != NULL && sp_cursor_next(cursor, &record) == 1, "not found");
    sp_record_clear(&record);
    sp_cursor_free(cursor);
    sp_keyring_close(keyring);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    unsigned long contacts, lookups;
    struct question *questions;
    double start;

    must(argc == 5, "KEYRING CONTACTS address|key|subject LOOKUPS");
    contacts = strtoul(argv[2], NULL, 10);
    lookups = strtoul(argv[4], NULL, 10);
    must(contacts > 0 && lookups > 0, "how many?");
    questions = calloc(lookups, sizeof(*questions));
    must(questions != NULL, "out of memory");
    srandom(1);
    for (unsigned long i = 0; i < lookups; i++)
        ask(&questions[i], argv[3], (unsigned long)random() % contacts);
    start = seconds();
    for (unsigned long i = 0; i < lookups; i++)
        look_up(argv[1], &questions[i]);
    printf("%.2f\n", (seconds() - start) / (double)lookups * 1e6);
    for (unsigned long i = 0; i < lookups; i++)
        X509_NAME_free(questions[i].name);
    free(questions);
    return EXIT_SUCCESS;
}
