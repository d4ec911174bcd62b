# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# rt.pl send FROM TO sign|encrypt…     RT sends a mail; its answer is the exit code
# rt.pl content sign|encrypt FROM      RT protects a text that it keeps, and prints it
# rt.pl receive < MAIL                 what RT makes of a mail that comes in
#
# RT_SITE_CONFIG names the configuration.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';

use RT -init;
use MIME::Entity;
use MIME::Parser;
use RT::Interface::Email;

my $task = shift;
if ($task eq 'send') {
    my ($from, $to, @what) = @ARGV;
    my %what = map { ucfirst $_ => 1 } @what;
    my $mail = MIME::Entity->build(
        From => $from, To => $to, Subject => 'from RT', Type => 'text/plain',
        'Message-ID' => '<1@rt.invalid>', Data => ["the quick brown fox.\n"]);
    my $sent = RT::Interface::Email::SendEmail(Entity => $mail, Sign => 0, Encrypt => 0, %what);
    exit($sent > 0 ? 0 : 1);
}
if ($task eq 'content') {
    my ($what, $address) = @ARGV;
    my $content = "the quick brown fox.\n";
    my %done = RT::Crypt->SignEncryptContent(
        Content => \$content, Sign => 0, Encrypt => 0, ucfirst $what => 1, Signer => $address,
        Recipients => [$address]);
    print $content;
    exit($done{exit_code} ? 1 : 0);
}
if ($task eq 'receive') {
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->decode_bodies(0);
    my $mail = $parser->parse(\*STDIN);
    my $queue = RT::Queue->new(RT->SystemUser);
    $queue->Load('General');
    for my $one (RT::Crypt->VerifyDecrypt(Entity => $mail, Queue => $queue)) {
        print "status: $_->{Operation} $_->{Status}: $_->{Message}\n"
            for RT::Crypt->ParseStatus(Protocol => $one->{Protocol}, Status => $one->{status});
    }
    print "\n", $mail->stringify_body;
    exit 0;
}
die "unknown task\n";
