<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// Mail sent with PHPMailer: `php phpmailer.php sign IN SENDMAIL SIGNER KEY [CHAIN]`.
// Without an operation: is the library there?  With NO_EXCEPTIONS in the environment, as
// `new PHPMailer()` is by default.
declare(strict_types=1);

require 'libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\Exception;
use PHPMailer\PHPMailer\PHPMailer;

if ($argc < 2) {
    exit(class_exists(PHPMailer::class) ? 0 : 1);
}
[, , $in, $sendmail, $certificate, $key] = $argv;
$mail = new PHPMailer(getenv('NO_EXCEPTIONS') === false);
$mail->isSendmail();
$mail->Sendmail = $sendmail;
$mail->setFrom('alice@example.com');
$mail->addAddress('bob@example.com');
$mail->Subject = 'test';
$mail->CharSet = 'utf-8';
$mail->Body = file_get_contents($in);
$mail->sign($certificate, $key, '', $argv[6] ?? '');
try {
    $mail->send();
} catch (Exception $refusal) {
    fwrite(STDERR, $refusal->getMessage() . "\n");
    exit(1);
}
