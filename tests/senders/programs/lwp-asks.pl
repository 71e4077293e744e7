use strict;
use warnings;
use HTTP::Request;
use LWP::UserAgent;

open my $event, "<:raw", "event.json" or die $!;
my $agent = LWP::UserAgent->new(timeout => 15);
$agent->credentials("{{ authority }}", "Reasoner webhooks", "{{ username }}", $ENV{WEBHOOK_PASSWORD});
my $request = HTTP::Request->new(POST => "{{ endpoint }}", ["Content-Type" => "application/json"], join "", <$event>);
my $answer = $agent->request($request);
die $answer->as_string unless $answer->is_success;
