<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// `php raw_keys.php PKI NAME MAIL OUT`: raw operations with the certificate NAME, and mail with it and
// with `expired`, in one process.  A line each: what, and whether it worked.
declare(strict_types=1);

[, $pki, $name, $mail, $out] = $argv;
$key = openssl_pkey_get_private("file://$pki/$name.key");
$certificate = openssl_x509_read("file://$pki/$name.pem");
$public = openssl_pkey_get_public("file://$pki/$name.pem");
openssl_x509_check_private_key($certificate, $key);

function tell(string $what, bool $done): void
{
    echo $what, $done ? " yes\n" : " no\n";
}

function mails(string $pki, string $mail, string $out, string $name): void
{
    $pair = ["file://$pki/$name.pem", "file://$pki/$name.key"];
    $ways = [
        'pkcs7_sign' => fn ($to) => @openssl_pkcs7_sign($mail, $to, ...$pair, headers: []),
        'cms_sign' => fn ($to) => @openssl_cms_sign($mail, $to, ...$pair, headers: []),
        'pkcs7_encrypt' => fn ($to) => @openssl_pkcs7_encrypt($mail, $to, $pair[0], [],
            cipher_algo: OPENSSL_CIPHER_AES_256_CBC),
        'cms_encrypt' => fn ($to) => @openssl_cms_encrypt($mail, $to, $pair[0], [],
            cipher_algo: OPENSSL_CIPHER_AES_256_CBC),
    ];
    foreach ($ways as $way => $go) {
        $done = $go("$out.$name.$way");
        tell("$way($name)", $done || (@filesize("$out.$name.$way") ?: 0) > 0);
    }
}

foreach ([1, 2] as $round) {
    tell('sign', openssl_sign('<saml/>', $signature, $key, OPENSSL_ALGO_SHA256));
    if ($round === 1 && is_file("$out.signature")) {
        $signature = file_get_contents("$out.signature");
        tell('verify', openssl_verify('<saml/>', $signature, $public, OPENSSL_ALGO_SHA256) === 1);
    }
    tell('public_encrypt', openssl_public_encrypt('key', $sealed, $public, OPENSSL_PKCS1_OAEP_PADDING));
    tell('seal', openssl_seal('<saml/>', $sealed, $keys, [$public], 'aes-256-cbc', $iv) !== false);
    mails($pki, $mail, $out, 'expired');
    mails($pki, $mail, $out, $name);
}
