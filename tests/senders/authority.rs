//! An authority of the tests' own that vouches for `localhost`, and how each program is told to trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What makes the authority, the certificate of `localhost`, and the same authority as Java and Mono want it.
const MAKE: &str = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Authority of the tests' -keyout ca.key -out ca.pem \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out certificate.pem
keytool -importcert -noprompt -alias tests -file ca.pem -keystore trust.p12 -storetype PKCS12 -storepass changeit
mkdir -p mono/new-certs/Trust php
cp ca.pem "mono/new-certs/Trust/$(openssl x509 -in ca.pem -noout -hash).0"
printf 'openssl.cafile=%s\ncurl.cainfo=%s\n' "$PWD/ca.pem" "$PWD/ca.pem" > php/trust.ini
"#;

/// The directory with all of it, made once for the test program.
pub fn authority() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("authority-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let made = Command::new("bash").args(["-c", MAKE]).current_dir(&directory).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        directory
    })
}

/// What has programs trust the authority that look into their environment for it.
pub fn trust() -> Vec<(&'static str, String)> {
    let here = authority().display();
    let certificate = format!("{here}/ca.pem");
    vec![
        // OpenSSL: Python, Ruby, Go, Erlang.
        ("SSL_CERT_FILE", certificate.clone()),
        ("CURL_CA_BUNDLE", certificate.clone()),
        ("REQUESTS_CA_BUNDLE", certificate.clone()),
        ("NODE_EXTRA_CA_CERTS", certificate.clone()),
        ("PERL_LWP_SSL_CA_FILE", certificate),
        ("PHP_INI_SCAN_DIR", format!(":{here}/php")),
        (
            "JAVA_TOOL_OPTIONS",
            format!("-Djavax.net.ssl.trustStore={here}/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit"),
        ),
    ]
}
