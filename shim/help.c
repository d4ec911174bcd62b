/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "help.h"
#include "shim.h"

static const char general[] =
    "Usage: smime-policy [--policy FILE] COMMAND …\n"
    "\n"
    "Sign, encrypt, verify and decrypt mail with the stock openssl under the S/MIME\n"
    "certificate rules.\n"
    "\n"
    "  sign, encrypt, verify, decrypt   over `openssl cms`, with its options\n"
    "  cms, smime                       the stock command line, unchanged, under policy\n"
    "  check CERT…                      what the rules say of certificates and keys\n"
    "  config                           the openssl.cnf for programs; lint and self-test\n"
    "\n"
    "  --policy FILE   settings to use instead of " SHIM_CONFIG_DIR "/policy.cnf\n"
    "  --help          this text; after a command, the command's own\n"
    "  --version       versions\n"
    "\n"
    "Exit codes: 0 done, 1 usage, 2 unreadable input, 3 refused by policy,\n"
    "4 cryptographic or verification failure, 5 system; under cms and smime stock's own.\n";

static const struct {
    const char *name;
    const char *text;
} commands[] = {
    { "sign",
      "Usage: smime-policy sign -signer CERT [-inkey KEY] [-in FILE] [-out FILE] [OPTION…]\n"
      "\n"
      "Sign a mail. Takes the options of `openssl cms -sign`.\n"
      "The signer, its key and its issuers in -certfile must satisfy the rules.\n" },
    { "encrypt",
      "Usage: smime-policy encrypt [-in FILE] [-out FILE] [OPTION…] CERT…\n"
      "\n"
      "Encrypt a mail, with AES-256 unless another cipher is given. Takes the options\n"
      "of `openssl cms -encrypt`. Every recipient's certificate must satisfy the rules.\n" },
    { "verify", "Usage: smime-policy verify -CAfile FILE [-in FILE] [-out FILE] [OPTION…]\n"
                "\n"
                "Verify a signed mail. Takes the options of `openssl cms -verify`.\n"
                "Trusted is what -CAfile, -CApath and -CAstore name, and nothing of the system's.\n"
                "\n"
                "  --sender ADDRESS   who must have signed it; for a message without a From field\n"
                "  --no-sender        compare no sender; the report says so\n" },
    { "decrypt",
      "Usage: smime-policy decrypt -recip CERT -inkey KEY [-in FILE] [-out FILE] [OPTION…]\n"
      "\n"
      "Decrypt a mail. Takes the options of `openssl cms -decrypt`.\n"
      "An expired certificate may still decrypt.\n" },
    { "check",
      "Usage: smime-policy check [OPTION…] CERT…\n"
      "\n"
      "Say what the rules make of every certificate in each file (PEM, DER, PKCS#12,\n"
      "PKCS#7), and change nothing. Exit code 0 if all may be used, 3 if any may not.\n"
      "\n"
      "  --for USE         upload, sign, encrypt, verify or decrypt; repeatable; default all\n"
      "  --key FILE        judge this private key too, and whether it belongs to them\n"
      "  --passin SOURCE   its passphrase, and PKCS#12's: pass:TEXT, env:NAME or file:PATH\n"
      "  --at TIME         judge as of 2024-07-31T14:20:28Z or seconds since 1970\n"
      "  --json            one JSON object instead of text\n" },
    { "config",
      "Usage: smime-policy config [--print | --lint FILE | --self-test [FILE]]\n"
      "\n"
      "Print the openssl.cnf that puts programs under the policy.\n"
      "\n"
      "  --print              the settings in force, one a line\n"
      "  --lint FILE          report what in this openssl.cnf defeats the policy\n"
      "  --self-test [FILE]   prove that the real openssl with this openssl.cnf\n"
      "                       (default: the one the command uses) refuses what it must\n" },
};

int shim_help(void)
{
    fputs(general, stdout);
    return SHIM_OK;
}

int shim_help_verb(const char *verb)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, verb) == 0)
            fputs(commands[i].text, stdout);
    return SHIM_OK;
}

int shim_version(void)
{
    printf("smime-policy %s (%s)\n", SMIMEPOLICY_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return SHIM_OK;
}
