<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// `php not_mail.php CERT KEY`: sign as DKIM and JWT libraries do, in a process that has parsed
// the certificate of the key.
declare(strict_types=1);

$certificate = openssl_x509_read("file://$argv[1]");
$key = openssl_pkey_get_private("file://$argv[2]");
$data = "v=1; a=rsa-sha256; d=example.com; s=selector; h=from:to; b=";
if (!openssl_x509_check_private_key($certificate, $key)
    || !openssl_sign($data, $signature, $key, OPENSSL_ALGO_SHA256)
    || openssl_verify($data, $signature, $certificate, OPENSSL_ALGO_SHA256) !== 1) {
    exit(1);
}
echo "signed\n";
