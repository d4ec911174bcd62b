/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a certificate, its verdict for every use, as text and as JSON.
 */
#include "smimepolicy.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    for (int use = SMIMEPOLICY_UPLOAD; use <= SMIMEPOLICY_DECRYPT; use++) {
        smimepolicy_verdict *verdict =
            smimepolicy_evaluate_der(NULL, data, size, NULL, (smimepolicy_use)use, 1701388800);

        if (verdict == NULL)
            return 0;
        smimepolicy_free(smimepolicy_verdict_text(verdict));
        smimepolicy_free(smimepolicy_verdict_json(verdict));
        smimepolicy_verdict_free(verdict);
    }
    return 0;
}
