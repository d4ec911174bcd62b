<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// S/MIME the way PHP programs do it: `php smime.php API OPERATION IN OUT ARGUMENT…`
// with API pkcs7 or cms.  Exit code 1 and the error queue on stderr if PHP returns false.
declare(strict_types=1);

[, $api, $operation, $in, $out] = $argv;
$rest = array_slice($argv, 5);
$cms = $api === 'cms';
$f = "openssl_{$api}_{$operation}";

// The queue may hold leftovers of start-up; only this call's errors count.
while (openssl_error_string() !== false);

$done = false;
switch ($operation) {
    case 'sign':  // SIGNER KEY [CHAIN]
        $signer = ["file://$rest[0]", "file://$rest[1]", []];
        $done = $cms
            ? $f($in, $out, ...$signer, ...[0, OPENSSL_ENCODING_SMIME, $rest[2] ?? null])
            : $f($in, $out, ...$signer, ...[PKCS7_DETACHED, $rest[2] ?? null]);
        break;
    case 'encrypt':  // RECIPIENT…
        $recipients = array_map(fn ($path) => "file://$path", $rest);
        $done = $cms
            ? $f($in, $out, $recipients, [], 0, OPENSSL_ENCODING_SMIME, OPENSSL_CIPHER_AES_256_CBC)
            : $f($in, $out, $recipients, [], 0, OPENSSL_CIPHER_AES_256_CBC);
        break;
    case 'verify':  // CAFILE
        $done = $f($in, 0, "$out.signers", [$rest[0]], null, $out) === true;
        break;
    case 'extract':
        $flag = $cms ? OPENSSL_CMS_NOVERIFY : PKCS7_NOVERIFY;
        $done = "openssl_{$api}_verify"($in, $flag, "$out.signers", [], null, $out) === true;
        break;
    case 'decrypt':  // CERTIFICATE KEY
        $done = $f($in, $out, "file://$rest[0]", "file://$rest[1]");
        break;
}
while (($error = openssl_error_string()) !== false) {
    if (!$done) {
        fwrite(STDERR, "$error\n");
    }
}
exit($done ? 0 : 1);
