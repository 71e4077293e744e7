use strict;
use warnings;
use HTTP::Tiny;
use MIME::Base64;

open my $event, "<:raw", "event.json" or die $!;
my $login = encode_base64("{{ username }}:$ENV{WEBHOOK_PASSWORD}", "");
my $headers = {"Authorization" => "Basic $login", "Content-Type" => "application/json"};
my $answer = HTTP::Tiny->new(verify_SSL => 1)->post("{{ endpoint }}", {headers => $headers, content => join "", <$event>});
die $answer->{content} unless $answer->{success};
