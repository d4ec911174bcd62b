/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses are of the public internet, at the borders of each network that is not.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "tool/fetch/fetch.h"
#include "verdicts.h"

static const struct {
    const char *text;
    bool is_global;
} rows[] = {
    { "0.0.0.0", false },
    { "0.255.255.255", false },
    { "1.0.0.0", true },
    { "9.255.255.255", true },
    { "10.0.0.0", false },
    { "10.255.255.255", false },
    { "11.0.0.0", true },
    { "100.63.255.255", true },
    { "100.64.0.0", false },
    { "100.127.255.255", false },
    { "100.128.0.0", true },
    { "126.255.255.255", true },
    { "127.0.0.1", false },
    { "127.255.255.255", false },
    { "128.0.0.0", true },
    { "169.253.255.255", true },
    { "169.254.0.0", false },
    { "169.254.169.254", false },
    { "169.255.0.0", true },
    { "172.15.255.255", true },
    { "172.16.0.0", false },
    { "172.31.255.255", false },
    { "172.32.0.0", true },
    { "191.255.255.255", true },
    { "192.0.0.170", false },
    { "192.0.1.0", true },
    { "192.0.2.1", false },
    { "192.0.3.0", true },
    { "192.88.98.255", true },
    { "192.88.99.1", false },
    { "192.88.100.0", true },
    { "192.167.255.255", true },
    { "192.168.0.1", false },
    { "192.169.0.0", true },
    { "198.17.255.255", true },
    { "198.18.0.0", false },
    { "198.19.255.255", false },
    { "198.20.0.0", true },
    { "198.51.99.255", true },
    { "198.51.100.7", false },
    { "198.51.101.0", true },
    { "203.0.112.255", true },
    { "203.0.113.1", false },
    { "203.0.114.0", true },
    { "223.255.255.255", true },
    { "224.0.0.1", false },
    { "239.255.255.250", false },
    { "240.0.0.1", false },
    { "255.255.255.255", false },
    { "::", false },
    { "::1", false },
    { "::10.0.0.1", false },
    { "::8.8.8.8", false },
    { "::ffff:10.0.0.1", false },
    { "::ffff:127.0.0.1", false },
    { "::ffff:8.8.8.8", true },
    { "::ffff:0:8.8.8.8", false },
    { "64:ff9b::10.0.0.1", false },
    { "64:ff9b::169.254.169.254", false },
    { "64:ff9b::8.8.8.8", true },
    { "64:ff9b:1::8.8.8.8", false },
    { "100::1", false },
    { "1fff:ffff::", false },
    { "2000::", true },
    { "2001::1", false },
    { "2001:1ff:ffff::", false },
    { "2001:200::", true },
    { "2001:db7:ffff::", true },
    { "2001:db8::1", false },
    { "2001:db9::", true },
    { "2001:ffff::", true },
    { "2002:a00:1::", false },
    { "2002:808:808::", false },
    { "2003::", true },
    { "2a00:1450:4001::200e", true },
    { "3ffe:ffff::", true },
    { "3fff::1", false },
    { "3fff:fff::1", false },
    { "3fff:1000::", true },
    { "4000::", false },
    { "5f00::1", false },
    { "fc00::1", false },
    { "fdff::1", false },
    { "fe80::1", false },
    { "fec0::1", false },
    { "ff02::1", false },
};

/* Read |text| into |place|. */
static const struct sockaddr *address_of(const char *text, struct sockaddr_storage *place)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)place;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)place;

    memset(place, 0, sizeof(*place));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        place->ss_family = AF_INET;
    } else {
        memset(place, 0, sizeof(*place));
        ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        place->ss_family = AF_INET6;
    }
    return (const struct sockaddr *)(const void *)place;
}

START_TEST(global)
{
    struct sockaddr_storage place;
    const struct sockaddr *address = address_of(rows[_i].text, &place);

    ck_assert_msg(shim_address_is_global(address) == rows[_i].is_global, "%s", rows[_i].text);
    if (!rows[_i].is_global)
        ck_assert_msg(!shim_address_is_public(address), "%s", rows[_i].text);
}
END_TEST

/* No address that this host has is one of others, whatever it is. */
START_TEST(own)
{
    struct ifaddrs *all;

    ck_assert_int_eq(getifaddrs(&all), 0);
    for (const struct ifaddrs *each = all; each != NULL; each = each->ifa_next)
        if (each->ifa_addr != NULL)
            ck_assert(!shim_address_is_public(each->ifa_addr));
    freeifaddrs(all);
}
END_TEST

START_TEST(other_families)
{
    struct sockaddr_storage place = { .ss_family = AF_UNIX };

    ck_assert(!shim_address_is_public((const struct sockaddr *)(const void *)&place));
    place.ss_family = AF_UNSPEC;
    ck_assert(!shim_address_is_global((const struct sockaddr *)(const void *)&place));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("public_address");
    TCase *tests = tcase_create("public_address");

    tcase_add_loop_test(tests, global, 0, SP_ROWS(rows));
    tcase_add_test(tests, own);
    tcase_add_test(tests, other_families);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
