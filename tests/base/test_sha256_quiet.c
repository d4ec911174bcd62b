/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 by functions that may fail, and writing that raises no signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/quiet_write.h"
#include "base/sha256.h"
#include "verdicts.h"

/* Functions that note how they are called: their letters, and the bytes. */
static char called[100];
static char fails; /* the letter of the one that fails */
static size_t made;

static bool call(char letter)
{
    called[strlen(called)] = letter;
    return letter != fails;
}

static void *newctx(void *provctx)
{
    return call('n') ? provctx : NULL;
}

static int init(void *ctx, const OSSL_PARAM params[])
{
    ck_assert_ptr_eq(ctx, called);
    ck_assert_ptr_null(params);
    return call('i');
}

static int update(void *ctx, const unsigned char *bytes, size_t length)
{
    ck_assert_ptr_eq(ctx, called);
    strncat(called, (const char *)bytes, length);
    return call('u');
}

static int final(void *ctx, unsigned char *digest, size_t *length, size_t size)
{
    ck_assert_ptr_eq(ctx, called);
    ck_assert_uint_eq(size, SP_SHA256_LENGTH);
    memset(digest, 7, SP_SHA256_LENGTH);
    *length = made;
    return call('f');
}

static void freectx(void *ctx)
{
    ck_assert_ptr_eq(ctx, called);
    (void)call('x');
}

static const struct {
    char fails;
    size_t made;
    const char *called;
    bool done;
} rows[] = {
    { '\0', 32, "niONEuTWOufx", true }, { 'n', 32, "n", false },
    { 'i', 32, "nix", false },          { 'u', 32, "niONEux", false },
    { 'f', 32, "niONEuTWOufx", false }, { '\0', 31, "niONEuTWOufx", false },
    { '\0', 0, "niONEuTWOufx", false },
};

START_TEST(with_functions)
{
    const struct sp_sha256 sha = { called, newctx, init, update, final, freectx };
    const struct sp_piece pieces[] = { { "ONE", 3 }, { "TWO", 3 }, { NULL, 0 } };
    unsigned char digest[SP_SHA256_LENGTH] = { 0 };

    memset(called, 0, sizeof(called));
    fails = rows[_i].fails;
    made = rows[_i].made;
    ck_assert_int_eq(sp_sha256(&sha, pieces, digest), rows[_i].done);
    ck_assert_str_eq(called, rows[_i].called);
    ck_assert_int_eq(digest[31], strchr(called, 'f') != NULL ? 7 : 0);
}
END_TEST

START_TEST(fetched)
{
    const struct sp_piece pieces[] = { { "a", 1 }, { "", 0 }, { "bc", 2 }, { NULL, 0 } };
    unsigned char digest[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT];

    ck_assert(sp_sha256(NULL, pieces, digest));
    sp_fingerprint_text(digest, text);
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert(sp_sha256(NULL, pieces + 3, digest));
    sp_fingerprint_text(digest, text);
    ck_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /* No provider has it. */
    ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=nobody"), 1);
    ck_assert(!sp_sha256(NULL, pieces, digest));
    ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
    ck_assert(sp_sha256(NULL, pieces, digest));
}
END_TEST

static bool is_pending(int number)
{
    sigset_t pending;

    ck_assert_int_eq(sigpending(&pending), 0);
    return sigismember(&pending, number) == 1;
}

static bool is_blocked(int number)
{
    sigset_t mask;

    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    return sigismember(&mask, number) == 1;
}

/* Without it, the signal would end the test. */
START_TEST(without_a_reader)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(sp_quiet_write(ends[1], "abc", 2), 2);
    close(ends[0]);
    ck_assert_int_eq(sp_quiet_write(ends[1], "x", 1), -1);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert(!is_pending(SIGPIPE) && !is_blocked(SIGPIPE) && !is_blocked(SIGXFSZ));
    close(ends[1]);
}
END_TEST

/* What the program has blocked stays pending, and what it has not is consumed. */
START_TEST(signals_of_the_program)
{
    static const int numbers[] = { SIGPIPE, SIGXFSZ, SIGUSR1 };
    struct sp_quiet quiet;
    sigset_t one;

    ck_assert(sigemptyset(&one) == 0 && sigaddset(&one, numbers[_i]) == 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &one, NULL), 0);
    /* Raised within: it is ours, unless it is not one of the two. */
    sp_quiet_begin(&quiet);
    ck_assert(is_blocked(SIGPIPE) && is_blocked(SIGXFSZ));
    ck_assert_int_eq(raise(numbers[_i]), 0);
    errno = 77;
    sp_quiet_end(&quiet);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(is_pending(numbers[_i]), numbers[_i] == SIGUSR1);
    ck_assert(is_blocked(numbers[_i]));
    /* Raised before: it is the program's. */
    ck_assert_int_eq(raise(numbers[_i]), 0);
    sp_quiet_begin(&quiet);
    ck_assert_int_eq(raise(numbers[_i]), 0);
    sp_quiet_end(&quiet);
    ck_assert(is_pending(numbers[_i]) && is_blocked(numbers[_i]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sha256 and quiet writing");
    TCase *tests = tcase_create("sha256");

    tcase_add_loop_test(tests, with_functions, 0, SP_ROWS(rows));
    tcase_add_test(tests, fetched);
    tcase_add_test(tests, without_a_reader);
    tcase_add_loop_test(tests, signals_of_the_program, 0, 3);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
