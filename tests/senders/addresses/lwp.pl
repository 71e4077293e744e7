use LWP::UserAgent;
my $answer = LWP::UserAgent->new->post("{{ address }}", "Content-Type" => "application/json", Content => "{}");
die $answer->as_string unless $answer->is_success;
