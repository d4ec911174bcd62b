/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opening the folders and files of stored CRLs; for this room alone.
 *
 * Where |*why| is set on failure, it is one line that names the file, the fault and the way
 * out, to free with OPENSSL_free(); NULL: out of memory.
 */
#ifndef SP_CRL_OPEN_H
#define SP_CRL_OPEN_H

#include <sys/types.h>

#include "revocation/crl_form.h"

#define SP_CRLS "crls"

enum sp_crl_there { SP_CRL_ABSENT, SP_CRL_THERE, SP_CRL_FAULT };

/* KEYRING/crls, or the folder of one issuer's name in it. */
struct sp_crl_folder {
    int fd;                        /* owned; -1: not open */
    uid_t owner;                   /* of the keyring */
    const char *keyring;           /* borrowed */
    char name[SP_CRL_FOLDER_NAME]; /* "" for KEYRING/crls */
};
/* Open KEYRING/crls, if only the owner of the keyring can have written it. */
enum sp_crl_there sp_crl_open_crls(struct sp_crl_folder *crls, const char *keyring, char **why);
/* Open the folder |name| in |crls|. */
enum sp_crl_there sp_crl_open_folder(struct sp_crl_folder *folder, const struct sp_crl_folder *crls,
                                     const char *name, char **why);
/* As sp_crl_open_crls(), and make KEYRING/crls unless it is there. */
bool sp_crl_make_crls(struct sp_crl_folder *crls, const char *keyring, char **why);
void sp_crl_close_folder(struct sp_crl_folder *folder);
/*
 * Tell |tell| of each name in |folder| that ends in |suffix|; it returns false to stop.
 * Nothing is allocated.  False, with errno set, if the folder cannot be read.
 */
typedef bool sp_crl_name_fn(const char *name, void *data);
bool sp_crl_names(const struct sp_crl_folder *folder, const char *suffix, sp_crl_name_fn *tell,
                  void *data);

/* A file that is open, with its header. */
struct sp_crl_opened {
    int fd; /* owned */
    struct sp_crl_header header;
    uint64_t identity;
};
/* Open the file |name|: its header belongs to that name in that folder, and none of it is cut. */
enum sp_crl_there sp_crl_open(struct sp_crl_opened *file, const struct sp_crl_folder *folder,
                              const char *name, char **why);
void sp_crl_close(struct sp_crl_opened *file);
/* Read page |number|; false if it is damaged. */
bool sp_crl_read_page(const struct sp_crl_opened *file, uint64_t number,
                      unsigned char page[SP_CRL_PAGE]);
/*
 * Read the issuer's certificate, a new DER of header.cert_length bytes; NULL if it is damaged.
 * False only if out of memory.
 */
bool sp_crl_read_cert(const struct sp_crl_opened *file, unsigned char **cert);

/* KEYRING/crls, and |folder| and |name| in it unless they are "". */
char *sp_crl_path(const char *keyring, const char *folder, const char *name);
/* That the file at |path|, taken over, is damaged; returns SP_CRL_FAULT. */
enum sp_crl_there sp_crl_damaged(char *path, char **why);

#endif
