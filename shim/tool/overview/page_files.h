/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the page; CMake makes them of the files page.html, page.css and page.js.
 */
#ifndef SHIM_PAGE_FILES_H
#define SHIM_PAGE_FILES_H

#include <stddef.h>

struct shim_page_file {
    const unsigned char *bytes;
    size_t size;
};

extern const struct shim_page_file shim_page_body, shim_page_style, shim_page_script;

#endif
