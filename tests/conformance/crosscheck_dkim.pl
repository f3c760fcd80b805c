#!/usr/bin/perl
# crosscheck_dkim.pl - signs messages with Mail::DKIM for crosscheck_dkim.py.
#
# usage: crosscheck_dkim.pl KEYFILE SELECTOR DOMAIN < jobs
# One job per line: canonicalization, input file, output file, tab-separated.
# Messages have CRLF line ends. Exit code 77: Mail::DKIM is not installed.
use strict;
use warnings;

unless (eval { require Mail::DKIM::Signer; 1 }) {
    print STDERR "Mail::DKIM is not installed\n";
    exit 77;
}

my ($key_file, $selector, $domain) = @ARGV;

while (my $job = <STDIN>) {
    chomp $job;
    my ($method, $input, $output) = split /\t/, $job;
    open my $in, '<:raw', $input or die "$input: $!";
    my $message = do { local $/; <$in> };
    close $in;

    my $signer = Mail::DKIM::Signer->new(
        Algorithm => 'rsa-sha256',
        Method    => $method,
        Domain    => $domain,
        Selector  => $selector,
        KeyFile   => $key_file,
    );
    $signer->PRINT($message);
    $signer->CLOSE;
    my $signature = $signer->signature->as_string;
    $signature =~ s/\r?\n/\r\n/g;

    open my $out, '>:raw', $output or die "$output: $!";
    print $out $signature, "\r\n", $message;
    close $out;
}
