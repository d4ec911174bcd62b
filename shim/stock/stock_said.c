/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <unistd.h>

#include "stock/stock_said.h"
#include "base/allocate.h"
#include "base/shown.h"
#include "common/output.h"

#define LONGEST 65536

/* A reader that has closed the pipe does not change the outcome. */
static void write_out(const struct shim_said *said, const char *bytes, size_t len)
{
    if (said->filter != NULL)
        said->filter(said->listener, bytes, len);
    else
        (void)shim_write_all(STDERR_FILENO, bytes, len);
}

void shim_said_flush(struct shim_said *said)
{
    char *line = said->line.len == 0 ? NULL : sp_text_take(&said->line);
    char *shown = line == NULL ? NULL : said->shows ? sp_shown(line) : sp_masked(line);

    if (shown != NULL)
        write_out(said, shown, strlen(shown));
    OPENSSL_free(shown);
    OPENSSL_free(line);
}

void shim_said_feed(struct shim_said *said, const char *bytes, size_t len)
{
    for (size_t used; len > 0; bytes += used, len -= used) {
        for (used = 0; used < len && bytes[used] != '\n' && bytes[used] != '\0'; used++)
            ;
        if (used > 0)
            sp_text_add_bytes(&said->line, bytes, used);
        if (used < len || said->line.len > LONGEST)
            shim_said_flush(said);
        if (used < len)
            write_out(said, &bytes[used++], 1);
    }
}
