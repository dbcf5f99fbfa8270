# Prints what Perl's MIME::Parser (MIME-tools) reads in each file named, a line of JSON each.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use MIME::Parser;
use MIME::WordDecoder;

my $json = JSON::PP->new->canonical->ascii;
my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->extract_nested_messages(1);
$parser->decode_bodies(1);

sub leaves {
    my ($entity) = @_;
    return map { leaves($_) } $entity->parts if $entity->parts;
    my $body = $entity->bodyhandle ? $entity->bodyhandle->as_string : '';
    my $name = $entity->head->recommended_filename;
    return { type => $entity->effective_type, filename => $name, base64 => encode_base64($body, '') };
}

for my $path (@ARGV) {
    my $entity = $parser->parse_open($path);
    my $subject = $entity->head->get('Subject', 0) // '';
    $subject =~ s/\n//g;
    my %seen = (
        subject => mime_to_perl_string($subject),
        parts   => [leaves($entity)],
    );
    for my $name ('References', 'List-Unsubscribe') {
        my $value = $entity->head->get($name, 0);
        $value =~ s/\n//g if defined $value;
        $seen{lc $name} = $value;
    }
    print $json->encode(\%seen), "\n";
}
