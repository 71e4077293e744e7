<?php
require "GuzzleHttp/autoload.php";
(new GuzzleHttp\Client())->post("{{ address }}", ["json" => new stdClass()]);
