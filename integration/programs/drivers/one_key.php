<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// `php one_key.php API PKI MAIL SEALED OUT FLAGS STEP…`, as one_key.rb; API is pkcs7 or cms.
declare(strict_types=1);

[, $api, $pki, $mail, $sealed, $out, $how] = $argv;
$flags = ['detached' => PKCS7_DETACHED, 'binary' => PKCS7_DETACHED | PKCS7_BINARY,
          'noattr' => PKCS7_DETACHED | PKCS7_NOATTR, 'opaque' => 0][$how];
$certs = [];
foreach (['renewed_old', 'renewed_new'] as $name) {
    $certs[$name] = openssl_x509_read("file://$pki/$name.pem");
}
$key = openssl_pkey_get_private("file://$pki/renewed_old.key");
[$sign, $decrypt] = ["openssl_{$api}_sign", "openssl_{$api}_decrypt"];
foreach (array_slice($argv, 7) as $number => $step) {
    while (openssl_error_string() !== false);
    $done = $step === 'decrypt'
        ? $decrypt($sealed, "$out.text", $certs['renewed_old'], $key)
        : @$sign($mail, "$out.$number", $certs[$step], $key, [], $flags);
    echo $step, $done ? " yes\n" : " no\n";
    while (!$done && ($error = openssl_error_string()) !== false) {
        fwrite(STDERR, "$error\n");
    }
}
