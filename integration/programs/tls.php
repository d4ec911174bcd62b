<?php
// Copyright 2026 The smime-policy authors
// SPDX-License-Identifier: Apache-2.0
//
// `php tls.php server CAFILE CERT KEY` prints its address, answers one line of one client and
// ends; `php tls.php client CAFILE CERT KEY ADDRESS` sends one line and prints the answer.
declare(strict_types=1);

[, $role, $ca, $certificate, $key] = $argv;
$context = stream_context_create(['ssl' => [
    'local_cert' => $certificate, 'local_pk' => $key, 'cafile' => $ca,
    'verify_peer' => true, 'verify_peer_name' => $role === 'client', 'peer_name' => 'localhost',
]]);
if ($role === 'server') {
    $flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
    $server = stream_socket_server('tls://127.0.0.1:0', $code, $why, $flags, $context);
    echo 'ACCEPT ', stream_socket_get_name($server, false), "\n";
    $peer = stream_socket_accept($server, 20);
    fwrite($peer, strrev(trim(fgets($peer))) . "\n");
} else {
    $peer = stream_socket_client("tls://$argv[5]", $code, $why, 20, STREAM_CLIENT_CONNECT, $context);
    fwrite($peer, "policy\n");
    echo fgets($peer);
}
fclose($peer);
