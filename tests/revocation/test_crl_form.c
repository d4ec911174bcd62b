/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form of a stored CRL.  Another release reads what this one has written, so the hashes are
 * compared with fixed numbers.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "revocation/crl_form.h"
#include "verdicts.h"

static const unsigned char key[SP_SHA256_LENGTH] = { 0xab, 1 };

START_TEST(hashes)
{
    static const unsigned char text[] = "0123456789abcdefghij";
    const struct sp_crl_serial serial = { text, 9 };
    struct sp_crl_header header = { .seed = 5, .pages = 1000, .count = 3, .content = { 7 } };

    memcpy(header.key, key, sizeof(key));
    ck_assert_uint_eq(sp_crl_sum(1, text, 0), UINT64_C(0xb456bcfc34c2cb2c));
    ck_assert_uint_eq(sp_crl_sum(1, text, 8), UINT64_C(0x957b032eeca542bf));
    ck_assert_uint_eq(sp_crl_sum(1, text, 20), UINT64_C(0xc92816045d24dbfe));
    ck_assert_uint_eq(sp_crl_identity(&header), UINT64_C(0xe145fcdedfaa59fa));
    ck_assert_uint_eq(sp_crl_page_of(serial, 0, &header), 921);
    ck_assert_uint_eq(sp_crl_page_of(serial, 9, &header), 975);
    ck_assert_uint_eq(sp_crl_other(1, 2, true), UINT64_C(0x8d4f874c404dde5d));
    ck_assert_uint_eq(sp_crl_other(1, 2, false), UINT64_C(0x8d4f874c404dde5c));
    ck_assert_uint_eq(sp_crl_other(1, 7, true), UINT64_C(0x32dfd60af560a63f));
    ck_assert_uint_eq(sp_crl_other(3, 2, false), UINT64_C(0xe4c97e78669cde78));
}
END_TEST

/* The number of a page is at least 1, and at most that of the pages. */
START_TEST(pages)
{
    struct sp_crl_header header = { .seed = 1 };
    bool seen[4] = { false };

    for (unsigned char i = 0; i < 100; i++) {
        const struct sp_crl_serial serial = { &i, 1 };

        header.pages = 1;
        ck_assert_uint_eq(sp_crl_page_of(serial, 0, &header), 1);
        header.pages = 3;
        seen[sp_crl_page_of(serial, 0, &header)] = true;
    }
    ck_assert(!seen[0] && seen[1] && seen[2] && seen[3]);
}
END_TEST

/* An issuer without a key identifier is not known by one. */
START_TEST(about_others)
{
    struct sp_crl_header header = { .others = { sp_crl_other(1, 2, true), sp_crl_other(3, 4, false),
                                                sp_crl_other(5, 0, true) } };

    ck_assert_int_eq(sp_crl_is_about(&header, 1, 2), 1);
    ck_assert_int_eq(sp_crl_is_about(&header, 3, 4), 0);
    ck_assert_int_eq(sp_crl_is_about(&header, 1, 4), -1);
    ck_assert_int_eq(sp_crl_is_about(&header, 5, 0), -1);
    /* The list ends with the first 0. */
    header.others[1] = 0;
    ck_assert_int_eq(sp_crl_is_about(&header, 3, 4), -1);
}
END_TEST

static const struct {
    const char *octets;
    size_t length, stripped;
} serials[] = {
    { "\x05", 1, 0 },     { "\x00", 1, 0 },         { "\x00\x05", 2, 1 },
    { "\x00\x7f", 2, 1 }, { "\x00\x80", 2, 0 },     { "\x00\x00\x00\x80", 4, 2 },
    { "\xff\x80", 2, 1 }, { "\xff\x7f", 2, 0 },     { "\xff\xff\xff\x05", 4, 2 },
    { "\x01\x05", 2, 0 }, { "\x00\x00\x00", 3, 2 }, { "\xff\xff", 2, 1 },
};

START_TEST(serial_without_what_says_nothing)
{
    const unsigned char *octets = (const unsigned char *)serials[_i].octets;
    const struct sp_crl_serial serial = sp_crl_serial(octets, serials[_i].length);

    ck_assert_ptr_eq(serial.octets, octets + serials[_i].stripped);
    ck_assert_uint_eq(serial.length, serials[_i].length - serials[_i].stripped);
}
END_TEST

/* What may be in a header, and what may not. */
static const struct {
    uint64_t number_length, pages, cert_length;
    bool is_good;
} headers[] = {
    { 0, 1, 0, true },
    { SP_CRL_LONGEST_NUMBER, UINT32_MAX, SP_CRL_LONGEST_CERT, true },
    { SP_CRL_LONGEST_NUMBER + 1, 1, 0, false },
    { 0, 0, 0, false },
    { 0, (uint64_t)UINT32_MAX + 1, 0, false },
    { 0, 1, SP_CRL_LONGEST_CERT + 1, false },
};

START_TEST(header_bounds)
{
    const struct sp_crl_header header = { .number_length = headers[_i].number_length,
                                          .pages = headers[_i].pages,
                                          .cert_length = headers[_i].cert_length };
    struct sp_crl_header read;
    unsigned char page[SP_CRL_PAGE];

    sp_crl_put_header(page, &header);
    ck_assert_int_eq(sp_crl_get_header(page, &read), headers[_i].is_good);
}
END_TEST

/* A later form has another mark. */
START_TEST(another_form)
{
    const struct sp_crl_header header = { .pages = 1 };
    struct sp_crl_header read;
    unsigned char page[SP_CRL_PAGE];

    sp_crl_put_header(page, &header);
    ck_assert_mem_eq(page, "spcrl\0\0\1", 8);
    page[7] = 2;
    ck_assert(!sp_crl_get_header(page, &read));
    sp_crl_seal(page, 0, 0);
    ck_assert(!sp_crl_get_header(page, &read));
    page[7] = 1;
    sp_crl_seal(page, 0, 0);
    ck_assert(sp_crl_get_header(page, &read));
    sp_crl_seal(page, 0, 1);
    ck_assert(!sp_crl_get_header(page, &read));
}
END_TEST

/* All that a header says is read as it was written; other issuers in an indirect one alone. */
START_TEST(header_content)
{
    struct sp_crl_header header = { .key = { 1 },
                                    .content = { 2 },
                                    .number = { 3 },
                                    .number_length = 4,
                                    .name = 5,
                                    .ski = 6,
                                    .this_update = -7,
                                    .next_update = 8,
                                    .scope = SP_CRL_PART,
                                    .part = 9,
                                    .points = { 10 },
                                    .count = 11,
                                    .pages = 12,
                                    .seed = 13,
                                    .cert_length = 14,
                                    .cert_sum = 15 };
    struct sp_crl_header read;
    unsigned char page[SP_CRL_PAGE], again[SP_CRL_PAGE];

    header.points[SP_MOST_POINTS - 1] = 16;
    memset(&read, 0, sizeof(read));
    sp_crl_put_header(page, &header);
    ck_assert(sp_crl_get_header(page, &read));
    ck_assert_mem_eq(&read, &header, sizeof(header));
    header.others[0] = 17;
    header.others[SP_CRL_MOST_OTHERS - 1] = 18;
    sp_crl_put_header(again, &header);
    ck_assert_mem_eq(again, page, sizeof(page));
    header.scope |= SP_CRL_INDIRECT;
    sp_crl_put_header(again, &header);
    ck_assert(sp_crl_get_header(again, &read));
    ck_assert_mem_eq(&read, &header, sizeof(header));
    ck_assert(sp_crl_get_header(page, &read));
    ck_assert_uint_eq(read.others[0], 17);
}
END_TEST

/* Of the other issuers as many as have room are written and read. */
START_TEST(no_more_others)
{
    struct {
        struct sp_crl_header header;
        uint64_t behind;
    } one = { .header = { .scope = SP_CRL_INDIRECT, .pages = 1 }, .behind = 77 };
    unsigned char page[SP_CRL_PAGE], again[SP_CRL_PAGE];

    sp_crl_put_header(page, &one.header);
    one.behind = 78;
    sp_crl_put_header(again, &one.header);
    ck_assert_mem_eq(page, again, sizeof(page));
    ck_assert(sp_crl_get_header(page, &one.header));
    ck_assert_uint_eq(one.behind, 78);
}
END_TEST

static const struct {
    struct sp_crl_entry entry;
    const char *bytes;
    size_t length;
} entries[] = {
    { { (const unsigned char *)"\1\2", 2, 3, 1, 0 }, "\2\2\3\0\0\0\0\0\0\0\1\2", 12 },
    { { (const unsigned char *)"\0\2", 2, 3, -1, 0 }, "\1\0\3\0\0\0\0\0\0\0\2", 11 },
    { { (const unsigned char *)"\1\2", 2, 3, 0, 4 },
      "\2\x81\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\1\2",
      20 },
};

START_TEST(entry)
{
    unsigned char bytes[64];
    struct sp_crl_entry read;

    ck_assert_uint_eq(sp_crl_put_entry(bytes, &entries[_i].entry), entries[_i].length);
    ck_assert_mem_eq(bytes, entries[_i].bytes, entries[_i].length);
    ck_assert_uint_eq(sp_crl_read_entry(bytes, &read), entries[_i].length);
    ck_assert_int_eq(read.reason, entries[_i].entry.reason);
    ck_assert_int_eq(read.at, 3);
    ck_assert_uint_eq(read.issuer, entries[_i].entry.issuer);
    ck_assert_uint_eq(read.serial[read.length - 1], 2);
}
END_TEST

/* What is said to be used of a page, what it begins with, and how many entries it has. */
static const struct {
    size_t used;
    unsigned char octets; /* of the first entry */
    unsigned char reason;
    int count;
} filled[] = {
    { 0, 0, 0, 0 },
    { SP_CRL_FIXED - 1, 0, 0, 0 },
    { SP_CRL_FIXED, 0, 0, 1 },
    { SP_CRL_FIXED, 1, 0, 0 },
    { SP_CRL_FIXED + 1, 1, 0, 1 },
    { SP_CRL_FIXED + SP_CRL_FIXED_ISSUER, 1, 0x80, 0 },
    { SP_CRL_FIXED + SP_CRL_FIXED_ISSUER + 1, 1, 0x80, 1 },
    { 2 * SP_CRL_FIXED, 0, 0, 2 },
    { SP_CRL_ROOM, 255, 0, 1 + (SP_CRL_ROOM - SP_CRL_FIXED - 255) / SP_CRL_FIXED },
    { SP_CRL_ROOM + 1, 0, 0, 0 },
};

START_TEST(page_bounds)
{
    unsigned char page[SP_CRL_PAGE], bytes[SP_CRL_PAGE] = { filled[_i].octets, filled[_i].reason };
    struct sp_crl_entry found;
    size_t offset = 0;
    int count = 0;

    sp_crl_put_page(page, bytes, filled[_i].used);
    while (sp_crl_get_entry(page, &offset, &found))
        count++;
    ck_assert_int_eq(count, filled[_i].count);
}
END_TEST

START_TEST(names)
{
    static const char digits[] = "ab01000000000000000000000000000000000000000000000000000000000000";
    char name[SP_CRL_FILE_NAME], folder[SP_CRL_FOLDER_NAME], expected[SP_CRL_FILE_NAME];

    sp_crl_file_name(key, 0, 0, name);
    (void)snprintf(expected, sizeof(expected), "%s.crl", digits);
    ck_assert_str_eq(name, expected);
    sp_crl_file_name(key, SP_CRL_PART, 0, name);
    (void)snprintf(expected, sizeof(expected), "%s-10.crl", digits);
    ck_assert_str_eq(name, expected);
    sp_crl_file_name(key, SP_CRL_PART, UINT64_MAX, name);
    (void)snprintf(expected, sizeof(expected), "%s-10-ffffffffffffffff.crl", digits);
    ck_assert_str_eq(name, expected);
    sp_crl_folder_name(0xab, folder);
    ck_assert_str_eq(folder, "00000000000000ab");
}
END_TEST

static Suite *form_suite(void)
{
    Suite *suite = suite_create("crl_form");
    TCase *tcase = tcase_create("form");

    tcase_add_test(tcase, hashes);
    tcase_add_test(tcase, pages);
    tcase_add_test(tcase, about_others);
    tcase_add_loop_test(tcase, serial_without_what_says_nothing, 0, SP_ROWS(serials));
    tcase_add_loop_test(tcase, header_bounds, 0, SP_ROWS(headers));
    tcase_add_test(tcase, another_form);
    tcase_add_test(tcase, header_content);
    tcase_add_test(tcase, no_more_others);
    tcase_add_loop_test(tcase, entry, 0, SP_ROWS(entries));
    tcase_add_loop_test(tcase, page_bounds, 0, SP_ROWS(filled));
    tcase_add_test(tcase, names);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(form_suite());
}
