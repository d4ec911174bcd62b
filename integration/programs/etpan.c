/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mail program with libetpan's S/MIME; test_program_libetpan.py runs it.
 *
 * etpan HOME signed|encrypted|signed-encrypted FILE: protect the mail and give it to
 * sendmail.
 *
 * etpan HOME read|read-unchecked FILE: print it, decrypted and verified.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libetpan/libetpan.h>

static const char *home;

static char *below_home(const char *name)
{
    static char path[4][4096];
    static int next;
    char *to = path[next++ % 4];

    snprintf(to, sizeof(path[0]), "%s/%s", home, name);
    return to;
}

static mailmessage *load(const char *path)
{
    static char data[1 << 20];
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(data, 1, sizeof(data), file);

    if (file != NULL)
        fclose(file);
    return len == 0 ? NULL : data_message_init(data, len);
}

static struct mailprivacy *begin(int check)
{
    struct mailprivacy *privacy = mailprivacy_new(below_home("tmp"), 0);
    char address[] = "me@example.com", passphrase[] = "secret";

    if (privacy == NULL || mailprivacy_smime_init(privacy) != MAIL_NO_ERROR)
        return NULL;
    mailprivacy_smime_set_cert_dir(privacy, below_home("certificates"));
    mailprivacy_smime_set_CA_dir(privacy, below_home("ca"));
    mailprivacy_smime_set_private_keys_dir(privacy, below_home("keys"));
    mailprivacy_smime_set_CA_check(privacy, check);
    mailprivacy_smime_set_encryption_id(privacy, address, passphrase);
    return privacy;
}

static int give_to_sendmail(struct mailmime *message)
{
    FILE *sendmail = popen("sendmail -t", "w");
    int col = 0;

    if (sendmail == NULL)
        return 1;
    mailmime_write(sendmail, &col, message);
    return pclose(sendmail) != 0;
}

static int protect(struct mailprivacy *privacy, mailmessage *mail, char *how)
{
    struct mailmime *message, *body, *other;
    char smime[] = "smime";
    int code = mailprivacy_msg_get_bodystructure(privacy, mail, &message);

    if (code == MAIL_NO_ERROR) {
        body = message->mm_data.mm_message.mm_msg_mime;
        code = mailprivacy_encrypt_msg(privacy, smime, how, mail, body, &other);
    }
    if (code == MAIL_NO_ERROR && mailmime_substitute(body, other) == MAIL_NO_ERROR)
        return give_to_sendmail(message);
    fprintf(stderr, "libetpan: %s\n",
            code == MAIL_ERROR_COMMAND ? "MAIL_ERROR_COMMAND"
            : code == MAIL_ERROR_FILE  ? "MAIL_ERROR_FILE"
                                       : "error");
    return 1;
}

static int show(struct mailprivacy *privacy, mailmessage *mail)
{
    struct mailmime *message;
    int col = 0;

    if (mailprivacy_msg_get_bodystructure(privacy, mail, &message) != MAIL_NO_ERROR)
        return 1;
    mailmime_write(stdout, &col, message);
    return 0;
}

int main(int argc, char **argv)
{
    struct mailprivacy *privacy;
    mailmessage *mail;

    if (argc != 4)
        return 2;
    /* As in mail programs: a command that refuses may end before it has read the passphrase. */
    signal(SIGPIPE, SIG_IGN);
    home = argv[1];
    privacy = begin(strcmp(argv[2], "read-unchecked") != 0);
    mail = load(argv[3]);
    if (privacy == NULL || mail == NULL)
        return 2;
    return strncmp(argv[2], "read", 4) == 0 ? show(privacy, mail) : protect(privacy, mail, argv[2]);
}
