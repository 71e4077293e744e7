main(_) ->
    ok = inets:start(),
    ok = ssl:start(),
    {ok, Event} = file:read_file("event.json"),
    Login = base64:encode_to_string("{{ username }}:" ++ os:getenv("WEBHOOK_PASSWORD")),
    Trust = [{ssl, [{verify, verify_peer}, {cacertfile, "{{ ca }}"}]}],
    {ok, {{_, 200, _}, _, Answer}} = httpc:request(post,
        {"{{ endpoint }}", [{"Authorization", "Basic " ++ Login}], "application/json", Event}, Trust, []),
    io:format("~s~n", [Answer]).
