#!/usr/bin/perl
# mail_dkim_oracle.pl - what Mail::DKIM says of signatures; for crosscheck_sign.py.
#
# usage: mail_dkim_oracle.pl KEYFILE < jobs
# Keys and jobs as for opendkim_oracle. For each job one line: "pass", or what
# is wrong; "skip ed25519" where this Mail::DKIM does not know the algorithm.
# Exit code 77: Mail::DKIM is not installed.
use strict;
use warnings;

unless (eval { require Mail::DKIM::Verifier; require Net::DNS; 1 }) {
    print STDERR "Mail::DKIM is not installed\n";
    exit 77;
}

my $knows_ed25519 = grep { -e "$_/Mail/DKIM/Algorithm/ed25519_sha256.pm" } @INC;

my %records;
open my $keys, '<', $ARGV[0] or die "$ARGV[0]: $!";
while (my $line = <$keys>) {
    chomp $line;
    my ($name, $text) = split ' ', $line, 2;
    $records{$name} = $text;
}
close $keys;

{
    no warnings qw(redefine once);
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        my $text = $records{$name};
        return unless defined $text;
        return Net::DNS::RR->new(
            name    => $name,
            type    => 'TXT',
            txtdata => [ unpack '(a250)*', $text ],
        );
    };
}

sub content {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    return <$in>;
}

$| = 1;
while (my $job = <STDIN>) {
    chomp $job;
    my ($field_file, $message_file) = split /\t/, $job;
    my $field = content($field_file);
    if ($field =~ /a=ed25519/ && !$knows_ed25519) {
        print "skip ed25519\n";
        next;
    }
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($field);
    $verifier->PRINT(content($message_file));
    $verifier->CLOSE;
    my $detail = $verifier->result_detail;
    $detail =~ s/\s+/ /g;
    print $verifier->result eq 'pass' ? "pass\n" : "$detail\n";
}
