# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# `perl one_key.pl PKI MAIL SEALED OUT FLAGS STEP…`, as one_key.rb, with Crypt::SMIME.  It takes no
# flags, and a key object belongs to one certificate: both are there from the beginning.
use strict;
use warnings;
use Crypt::SMIME;

my ($pki, $mail, $sealed, $out, undef, @steps) = @ARGV;

sub slurp {
    open my $file, '<:raw', $_[0] or die "$_[0]: $!\n";
    local $/;
    return scalar <$file>;
}

my %smime;
for my $name (qw(renewed_old renewed_new)) {
    $smime{$name} = Crypt::SMIME->new;
    $smime{$name}->setPrivateKey(slurp("$pki/renewed_old.key"), slurp("$pki/$name.pem"));
}
for my $number (0 .. $#steps) {
    my $step = $steps[$number];
    my $result = eval {
        $step eq 'decrypt' ? $smime{renewed_old}->decrypt(slurp($sealed))
                           : $smime{$step}->sign(slurp($mail));
    };
    print "$step ", defined $result ? "yes\n" : "no\n";
    if (!defined $result) {
        print STDERR $@;
        next;
    }
    open my $file, '>:raw', "$out.$number" or die "$out: $!\n";
    print {$file} $result;
    close $file or die "$out: $!\n";
}
