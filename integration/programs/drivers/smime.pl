# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# S/MIME with Perl's Crypt::SMIME: `perl smime.pl OPERATION IN OUT ARGUMENT…`.
# Without an operation: is the module there?
use strict;
use warnings;
use Crypt::SMIME qw(:constants);

sub slurp {
    open my $file, '<:raw', $_[0] or die "$_[0]: $!\n";
    local $/;
    return scalar <$file>;
}

my ($operation, $in, $out, @rest) = @ARGV;
exit 0 if !defined $operation;
my $smime = Crypt::SMIME->new;
my %do = (
    sign => sub {    # SIGNER KEY [CHAIN]
        $smime->setPrivateKey(slurp($rest[1]), slurp($rest[0]));
        $smime->setPublicKey(slurp($rest[2])) if @rest > 2;
        return $smime->sign($_[0]);
    },
    encrypt => sub {    # RECIPIENT…
        $smime->setPublicKey([map { slurp($_) } @rest]);
        return $smime->encrypt($_[0]);
    },
    verify => sub {    # CAFILE
        $smime->setPublicKey(slurp($rest[0]));
        return $smime->check($_[0]);
    },
    extract => sub { return $smime->check($_[0], NO_CHECK_CERTIFICATE) },
    decrypt => sub {    # CERTIFICATE KEY
        $smime->setPrivateKey(slurp($rest[1]), slurp($rest[0]));
        return $smime->decrypt($_[0]);
    },
);
my $result = eval { $do{$operation}->(slurp($in)) };
if (!defined $result) {
    print STDERR $@;
    exit 1;
}
open my $file, '>:raw', $out or die "$out: $!\n";
print {$file} $result;
close $file or die "$out: $!\n";
