/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "tool/fetch/fetch.h"

/* A network: the first |bits| of |bytes|. */
struct network {
    unsigned char bytes[16];
    unsigned bits;
};

/* [RFC 6890] and the IANA registry of special addresses: no server of the public has these. */
static const struct network special4[] = {
    { { 0 }, 8 },             /* this network */
    { { 10 }, 8 },            /* private, RFC 1918 */
    { { 100, 64 }, 10 },      /* behind a carrier's translation, RFC 6598 */
    { { 127 }, 8 },           /* loopback */
    { { 169, 254 }, 16 },     /* link-local; what clouds tell their machines */
    { { 172, 16 }, 12 },      /* private, RFC 1918 */
    { { 192, 0, 0 }, 24 },    /* protocol assignments */
    { { 192, 0, 2 }, 24 },    /* documentation */
    { { 192, 88, 99 }, 24 },  /* 6to4 relays */
    { { 192, 168 }, 16 },     /* private, RFC 1918 */
    { { 198, 18 }, 15 },      /* benchmarks */
    { { 198, 51, 100 }, 24 }, /* documentation */
    { { 203, 0, 113 }, 24 },  /* documentation */
    { { 224 }, 3 },           /* multicast, reserved, broadcast */
};

/* Only 2000::/3 is routed in public.  These parts of it are not. */
static const struct network global6 = { { 0x20 }, 3 };
static const struct network special6[] = {
    { { 0x20, 0x01 }, 23 },             /* Teredo and other protocols */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4 */
    { { 0x3f, 0xff }, 20 },             /* documentation */
};

/* The last four bytes of these are an IPv4 address: mapped ones, and those of NAT64 (RFC 6052). */
static const struct network carriers[] = {
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 },
    { { 0, 0x64, 0xff, 0x9b }, 96 },
};

static bool is_in(const unsigned char *address, const unsigned char *bytes, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(address, bytes, whole) == 0 &&
           (rest == 0 || (address[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

#define IN_ANY(address, networks)                                                                  \
    is_in_any(address, networks, sizeof(networks) / sizeof((networks)[0]))

static bool is_in_any(const unsigned char *address, const struct network *networks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_in(address, networks[i].bytes, networks[i].bits))
            return true;
    return false;
}

static bool is_global4(const unsigned char *address)
{
    return !IN_ANY(address, special4);
}

static bool is_global6(const unsigned char *address)
{
    if (IN_ANY(address, carriers))
        return is_global4(address + 12);
    return is_in(address, global6.bytes, global6.bits) && !IN_ANY(address, special6);
}

/* The bytes of |address|, and their number; NULL if it is neither IPv4 nor IPv6. */
static const unsigned char *bytes_of(const struct sockaddr *address, size_t *length)
{
    if (address->sa_family == AF_INET) {
        *length = 4;
        return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)
            ->sin_addr;
    }
    if (address->sa_family != AF_INET6)
        return NULL;
    *length = 16;
    return (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

bool shim_address_is_global(const struct sockaddr *address)
{
    size_t length;
    const unsigned char *bytes = bytes_of(address, &length);

    return bytes != NULL && (length == 4 ? is_global4(bytes) : is_global6(bytes));
}

/* Is |bytes| in the network of |each|?  A mask that is not there, or empty, means one address. */
static bool is_near(const unsigned char *bytes, size_t length, const struct ifaddrs *each)
{
    static const unsigned char none[16];
    size_t own_length, mask_length;
    const unsigned char *own =
        each->ifa_addr == NULL ? NULL : bytes_of(each->ifa_addr, &own_length);
    const unsigned char *mask =
        each->ifa_netmask == NULL ? NULL : bytes_of(each->ifa_netmask, &mask_length);

    if (own == NULL || own_length != length)
        return false;
    if (mask == NULL || mask_length != length || memcmp(mask, none, length) == 0)
        return memcmp(bytes, own, length) == 0;
    for (size_t i = 0; i < length; i++)
        if (((bytes[i] ^ own[i]) & mask[i]) != 0)
            return false;
    return true;
}

bool shim_address_is_public(const struct sockaddr *address)
{
    size_t length = 0;
    const unsigned char *bytes = bytes_of(address, &length);
    struct ifaddrs *all = NULL;
    bool near = false;

    if (!shim_address_is_global(address) || getifaddrs(&all) != 0)
        return false;
    if (length == 16 && IN_ANY(bytes, carriers)) {
        bytes += 12;
        length = 4;
    }
    for (const struct ifaddrs *each = all; each != NULL && !near; each = each->ifa_next)
        near = is_near(bytes, length, each);
    freeifaddrs(all);
    return !near;
}
