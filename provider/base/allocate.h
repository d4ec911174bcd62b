/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory for code that is compiled twice: with libcrypto's allocation, which a program
 * may replace, and for the launcher, which links libc alone, with that of libc.
 */
#ifndef SP_ALLOCATE_H
#define SP_ALLOCATE_H

#ifdef SP_LIBC_ONLY

#include <stdlib.h>
#include <string.h>

#define OPENSSL_malloc(size)       malloc(size)
#define OPENSSL_zalloc(size)       calloc(1, size)
#define OPENSSL_realloc(old, size) realloc(old, size)
#define OPENSSL_strdup(string)     strdup(string)
#define OPENSSL_strndup(string, n) strndup(string, n)

/*
 * The launcher ends, or becomes another program, after one run of stock.  musl gives freed pages
 * back at once, and each time costs as much as a process switch.  clang's analyzer is shown the
 * frees, or it takes each for a leak.
 */
#if defined(SP_ENDS_SOON) && !defined(__clang_analyzer__)
#define OPENSSL_free(memory) ((void)(memory))
#else
#define OPENSSL_free(memory) free(memory)
#endif

#else

#include <openssl/crypto.h>

#endif
#endif
