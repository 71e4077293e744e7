use strict;
use warnings;
use HTTP::Request;
use LWP::UserAgent;

my $request = HTTP::Request->new(POST => "{{ endpoint }}");
$request->authorization_basic("{{ username }}", $ENV{WEBHOOK_PASSWORD});
$request->content_type("application/json");
$request->content('{"message": "Hello from webhook!"}');

my $answer = LWP::UserAgent->new(timeout => 15)->request($request);
die $answer->as_string unless $answer->is_success;
print $answer->decoded_content, "\n";
