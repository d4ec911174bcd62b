/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every setting: which values are accepted, which are not, and the messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/rules.h"
#include "settings/directories.h"
#include "settings/host_list.h"
#include "starve.h"
#include "verdicts.h"

/* Every key with its default, in the order of the table. */
static const char *const defaults[][2] = {
    { "mode", "enforce" },
    { "backend", "default" },
    { "unknown_keys", "pass" },
    { "raw_keys", "judge" },
    { "unverified_signers", "pass" },
    { "own_anchors", "last" },
    { "keys", "all" },
    { "signer_path", "log" },
    { "sender", "log" },
    { "trust", "caller" },
    { "keyring", NULL },
    { "revocation", "soft" },
    { "missing_key_usage", "reject" },
    { "ec_key_agreement", "reject" },
    { "collect", "chain" },
    { "signers", "all" },
    { "contacts", NULL },
    { "contacts_age", "1d" },
    { "contacts_starttls", "yes" },
    { "contacts_bind", NULL },
    { "contacts_ca", NULL },
    { "fetch_from", NULL },
    { "fetch_private", "no" },
    { "ocsp", "off" },
    { "decision_log", NULL },
    { "hub", NULL },
    { "hub_realm", "default" },
    { "hub_anchors", "no" },
    { "hub_max_age", "1d" },
    { "trace", "no" },
    { "weak_key", "warn" },
    { "weak_digest", "warn" },
    { "weak_cipher", "warn" },
    { "eku_any", "warn" },
    { "validity_too_long", "warn" },
    { "expires_soon", "warn" },
};

START_TEST(every_default)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *value = sp_settings_value(settings, (size_t)_i);

    ck_assert_str_eq(sp_settings_key((size_t)_i), defaults[_i][0]);
    ck_assert_pstr_eq(value, defaults[_i][1]);
    ck_assert_ptr_null(sp_settings_key(SP_ROWS(defaults)));
    ck_assert_ptr_null(sp_settings_value(settings, SP_ROWS(defaults)));
    OPENSSL_free(value);
    smimepolicy_settings_free(settings);
}
END_TEST

static const struct {
    const char *contacts, *age;
    int64_t passed; /* seconds */
    bool again;
} ages[] = {
    { "ldap://x", NULL, 86399, false },
    { "ldap://x", NULL, 86400, true },
    { NULL, NULL, 86400, false },
    { "ldap://x", "1h", 3599, false },
    { "ldap://x", "1h", 3600, true },
    { "ldap://x", "2w", 14 * 86400 - 1, false },
    { "ldap://x", "2w", 14 * 86400, true },
    { "ldap://x", "12d", 12 * 86400, true },
    { "ldap://x", "12d", 12 * 86400 - 1, false },
    { "ldap://x", "1d", -5, false },
    { "ldap://x", "2m", 119, false },
    { "ldap://x", "2m", 120, true },
};

START_TEST(asked_again)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    if (ages[_i].contacts != NULL)
        ck_assert_int_eq(smimepolicy_settings_set(settings, "contacts", ages[_i].contacts, NULL),
                         1);
    if (ages[_i].age != NULL)
        ck_assert_int_eq(smimepolicy_settings_set(settings, "contacts_age", ages[_i].age, NULL), 1);
    ck_assert_int_eq(
        sp_is_to_be_asked_again(settings, 1700000000, (time_t)(1700000000 + ages[_i].passed)),
        ages[_i].again);
    smimepolicy_settings_free(settings);
}
END_TEST

/* Each URL of a directory has its limit. */
START_TEST(long_url)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char value[2010] = "ldap://a ldap://b";

    memset(value + strlen(value), 'b', 992 + (size_t)_i);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "contacts", value, NULL), _i == 0);
    smimepolicy_settings_free(settings);
}
END_TEST

/* All of them as lines: what has no value is its key alone. */
START_TEST(whole_text)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char expected[1024] = "", *text;

    for (int i = 0; i < SP_ROWS(defaults); i++)
        sprintf(expected + strlen(expected), "%s%s%s\n", defaults[i][0],
                defaults[i][1] != NULL ? "=" : "", defaults[i][1] != NULL ? defaults[i][1] : "");
    text = sp_settings_text(settings);
    ck_assert_str_eq(text, expected);
    OPENSSL_free(text);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "keyring", "/k", NULL), 1);
    text = sp_settings_text(settings);
    ck_assert_ptr_nonnull(strstr(text, "\nkeyring=/k\n"));
    OPENSSL_free(text);
    smimepolicy_settings_free(settings);
}
END_TEST

static const struct {
    const char *key;
    const char *value;
} good[] = {
    { "mode", "enforce" },
    { "mode", "observe" },
    { "backend", "fips" },
    { "backend", "my-Provider_2" },
    { "unknown_keys", "pass" },
    { "unknown_keys", "refuse" },
    { "raw_keys", "judge" },
    { "raw_keys", "pass" },
    { "unverified_signers", "pass" },
    { "unverified_signers", "refuse" },
    { "own_anchors", "last" },
    { "own_anchors", "first" },
    { "keys", "all" },
    { "keys", "mail" },
    { "collect", "chain" },
    { "collect", "off" },
    { "signers", "all" },
    { "signers", "any" },
    { "contacts", "ldap://ldap.example.org" },
    { "contacts", "ldaps://ldap.example.org:636/ou=people,dc=example,dc=org" },
    { "contacts",
      "ldapi://%2Frun%2Fslapd%2Fldapi/dc=example??sub?(|(mail={address})(a={address}))" },
    { "contacts", "ldap://[::1]/dc=a ldap://b/dc=b ldap://c/dc=c ldap://d/dc=d" },
    { "contacts", "ldap://host/dc=a??sub?(mail=x@y)" },
    { "contacts", "ldap://azAZ09" },
    { "contacts_age", "1h" },
    { "contacts_age", "99999m" },
    { "contacts_age", "9999w" },
    { "contacts_starttls", "no" },
    { "contacts_bind", "/etc/smime-policy/directory" },
    { "contacts_ca", "/etc/ssl/certs/ca.pem" },
    { "signer_path", "log" },
    { "signer_path", "refuse" },
    { "sender", "log" },
    { "sender", "refuse" },
    { "trust", "caller" },
    { "trust", "keyring" },
    { "keyring", "/var/lib/smime-policy" },
    { "keyring", "/a path/with spaces" },
    { "revocation", "off" },
    { "revocation", "soft" },
    { "revocation", "hard" },
    { "missing_key_usage", "reject" },
    { "missing_key_usage", "accept" },
    { "ec_key_agreement", "reject" },
    { "ec_key_agreement", "accept" },
    { "fetch_from", "crl.example.org" },
    { "fetch_from", "  crl.example.org .example.net:8080 [2001:db8::1]:80 10.0.0.1 " },
    { "fetch_from", "h:1 h:65535 h:9" },
    { "fetch_private", "no" },
    { "fetch_private", "yes" },
    { "ocsp", "off" },
    { "ocsp", "on" },
    { "decision_log", "/var/log/smime-policy.log" },
    { "decision_log", "syslog" },
    { "hub", "service=smime-policy" },
    { "hub", "postgresql://host1@hub.example.org,hub2.example.org/keys?sslmode=verify-full" },
    { "hub", "postgres:///keys?host=/run/postgresql" },
    { "hub", "service=a" },
    { "hub", "postgresql://hub:5432/keys" },
    { "hub", "postgresql://hub/keys?passwordx=1&sslpasswordx=1" },
    { "hub", "postgresql://hub/a:b@c" },
    { "hub_realm", "team-1_a.b" },
    { "hub_realm", "a" },
    { "hub_realm", "1234567890123456789012345678901234567890123456789012345678901234" },
    { "hub_anchors", "no" },
    { "hub_anchors", "yes" },
    { "hub_max_age", "12h" },
    { "hub_max_age", "2w" },
    { "hub_anchors", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
    { "hub_anchors", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, "
                     "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF" },
    { "trace", "no" },
    { "trace", "yes" },
    { "weak_key", "ignore" },
    { "weak_key", "warn" },
    { "weak_key", "deny" },
    { "weak_digest", "deny" },
    { "weak_cipher", "ignore" },
    { "eku_any", "deny" },
    { "validity_too_long", "ignore" },
    { "expires_soon", "deny" },
};

static size_t index_of(const char *key)
{
    size_t i = 0;

    while (strcmp(sp_settings_key(i), key) != 0)
        i++;
    return i;
}

START_TEST(good_value)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_settings *defaulted = smimepolicy_settings_new();
    smimepolicy_settings *copy;
    size_t index = index_of(good[_i].key);
    char *why = (char *)settings;
    char *value;

    ck_assert_int_eq(smimepolicy_settings_set(settings, good[_i].key, good[_i].value, &why), 1);
    ck_assert_ptr_null(why);
    value = sp_settings_value(settings, index);
    ck_assert_str_eq(value, good[_i].value);
    /* Only the key that was set has changed. */
    ck_assert_int_eq(sp_settings_equal(settings, defaulted),
                     defaults[index][1] != NULL && strcmp(value, defaults[index][1]) == 0);
    ck_assert_int_eq(smimepolicy_settings_set(defaulted, good[_i].key, value, NULL), 1);
    ck_assert(sp_settings_equal(settings, defaulted));
    copy = sp_settings_dup(settings);
    ck_assert(sp_settings_equal(settings, copy));
    OPENSSL_free(value);
    smimepolicy_settings_free(copy);
    smimepolicy_settings_free(settings);
    smimepolicy_settings_free(defaulted);
}
END_TEST

static const struct {
    const char *key;
    const char *value;
    const char *why;
} bad[] = {
    { "mode", "on", "mode = on: accepted is enforce or observe" },
    { "mode", "", "mode = : accepted is enforce or observe" },
    { "mode", "Enforce", "mode = Enforce: accepted is enforce or observe" },
    { "mode", "enforce ", "mode = enforce : accepted is enforce or observe" },
    { "mode", "en\nforce\x1b", "mode = en\\0Aforce\\1B: accepted is enforce or observe" },
    { "mode", "a\\b", "mode = a\\5Cb: accepted is enforce or observe" },
    { "backend", "", NULL },
    { "backend", "a,b", NULL },
    { "backend", "provider=default", NULL },
    { "backend", "../evil", NULL },
    { "unknown_keys", "deny", NULL },
    { "raw_keys", "refuse", "raw_keys = refuse: accepted is judge or pass" },
    { "unverified_signers", "yes", NULL },
    { "own_anchors", "only", "own_anchors = only: accepted is last or first" },
    { "collect", "all", "collect = all: accepted is chain or off" },
    { "contacts", "", NULL },
    { "contacts", "ldap://", NULL },
    { "contacts", "ldap:///dc=example", NULL },
    { "contacts", "ldap://?a", NULL },
    { "contacts", "ldap://name:password@host/dc=a", NULL },
    { "contacts", "LDAP://host", NULL },
    { "contacts", "http://host", NULL },
    { "contacts", "xldap://host", NULL },
    { "contacts", "ldap://a  ldap://b", NULL },
    { "contacts", "ldap://a ", NULL },
    { "contacts", " ldap://a", NULL },
    { "contacts", "ldap://a\tldap://b", NULL },
    { "contacts", "ldap://a/\"", NULL },
    { "contacts", "ldap://a/\\", NULL },
    { "contacts", "ldap://a/`", NULL },
    { "contacts", "ldap://a/\x7f", NULL },
    { "contacts", "ldap://\x7f", NULL },
    { "contacts", "ldap://a ldap://b ldap://c ldap://d ldap://e", NULL },
    { "contacts_age", "0d",
      "contacts_age = 0d: accepted is a span of time such as 90m, 12h, 1d or 2w" },
    { "contacts_age", "1", NULL },
    { "contacts_age", "d", NULL },
    { "contacts_age", "-1d", NULL },
    { "contacts_age", "1dd", NULL },
    { "contacts_age", "1y", NULL },
    { "contacts_age", "100000d", NULL },
    { "contacts_starttls", "try", NULL },
    { "contacts_bind", "directory", NULL },
    { "contacts_ca", "./ca.pem", NULL },
    { "signers", "one", "signers = one: accepted is all or any" },
    { "fetch_from", "",
      "fetch_from = : accepted is hosts, each HOST, .DOMAIN or HOST:PORT, with spaces between "
      "them" },
    { "fetch_from", "  ", NULL },
    { "fetch_from", "*", NULL },
    { "fetch_from", "*.example.org", NULL },
    { "fetch_from", ".", NULL },
    { "fetch_from", ".:80", NULL },
    { "fetch_from", ":80", NULL },
    { "fetch_from", "a,b", NULL },
    { "fetch_from", "a\tb", NULL },
    { "fetch_from", "http://a", NULL },
    { "fetch_from", "a/b", NULL },
    { "fetch_from", "user@a", NULL },
    { "fetch_from", "a:", NULL },
    { "fetch_from", "a:0", NULL },
    { "fetch_from", "a:65536", NULL },
    { "fetch_from", "a:99999999999999999999", NULL },
    { "fetch_from", "a:18446744073709551617", NULL },
    { "fetch_from", "a:80:81", NULL },
    { "fetch_from", "a:80b", NULL },
    { "fetch_from", "[::1]a", NULL },
    { "fetch_from", "a:http", NULL },
    { "fetch_from", "2001:db8::1", NULL },
    { "fetch_from", "[2001:db8::1", NULL },
    { "fetch_from", "[evil]", NULL },
    { "fetch_from", "[", NULL },
    { "fetch_from", "[ a", NULL },
    { "fetch_from", "good b\xc3\xa4r", NULL },
    { "fetch_private", "on", "fetch_private = on: accepted is no or yes" },
    { "ocsp", "yes", "ocsp = yes: accepted is off or on" },
    { "keys", "rsa", "keys = rsa: accepted is all or mail" },
    { "signer_path", "pass", "signer_path = pass: accepted is log or refuse" },
    { "sender", "pass", NULL },
    { "trust", "system", "trust = system: accepted is caller or keyring" },
    { "trust", "anybody", NULL },
    { "keyring", "", "keyring = : accepted is an absolute path" },
    { "keyring", "relative/path", NULL },
    { "keyring", "/", NULL },
    { "keyring", "~/keys", NULL },
    { "keyring", "/a\x7f",
      "keyring = /a\\7F: it holds a control character; accepted is an absolute path" },
    { "keyring", "/a\x1f",
      "keyring = /a\\1F: it holds a control character; accepted is an absolute path" },
    { "keyring", "/a\nb",
      "keyring = /a\\0Ab: it holds a control character; accepted is an absolute path" },
    { "revocation", "on", "revocation = on: accepted is off, soft or hard" },
    { "missing_key_usage", "warn", NULL },
    { "ec_key_agreement", "1", NULL },
    { "decision_log", "log.json",
      "decision_log = log.json: accepted is an absolute path or syslog" },
    { "decision_log", "stderr", NULL },
    { "hub", "service=", NULL },
    { "hub", "service=a b", NULL },
    { "hub", "host=db password=secret", NULL },
    { "hub", "https://hub.example.org/", NULL },
    { "hub", "postgresql://host1:secret@hub/keys",
      "hub = (not shown): accepted is service=NAME, or a postgresql:// URI without a password" },
    { "hub", "postgresql://hub/keys?sslmode=require&password=secret", NULL },
    { "hub", "postgresql://hub/keys?sslpassword=secret", NULL },
    { "hub", "postgresql://hub/keys?pass%77ord=secret", NULL },
    { "hub", "postgresql://hub/\nkeys", NULL },
    { "hub", "postgresql://:secret@hub/keys", NULL },
    { "hub", "postgresql://hub?a&password=secret", NULL },
    { "hub_realm", "", NULL },
    { "hub_realm", "a/b", NULL },
    { "hub_realm", "12345678901234567890123456789012345678901234567890123456789012345", NULL },
    { "hub_anchors", "maybe", NULL },
    { "hub_max_age", "1", NULL },
    { "hub_max_age", "0d", NULL },
    { "hub_max_age", "1dd", NULL },
    { "hub_max_age", "100000d", NULL },
    { "hub_max_age", "-1d", NULL },
    { "hub_anchors", "", NULL },
    { "hub_anchors", ", ", NULL },
    { "hub_anchors", "0123456789abcdef", NULL },
    { "hub_anchors", "yes no", NULL },
    { "hub_anchors", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg", NULL },
    { "hub_anchors", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg", NULL },
    { "hub_anchors", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", NULL },
    { "trace", "1", "trace = 1: accepted is no or yes" },
    { "weak_key", "error", "weak_key = error: accepted is ignore, warn or deny" },
    { "weak_digest", "note", NULL },
    { "weak_cipher", "DENY", NULL },
    { "eku_any", "0", NULL },
    { "validity_too_long", "1185", NULL },
    { "expires_soon", "30", NULL },
    { "nonsense", "1", "nonsense = 1: there is no setting of that name" },
    { "weak-key", "deny", "weak-key = deny: there is no setting of that name" },
    { "Mode", "enforce", "Mode = enforce: there is no setting of that name" },
    { "", "", " = : there is no setting of that name" },
    { "expired", "ignore", "expired = ignore: the rule 'expired' cannot be changed" },
    { "san-email", "warn", "san-email = warn: the rule 'san-email' cannot be changed" },
};

START_TEST(bad_value)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_settings *defaulted = smimepolicy_settings_new();
    char *why = NULL;

    ck_assert_int_eq(smimepolicy_settings_set(settings, bad[_i].key, bad[_i].value, &why), 0);
    ck_assert_ptr_nonnull(why);
    if (bad[_i].why != NULL)
        ck_assert_str_eq(why, bad[_i].why);
    ck_assert(sp_settings_equal(settings, defaulted));
    ck_assert_int_eq(smimepolicy_settings_set(settings, bad[_i].key, bad[_i].value, NULL), 0);
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
    smimepolicy_settings_free(defaulted);
}
END_TEST

/* The guide's rules, as documented; the list in the code must be this one. */
static const char *const fixed[] = {
    "san_email",
    "key_usage",
    "key_algorithm",
    "extended_key_usage",
    "private_key_algorithm",
    "private_key_match",
    "ca_exempt",
    "expired",
    "not_yet_valid",
    "usage_sign",
    "usage_encrypt",
    "certificate_required",
    "distrust_default",
    "signer_certificate",
    "signer_validity",
    "sender_match",
    "decrypt_expired",
    "revoked",
    "revocation_unknown",
    "keyring_stale",
};

START_TEST(fixed_rules)
{
    static const char *const values[] = { "ignore", "warn", "deny", "no" };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char id[64];

    ck_assert_str_eq(sp_settings_fixed_rule((size_t)_i), fixed[_i]);
    ck_assert_ptr_null(sp_settings_fixed_rule(SP_ROWS(fixed)));
    snprintf(id, sizeof(id), "%s", fixed[_i]);
    for (char *p = id; *p != '\0'; p++)
        if (*p == '_')
            *p = '-';
    ck_assert_int_ge(sp_rule_index(id), 0);
    for (size_t i = 0; i < SP_ROWS(values); i++) {
        const char *const keys[] = { fixed[_i], id };

        for (size_t k = 0; k < 2; k++) {
            char expected[160];
            char *why;

            ck_assert_int_eq(smimepolicy_settings_set(settings, keys[k], values[i], &why), 0);
            snprintf(expected, sizeof(expected), "%s = %s: the rule '%s' cannot be changed",
                     keys[k], values[i], id);
            ck_assert_str_eq(why, expected);
            smimepolicy_free(why);
        }
    }
    smimepolicy_settings_free(settings);
}
END_TEST

static char path[] = "/tmp/test_settings.XXXXXX";

static void write_file(const char *content)
{
    int fd = mkstemp(strcpy(path, "/tmp/test_settings.XXXXXX"));

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

/* |why| without the file's name, which every message begins with; NULL: it loads. */
static const struct {
    const char *content;
    const char *why;
} files[] = {
    { "", NULL },
    { "# nothing\n", NULL },
    { "mode = observe\n", NULL },
    { "mode=observe # as text\nweak_key = deny\n", NULL },
    { "mode = observe\nmode = enforce\nmode = observe\n", NULL },
    { "keyring = /var/lib/smime-policy\nmode = observe\n", NULL },
    { "mode = observe\nnonsense = 1\n", "nonsense = 1: there is no setting of that name" },
    { "mode = on\n", "mode = on: accepted is enforce or observe" },
    { "expired = ignore\n", "expired = ignore: the rule 'expired' cannot be changed" },
    { "mode = observe\n[policy]\ntrace = yes\n", "[policy]: settings stand in no section" },
    { "[smime_policy_sect]\n", "[smime_policy_sect]: settings stand in no section" },
    { "mode\n", "line 1: not the syntax of an OpenSSL configuration" },
    { "mode = observe\n[broken\n", "line 2: not the syntax of an OpenSSL configuration" },
    { "trace = ${nowhere::x}\n", "line 1: not the syntax of an OpenSSL configuration" },
};

START_TEST(settings_file)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_settings *defaulted = smimepolicy_settings_new();
    char expected[256];
    char *why = NULL;
    int loaded;

    write_file(files[_i].content);
    ERR_clear_error();
    loaded = smimepolicy_settings_load(settings, path, &why);
    unlink(path);
    ck_assert_int_eq(loaded, files[_i].why == NULL);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    if (files[_i].why == NULL) {
        ck_assert_ptr_null(why);
        ck_assert_int_eq(settings->mode, strstr(files[_i].content, "mode") != NULL);
    } else {
        snprintf(expected, sizeof(expected), "%s: %s", path, files[_i].why);
        ck_assert_str_eq(why, expected);
        ck_assert(sp_settings_equal(settings, defaulted));
    }
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
    smimepolicy_settings_free(defaulted);
}
END_TEST

static const struct {
    const char *path;
    const char *why;
} nowhere[] = {
    { "/nonexistent/policy.cnf", "/nonexistent/policy.cnf: No such file or directory" },
    { "/tmp", "/tmp: Is a directory" },
};

START_TEST(unreadable_file)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why = NULL;

    ck_assert_int_eq(smimepolicy_settings_load(settings, nowhere[_i].path, &why), 0);
    ck_assert_str_eq(why, nowhere[_i].why);
    ck_assert_int_eq(smimepolicy_settings_load(settings, nowhere[_i].path, NULL), 0);
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
}
END_TEST

/* A named pipe is not waited for, and a file that includes itself is not followed for ever. */
START_TEST(unbounded_file)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why = NULL;
    FILE *file;

    write_file("");
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, ".include %s\n.include %s\n", path, path);
    fclose(file);
    ck_assert_int_eq(smimepolicy_settings_load(settings, path, &why), 0);
    ck_assert_ptr_nonnull(strstr(why, "line 1: .include "));
    ck_assert_ptr_nonnull(strstr(why, "leads back to a file that is being read"));
    smimepolicy_free(why);
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(smimepolicy_settings_load(settings, path, &why), 0);
    ck_assert_ptr_nonnull(strstr(why, "it is a pipe, socket or device"));
    smimepolicy_free(why);
    unlink(path);
    smimepolicy_settings_free(settings);
}
END_TEST

/* An include that is not there is passed over, as libcrypto does; one that cannot be read is not.
 */
static const struct {
    const char *includes;
    const char *why; /* NULL: it loads */
} includes[] = {
    { ".include /nonexistent/x\n", NULL },
    { ".include /dev/null/x\n", NULL },
    { ".include nowhere.cnf\n", NULL },
    { ".include /nonexistent/x\n.include LOOP\n.include LOOP/x\n",
      "line 2: .include LOOP: Too many levels of symbolic links" },
    { ".include LOOP/x\n.include LOOP\n",
      "line 1: .include LOOP/x: Too many levels of symbolic links" },
};

/* Replace LOOP in |from|. */
static void resolve(char *to, const char *from, const char *loop)
{
    const char *at;

    *to = '\0';
    for (; (at = strstr(from, "LOOP")) != NULL; from = at + 4) {
        strncat(to, from, (size_t)(at - from));
        strcat(to, loop);
    }
    strcat(to, from);
}

START_TEST(included_file)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char loop[100], text[600], expected[600], whole[1300];
    char *why = NULL;

    write_file("");
    (void)snprintf(loop, sizeof(loop), "%s.loop", path);
    unlink(path);
    ck_assert_int_eq(symlink(loop, loop), 0);
    resolve(text, includes[_i].includes, loop);
    write_file(strcat(text, "mode = observe\n"));
    ck_assert_int_eq(smimepolicy_settings_load(settings, path, &why), includes[_i].why == NULL);
    ck_assert_int_eq(settings->mode, includes[_i].why == NULL);
    if (includes[_i].why != NULL) {
        resolve(expected, includes[_i].why, loop);
        (void)snprintf(whole, sizeof(whole), "%s: %s", path, expected);
        ck_assert_str_eq(why, whole);
    } else {
        ck_assert_ptr_null(why);
    }
    unlink(path);
    unlink(loop);
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
}
END_TEST

START_TEST(keyring_is_not_trust)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_int_eq(smimepolicy_settings_set(settings, "keyring", "/k", NULL), 1);
    ck_assert_int_eq(settings->trust, SP_TRUST_CALLER);
    smimepolicy_settings_free(settings);
    smimepolicy_settings_free(NULL);
}
END_TEST

static const struct {
    const char *list, *host;
    long port;
    bool is_named;
} hosts[] = {
    { "crl.example.org", "crl.example.org", 80, true },
    { "crl.example.org", "CRL.Example.ORG", 443, true },
    { "crl.example.org", "crl.example.org", 8080, false },
    { "crl.example.org", "example.org", 80, false },
    { "crl.example.org", "a.crl.example.org", 80, false },
    { "crl.example.org", "crl.example.org.", 80, false },
    { "crl.example.org", "", 80, false },
    { "crl.example.org:8080", "crl.example.org", 8080, true },
    { "crl.example.org:8080", "crl.example.org", 80, false },
    { "  a  b:443 ", "b", 443, true },
    { "  a  b:443 ", "b", 80, false },
    { "a:81 a:82", "a", 82, true },
    { ".example.org", "crl.example.org", 80, true },
    { ".example.org", "a.b.example.org", 443, true },
    { ".example.org", "example.org", 80, false },
    { ".example.org", ".example.org", 80, false },
    { ".example.org", "evilexample.org", 80, false },
    { ".example.org", "crl.example.org.evil", 80, false },
    { ".example.org:8080", "crl.example.org", 8080, true },
    { ".example.org:8080", "crl.example.org", 80, false },
    { "[2001:db8::1]:80", "[2001:DB8::1]", 80, true },
    { "[2001:db8::1]", "[2001:db8::2]", 80, false },
};

START_TEST(host_is_named)
{
    ck_assert_int_eq(sp_host_list_names(hosts[_i].list, hosts[_i].host, hosts[_i].port),
                     hosts[_i].is_named);
}
END_TEST

static smimepolicy_settings *before;

static bool try_new(void)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    smimepolicy_settings_free(settings);
    return settings != NULL;
}

static bool try_dup(void)
{
    smimepolicy_settings *copy = sp_settings_dup(before);
    const bool done = copy != NULL;

    ck_assert(!done || sp_settings_equal(copy, before));
    smimepolicy_settings_free(copy);
    return done;
}

static bool try_text(void)
{
    char *text = sp_settings_text(before);

    OPENSSL_free(text);
    return text != NULL;
}

static bool try_value(void)
{
    char *value = sp_settings_value(before, index_of("keyring"));

    OPENSSL_free(value);
    return value != NULL;
}

/* It keeps its value; that memory ran out is told by no reason. */
static bool try_set(void)
{
    char *why = path;
    const bool done = smimepolicy_settings_set(before, "keyring", "/b", &why) == 1;

    ck_assert_ptr_null(why);
    ck_assert_str_eq(before->keyring, done ? "/b" : "/a");
    return done;
}

static bool try_bad(void)
{
    char *why = path;
    bool done;

    ck_assert_int_eq(smimepolicy_settings_set(before, "keyring", "a", &why), 0);
    done = why != NULL;
    OPENSSL_free(why);
    return done;
}

static bool try_load(void)
{
    char *why = path;
    const bool done = smimepolicy_settings_load(before, path, &why) == 1;

    ck_assert_ptr_null(why);
    ck_assert_str_eq(before->keyring, done ? "/b" : "/a");
    return done;
}

static bool (*const tries[])(void) = { try_new, try_dup, try_text, try_value,
                                       try_set, try_bad, try_load };

START_TEST(memory_runs_out)
{
    long number = 0, kept;
    bool starved, done;

    write_file("keyring = /b\nmode = observe\n");
    before = smimepolicy_settings_new();
    ck_assert_int_eq(smimepolicy_settings_set(before, "keyring", "/a", NULL), 1);
    ck_assert(tries[_i]());
    do {
        ck_assert_int_eq(smimepolicy_settings_set(before, "keyring", "/a", NULL), 1);
        ERR_clear_error();
        kept = sp_starve_kept();
        sp_starve(++number);
        done = tries[_i]();
        starved = sp_starve_end();
        ck_assert_int_eq(done, !starved);
        ERR_clear_error();
        ck_assert_int_le(sp_starve_kept(), kept + 2);
    } while (starved);
    ck_assert_int_gt(number, 1);
    smimepolicy_settings_free(before);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tests = tcase_create("settings");

    if (!sp_starve_watch())
        return EXIT_FAILURE;

    tcase_add_loop_test(tests, long_url, 0, 2);
    tcase_add_loop_test(tests, asked_again, 0, SP_ROWS(ages));
    tcase_add_loop_test(tests, every_default, 0, SP_ROWS(defaults));
    tcase_add_test(tests, whole_text);
    tcase_add_loop_test(tests, good_value, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, bad_value, 0, SP_ROWS(bad));
    tcase_add_loop_test(tests, host_is_named, 0, SP_ROWS(hosts));
    tcase_add_loop_test(tests, fixed_rules, 0, SP_ROWS(fixed));
    tcase_add_loop_test(tests, settings_file, 0, SP_ROWS(files));
    tcase_add_loop_test(tests, unreadable_file, 0, SP_ROWS(nowhere));
    tcase_add_test(tests, unbounded_file);
    tcase_add_loop_test(tests, included_file, 0, SP_ROWS(includes));
    tcase_add_test(tests, keyring_is_not_trust);
    tcase_add_loop_test(tests, memory_runs_out, 0, SP_ROWS(tries));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
