#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# What MIME-tools finds in messages, printed as gmime_leaves.c does it. Files come by standard input,
# a line each: starting Perl costs more than reading a message.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use MIME::Parser;

sub walk {
    my ($entity) = @_;
    my @parts = $entity->parts;
    if (@parts) {
        walk($_) for @parts;
        return;
    }
    my $body = $entity->bodyhandle or return;
    my $text = $body->as_string;
    $text =~ tr/\r//d;
    $text =~ s/[ \t]+(?=\n|\z)//g;
    $text =~ s/\n+\z//;
    my $name = $entity->head->recommended_filename // '';
    utf8::encode($name) if utf8::is_utf8($name);
    $name =~ s/[^ -~]/?/g;
    utf8::encode($text) if utf8::is_utf8($text);
    print 'L ', sha256_hex($text), ' ', unpack('H*', substr($text, 0, 24)), " $name\n";
}

binmode STDOUT;
$SIG{__WARN__} = sub { };
while (my $path = <STDIN>) {
    chomp $path;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    $parser->extract_uuencode(1);
    print "F $path\n";
    my $entity = eval { $parser->parse_open($path) };
    walk($entity) if $entity;
}
