<?php
$http = ["method" => "POST", "content" => "{}", "header" => "Content-Type: application/json"];
exit(file_get_contents("{{ address }}", false, stream_context_create(["http" => $http])) === false ? 1 : 0);
