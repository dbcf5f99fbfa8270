# Prints what Perl's Email::MIME reads in each file named, a line of JSON each.
use strict;
use warnings;
use Email::Address::XS qw(parse_email_addresses);
use Email::MIME;
use JSON::PP;
use MIME::Base64;

my $json = JSON::PP->new->canonical->ascii;

for my $path (@ARGV) {
    open my $file, '<:raw', $path or die "$path: $!";
    my $content = do { local $/; <$file> };
    my $mail = Email::MIME->new($content);
    my %seen = (subject => scalar $mail->header_str('Subject'), parts => []);
    for my $name ('From', 'To', 'Cc', 'Reply-To') {
        my $value = $mail->header_as_obj($name) or next;
        $seen{lc $name} = [map { [$_->phrase // '', $_->address] } $value->addresses];
    }
    $seen{lc $_} = scalar $mail->header_raw($_) for 'References', 'List-Unsubscribe';
    $mail->walk_parts(sub {
        my ($part) = @_;
        return if $part->subparts && $part->content_type =~ m{^multipart/}i;
        my ($type) = ($part->content_type // 'text/plain') =~ m{^([^;\s]+)};
        push @{ $seen{parts} }, {
            type     => $type,
            filename => scalar $part->filename,
            base64   => encode_base64($part->body, ''),
        };
    });
    print $json->encode(\%seen), "\n";
}
