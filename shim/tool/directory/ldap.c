/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A question to an LDAP server (RFC 4511).  It runs in a process that ends with it, so that
 * nothing is freed.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ldap.h>
#include <openssl/crypto.h>

#include "base/symbol.h"
#include "base/text.h"
#include "tool/directory/directory.h"
#include "tool/directory/source.h"

/* libldap is loaded when a directory is asked: most commands never ask one. */

/* The functions that are called, without the "ldap_" of their names. */
#define FUNCTIONS(X)                                                                               \
    X(bv2escaped_filter_value)                                                                     \
    X(err2string)                                                                                  \
    X(first_attribute)                                                                             \
    X(first_entry)                                                                                 \
    X(get_option)                                                                                  \
    X(get_values_len)                                                                              \
    X(initialize)                                                                                  \
    X(next_attribute)                                                                              \
    X(next_entry)                                                                                  \
    X(sasl_bind_s)                                                                                 \
    X(search_ext_s)                                                                                \
    X(set_option)                                                                                  \
    X(start_tls_s)                                                                                 \
    X(url_desc2str)                                                                                \
    X(url_parse)

struct library {
#define X(name) __typeof__(ldap_##name) *(name);
    FUNCTIONS(X)
#undef X
    __typeof__(ber_sockbuf_ctrl) *sockbuf_ctrl;
};

#define NO_LDAP                                                                                    \
    "libldap is not installed or older than 2.5; install OpenLDAP's library (Debian: "             \
    "libldap-2.5-0 or libldap2)"

/* OpenLDAP 2.6, and 2.5 as Debian 12 names it. */
#define LIBRARIES "libldap.so.2\0libldap-2.5.so.0\0"

/* The functions; NULL if one is not there.  libldap reads nothing before the first is called. */
static const struct library *load(void)
{
    static struct library loaded;

#define X(name) "ldap_" #name "\0"
    return sp_symbols_load(LIBRARIES, FUNCTIONS(X) "ber_sockbuf_ctrl\0", &loaded) ? &loaded : NULL;
#undef X
}

bool shim_directory_ready(char **why)
{
    const bool is_there = load() != NULL;

    *why = is_there ? NULL : OPENSSL_strdup(NO_LDAP);
    return is_there;
}

/* What stands for the address in the filter of a URL. */
#define PLACE "{address}"

/*
 * RFC 2798, 2.8: PKCS#7, which some servers have without ";binary"; and RFC 4523, 4.1: DER, for
 * which it is needed.
 */
static char smime_attribute[] = "userSMIMECertificate";
static char smime_as_binary[] = "userSMIMECertificate;binary";
static char cert_attribute[] = "userCertificate;binary";
static char *attributes[] = { smime_attribute, smime_as_binary, cert_attribute, NULL };
static char mail_filter[] = "(mail=" PLACE ")";

/* The CAs that Debian's package ca-certificates keeps. */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

/* An answer of the server has no more bytes. */
#define LONGEST_MESSAGE (8U << 20)

struct session {
    const struct library *api;
    const struct shim_question *question;
    LDAPURLDesc *url;
    LDAP *server;
    int to;
    size_t values; /* that were given */
};

static const char *or_no_memory(const char *text)
{
    return text != NULL ? text : "out of memory";
}

/* Why |what| failed, with what the server says. */
static const char *failure(const struct session *session, const char *what, int code)
{
    char *said = NULL;

    if (session->server != NULL)
        (void)session->api->get_option(session->server, LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
    return or_no_memory(sp_format("%s: %s%s%.200s", what, session->api->err2string(code),
                                  said != NULL && said[0] != '\0' ? ", " : "",
                                  said != NULL ? said : ""));
}

/* Does the URL have something in its part behind the question mark |number|? */
static bool has_part(const char *url, int number)
{
    for (; number > 0; number--) {
        url = strchr(url, '?');
        if (url == NULL)
            return false;
        url++;
    }
    return url[0] != '?' && url[0] != '\0';
}

/* What the URL leaves open is not what libldap takes it for: it would read the base alone. */
static const char *read_url(struct session *session)
{
    LDAPURLDesc *url = NULL;

    if (session->api->url_parse(session->question->url, &url) != LDAP_URL_SUCCESS)
        return "its URL cannot be read; it is like ldap://HOST/BASE?ATTRIBUTES?SCOPE?FILTER "
               "(RFC 4516)";
    if (url->lud_exts != NULL)
        return "its URL has extensions, and none is known";
    if (!has_part(session->question->url, 3))
        url->lud_filter = mail_filter;
    if (strstr(url->lud_filter, PLACE) == NULL)
        return "the filter of its URL does not say where the address stands: " PLACE;
    if (!has_part(session->question->url, 1))
        url->lud_attrs = attributes;
    if (!has_part(session->question->url, 2))
        url->lud_scope = LDAP_SCOPE_SUBTREE;
    session->url = url;
    return NULL;
}

/* The address as a value in a filter (RFC 4515, 3), in which no character has a meaning. */
static const char *escaped(const struct session *session)
{
    struct berval plain = { .bv_val = OPENSSL_strdup(session->question->address) };
    struct berval safe = { 0 };

    if (plain.bv_val == NULL)
        return NULL;
    plain.bv_len = strlen(plain.bv_val);
    return session->api->bv2escaped_filter_value(&plain, &safe) == 0 ? safe.bv_val : NULL;
}

static char *filter_of(const struct session *session)
{
    const char *address = escaped(session);
    const char *at = session->url->lud_filter;
    struct sp_text text = { 0 };

    if (address == NULL)
        return NULL;
    for (const char *place; (place = strstr(at, PLACE)) != NULL; at = place + strlen(PLACE)) {
        sp_text_add_bytes(&text, at, (size_t)(place - at));
        sp_text_add(&text, address);
    }
    sp_text_add(&text, at);
    return sp_text_take(&text);
}

/* The server alone, as a URL. */
static char *server_of(const struct session *session)
{
    LDAPURLDesc server = { .lud_scheme = session->url->lud_scheme,
                           .lud_host = session->url->lud_host,
                           .lud_port = session->url->lud_port,
                           .lud_scope = LDAP_SCOPE_DEFAULT };

    return session->api->url_desc2str(&server);
}

static bool set_number(const struct session *session, int option, int number)
{
    return session->api->set_option(session->server, option, &number) == LDAP_OPT_SUCCESS;
}

/* Only a server whose certificate names it, and that a CA vouches for, is asked under TLS. */
static bool set_tls(const struct session *session)
{
    const char *ca = session->question->settings->contacts_ca;

    return set_number(session, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND) &&
           set_number(session, LDAP_OPT_X_TLS_PROTOCOL_MIN, LDAP_OPT_X_TLS_PROTOCOL_TLS1_2) &&
           session->api->set_option(session->server, LDAP_OPT_X_TLS_CACERTFILE,
                                    ca != NULL ? ca : SYSTEM_CAS) == LDAP_OPT_SUCCESS &&
           set_number(session, LDAP_OPT_X_TLS_NEWCTX, 0);
}

static bool set_options(const struct session *session)
{
    const struct timeval patience = { .tv_sec = SHIM_PATIENCE };
    ber_len_t longest = LONGEST_MESSAGE;
    Sockbuf *buffer = NULL;

    return set_number(session, LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3) &&
           set_number(session, LDAP_OPT_DEREF, LDAP_DEREF_NEVER) &&
           session->api->set_option(session->server, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) ==
               LDAP_OPT_SUCCESS &&
           session->api->set_option(session->server, LDAP_OPT_NETWORK_TIMEOUT, &patience) ==
               LDAP_OPT_SUCCESS &&
           session->api->set_option(session->server, LDAP_OPT_TIMEOUT, &patience) ==
               LDAP_OPT_SUCCESS &&
           session->api->get_option(session->server, LDAP_OPT_SOCKBUF, &buffer) ==
               LDAP_OPT_SUCCESS &&
           session->api->sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &longest) == 1;
}

/* Is what goes to the server encrypted, or does it stay on this host? */
static bool is_private(const struct session *session)
{
    return strcmp(session->url->lud_scheme, "ldap") != 0 ||
           session->question->settings->contacts_starttls;
}

static const char *connect_to(struct session *session)
{
    const char *scheme = session->url->lud_scheme;
    char *server = server_of(session);
    int code = LDAP_SUCCESS;

    if (session->question->credentials->name != NULL && !is_private(session))
        return "a password would go over the network for everybody to read; leave "
               "contacts_starttls = no out";
    if (server == NULL || session->api->initialize(&session->server, server) != LDAP_SUCCESS ||
        !set_options(session))
        return "the connection cannot be prepared";
    if (strcmp(scheme, "ldapi") != 0 && is_private(session) && !set_tls(session))
        return "TLS cannot be prepared; is contacts_ca a file of certificates in PEM?";
    if (strcmp(scheme, "ldap") == 0 && is_private(session))
        code = session->api->start_tls_s(session->server, NULL, NULL);
    return code == LDAP_SUCCESS ? NULL : failure(session, "no connection under TLS", code);
}

static const char *bind_to(const struct session *session)
{
    const struct shim_credentials *credentials = session->question->credentials;
    struct berval password = { .bv_val = credentials->password };
    int code;

    if (credentials->name == NULL)
        return NULL;
    password.bv_len = strlen(password.bv_val);
    code = session->api->sasl_bind_s(session->server, credentials->name, LDAP_SASL_SIMPLE,
                                     &password, NULL, NULL, NULL);
    return code == LDAP_SUCCESS ? NULL : failure(session, "no access", code);
}

/* Was |attribute| asked for?  A server may leave ";binary" out, or give more than that. */
static bool is_wanted(const struct session *session, const char *attribute)
{
    const size_t length = strcspn(attribute, ";");

    for (char *const *wanted = session->url->lud_attrs; *wanted != NULL; wanted++)
        if (strcspn(*wanted, ";") == length && strncasecmp(*wanted, attribute, length) == 0)
            return true;
    return false;
}

static void leave_out(const struct session *session, char *why)
{
    const char *text = or_no_memory(why);

    (void)shim_give(session->to, SHIM_GIVEN_LEFT, text, strlen(text));
}

/* False: no more is wanted. */
static bool give(struct session *session, const char *attribute, const struct berval *value)
{
    if (value->bv_len > SHIM_LONGEST_VALUE) {
        leave_out(session, sp_format("a value of %.80s has %lu bytes, and no certificate has more "
                                     "than %d",
                                     attribute, (unsigned long)value->bv_len, SHIM_LONGEST_VALUE));
        return true;
    }
    if (session->values++ == SHIM_MOST_VALUES) {
        leave_out(session, sp_format("it has more than %d values, and the rest is not looked at",
                                     SHIM_MOST_VALUES));
        return false;
    }
    return shim_give(session->to, SHIM_GIVEN_VALUE, value->bv_val, value->bv_len);
}

static bool give_entry(struct session *session, LDAPMessage *entry)
{
    BerElement *state = NULL;
    bool more = true;

    for (char *name = session->api->first_attribute(session->server, entry, &state);
         more && name != NULL; name = session->api->next_attribute(session->server, entry, state)) {
        struct berval **values = is_wanted(session, name)
                                     ? session->api->get_values_len(session->server, entry, name)
                                     : NULL;

        for (size_t i = 0; more && values != NULL && values[i] != NULL; i++)
            more = give(session, name, values[i]);
    }
    return more;
}

static const char *search(struct session *session)
{
    struct timeval patience = { .tv_sec = SHIM_PATIENCE };
    LDAPMessage *found = NULL;
    char *filter = filter_of(session);
    int code;

    if (filter == NULL)
        return "out of memory";
    code = session->api->search_ext_s(session->server,
                                      session->url->lud_dn != NULL ? session->url->lud_dn : "",
                                      session->url->lud_scope, filter, session->url->lud_attrs, 0,
                                      NULL, NULL, &patience, SHIM_MOST_ENTRIES, &found);
    if (code == LDAP_SIZELIMIT_EXCEEDED)
        return "it has more than 10 entries for the address, or lets nobody see so many";
    if (code != LDAP_SUCCESS)
        return failure(session, "no answer", code);
    for (LDAPMessage *entry = session->api->first_entry(session->server, found);
         entry != NULL && give_entry(session, entry);
         entry = session->api->next_entry(session->server, entry))
        ;
    return NULL;
}

const char *shim_ldap_ask(const struct shim_question *question, int to)
{
    struct session session = { .question = question, .to = to };
    const char *why;

    /* No file and no variable gives defaults to libldap, the TLS library or the resolver. */
    if (clearenv() == 0 && setenv("LDAPNOINIT", "1", 1) == 0)
        session.api = load();
    if (session.api == NULL)
        return NO_LDAP;
    why = read_url(&session);
    if (why == NULL)
        why = connect_to(&session);
    if (why == NULL)
        why = bind_to(&session);
    return why != NULL ? why : search(&session);
}
