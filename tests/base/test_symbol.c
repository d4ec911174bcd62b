/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are loaded late: which of two, and what if a function is not there.
 */
#include <math.h>

#include "base/symbol.h"
#include "verdicts.h"

static const struct {
    const char *files;
    const char *names;
    bool loaded;
} libraries[] = {
    { "libm.so.6\0", "cos\0floor\0", true },
    { "no-such-library.so\0libm.so.6\0", "cos\0floor\0", true },
    { "libm.so.6\0no-such-library.so\0", "cos\0floor\0", true },
    { "no-such-library.so\0", "cos\0floor\0", false },
    { "", "cos\0floor\0", false },
    { "libm.so.6\0", "cos\0no_such_function\0", false },
    { "libm.so.6\0", "no_such_function\0floor\0", false },
};

START_TEST(it_is_loaded)
{
    struct {
        __typeof__(cos) *cos;
        __typeof__(floor) *floor;
    } functions = { 0 };

    ck_assert_int_eq(sp_symbols_load(libraries[_i].files, libraries[_i].names, &functions),
                     libraries[_i].loaded);
    if (!libraries[_i].loaded)
        return;
    ck_assert(functions.cos(0) == 1);
    ck_assert(functions.floor(2.5) == 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("symbol");
    TCase *tests = tcase_create("symbol");

    tcase_add_loop_test(tests, it_is_loaded, 0, SP_ROWS(libraries));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
