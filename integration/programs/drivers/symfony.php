<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// Mail made with Symfony Mime: `php symfony.php OPERATION IN OUT ARGUMENT…`.
// Without an operation: is the component there?
declare(strict_types=1);

require 'Egulias/EmailValidator/autoload.php';
require 'Symfony/Component/Mime/autoload.php';

use Symfony\Component\Mime\Crypto\SMimeEncrypter;
use Symfony\Component\Mime\Crypto\SMimeSigner;
use Symfony\Component\Mime\Email;

[, $operation, $in, $out] = $argv + ['', 'probe', '', ''];
$rest = array_slice($argv, 4);
if ($operation === 'probe') {
    exit(class_exists(SMimeSigner::class) ? 0 : 1);
}

$email = (new Email())->from('alice@example.com')->to('bob@example.com')->subject('test')
    ->text(file_get_contents($in));
try {
    $mail = $operation === 'sign'  // SIGNER KEY [CHAIN]; else RECIPIENT…
        ? (new SMimeSigner($rest[0], $rest[1], null, $rest[2] ?? null))->sign($email)
        : (new SMimeEncrypter($rest))->encrypt($email);
} catch (Symfony\Component\Mime\Exception\RuntimeException $refusal) {
    fwrite(STDERR, $refusal->getMessage() . "\n");
    exit(1);
}
file_put_contents($out, $mail->toString());
