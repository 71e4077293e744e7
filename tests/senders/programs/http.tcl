package require http
package require tls
http::register https 443 [list tls::socket -autoservername true -require true -cafile {{ ca }}]
set file [open event.json rb]
set login [binary encode base64 "{{ username }}:$env(WEBHOOK_PASSWORD)"]
set answer [http::geturl {{ endpoint }} -type application/json -query [read $file] \
    -headers [list Authorization "Basic $login"]]
if {[http::ncode $answer] != 200} { error [http::data $answer] }
