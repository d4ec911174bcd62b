<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// `php not_mail.php KEY [CERTIFICATE]`: sign as DKIM and JWT libraries do; with CERTIFICATE, after
// having checked that the key belongs to it.
declare(strict_types=1);

$key = openssl_pkey_get_private("file://$argv[1]");
$certificate = isset($argv[2]) ? openssl_x509_read("file://$argv[2]") : null;
$public = openssl_pkey_get_details($key)['key'];
$data = 'v=1; a=rsa-sha256; d=example.com; s=selector; h=from:to; b=';
if (($certificate !== null && !openssl_x509_check_private_key($certificate, $key))
    || !openssl_sign($data, $signature, $key, OPENSSL_ALGO_SHA256)
    || openssl_verify($data, $signature, $public, OPENSSL_ALGO_SHA256) !== 1) {
    exit(1);
}
echo "signed\n";
