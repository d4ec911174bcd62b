<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// S/MIME with Horde_Crypt: `php horde.php OPERATION IN OUT ARGUMENT…`.
// Without an operation: is the library there?
declare(strict_types=1);

// Horde's code is older than PHP 8.
error_reporting(E_ALL & ~E_DEPRECATED);
spl_autoload_register(fn ($class) => @include strtr($class, '_\\', '//') . '.php');

[, $operation, $in, $out] = $argv + ['', 'probe', '', ''];
$rest = array_slice($argv, 4);
$smime = new Horde_Crypt_Smime(['temp' => sys_get_temp_dir()]);
if ($operation === 'probe') {
    exit(0);
}
$data = file_get_contents($in);
$read = fn ($path) => file_get_contents($path);
try {
    switch ($operation) {
        case 'sign':  // SIGNER KEY [CHAIN]
            $result = $smime->encrypt($data, ['type' => 'signature', 'pubkey' => $read($rest[0]),
                'privkey' => $read($rest[1]), 'passphrase' => null,
                'certs' => isset($rest[2]) ? $read($rest[2]) : null]);
            break;
        case 'encrypt':  // RECIPIENT…
            $result = $smime->encrypt($data, ['type' => 'message',
                'pubkey' => array_map($read, $rest)]);
            break;
        case 'verify':  // CAFILE
            $answer = $smime->verify($data, $rest);
            if (!$answer->verify) {
                throw new Horde_Crypt_Exception($answer->msg);
            }
            $result = $smime->extractSignedContents($data);
            break;
        case 'extract':
            $result = $smime->extractSignedContents($data);
            break;
        case 'decrypt':  // CERTIFICATE KEY
            $result = $smime->decrypt($data, ['type' => 'message', 'pubkey' => $read($rest[0]),
                'privkey' => $read($rest[1]), 'passphrase' => null]);
            break;
    }
} catch (Horde_Crypt_Exception $refusal) {
    fwrite(STDERR, $refusal->getMessage() . "\n");
    exit(1);
}
file_put_contents($out, $result);
