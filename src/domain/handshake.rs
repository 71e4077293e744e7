//! What other systems send to find out whether an endpoint is theirs to send to, and what they want to hear.

use serde::Deserialize;
use serde_json::Value;

/// The largest body that is looked at, in bytes. Such requests are small.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// The longest text that is sent back.
const MAX_ECHO_BYTES: usize = 1024;

/// What goes into the answer to a request that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Slack and monday.com.
    Challenge(String),
    /// Azure Event Grid.
    ValidationResponse(String),
}

/// What the sender of a body waits for. `validates` says that its head asks for a validation, as that of Event Grid does.
pub(crate) fn echo(body: &[u8], validates: bool) -> Option<Echo> {
    let asks = validates || memchr::memmem::find(body, b"\"challenge\"").is_some();
    if !asks || body.len() > MAX_BODY_BYTES {
        return None;
    }
    let text = |value: &Value| value.as_str().filter(|text| text.len() <= MAX_ECHO_BYTES).map(str::to_owned);
    match serde_json::from_slice(body).ok()? {
        Value::Array(events) if validates => {
            let code = events.first()?.get("data")?.get("validationCode")?;
            text(code).map(Echo::ValidationResponse)
        }
        Value::Object(event)
            if event.len() == 1 || event.get("type").is_some_and(|kind| kind == "url_verification") =>
        {
            text(event.get("challenge")?).map(Echo::Challenge)
        }
        _ => None,
    }
}

/// Where Amazon SNS wants a subscription to be confirmed, if a body asks for that: an address of theirs and the host in it.
pub(crate) fn subscription_to_confirm(body: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Confirmation {
        #[serde(rename = "Type")]
        kind: String,
        #[serde(rename = "SubscribeURL")]
        subscribe_url: String,
    }
    if body.len() > MAX_BODY_BYTES || !body.contains("SubscriptionConfirmation") {
        return None;
    }
    let Confirmation { kind, subscribe_url } = serde_json::from_str(body).ok()?;
    let host = host_of_https(&subscribe_url)?;
    let is_theirs = host.ends_with(".amazonaws.com");
    (kind == "SubscriptionConfirmation" && is_theirs).then(|| (subscribe_url.clone(), host.to_owned()))
}

/// The host of an address that leads where it says: plain characters, and nothing before the host or after it but its path.
fn host_of_https(address: &str) -> Option<&str> {
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`<>\\{}|^".contains(&byte));
    let rest = address.strip_prefix("https://").filter(|_| is_plain)?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    is_host.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::{Echo, echo, subscription_to_confirm};

    #[test]
    fn each_system_gets_back_what_it_sent() {
        let challenge = |text: &str| Some(Echo::Challenge(text.to_owned()));
        let slack = br#"{"token":"x","challenge":"3eZbrw","type":"url_verification"}"#;
        assert_eq!(echo(slack, false), challenge("3eZbrw"));
        assert_eq!(echo(br#"{"challenge":"abc"}"#, false), challenge("abc"));
        let grid = br#"[{"id":"1","data":{"validationCode":"512d38b6"},"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent"}]"#;
        assert_eq!(echo(grid, true), Some(Echo::ValidationResponse("512d38b6".to_owned())));
        assert_eq!(echo(grid, false), None, "its head does not ask for it");
        let long = format!(r#"{{"challenge":"{}"}}"#, "x".repeat(2_000));
        for other in [br#"{"challenge":"abc","a":1}"#.as_slice(), br#"{"challenge":7}"#, b"[]", b"{", long.as_bytes()] {
            assert_eq!(echo(other, false), None, "{}", String::from_utf8_lossy(other));
            assert_eq!(echo(other, true), None);
        }
    }

    #[test]
    fn a_subscription_is_confirmed_at_amazon_alone() {
        let body = |url: &str| format!(r#"{{"Type":"SubscriptionConfirmation","SubscribeURL":"{url}","Token":"x"}}"#);
        let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336";
        let found = subscription_to_confirm(&body(url));
        assert_eq!(found, Some((url.to_owned(), "sns.eu-west-1.amazonaws.com".to_owned())));
        for other in [
            "http://sns.eu-west-1.amazonaws.com/",
            "https://amazonaws.com/",
            "https://evil.example/.amazonaws.com",
            "https://evil.example?.amazonaws.com",
            "https://evil.example@sns.amazonaws.com/",
            "https://sns.amazonaws.com.evil.example/",
            "https://evilamazonaws.com/",
            "javascript:alert(1)",
            "https://sns.amazonaws.com:444/",
            "https://sns.amazonaws.com/ x",
        ] {
            assert_eq!(subscription_to_confirm(&body(other)), None, "{other}");
        }
        assert_eq!(subscription_to_confirm(&body(url).replace("SubscriptionC", "UnsubscribeC")), None);
    }
}
