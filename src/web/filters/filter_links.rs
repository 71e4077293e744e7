//! Addresses that keep the filters of a list: each link of its pages leads to the same events, or says what it leaves out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a query as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b':');

/// The filters as addresses carry them: `q=…&credential=…`, without a cursor.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    query: String,
}

impl Links {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        Self { query: encode(pairs) }
    }

    /// An address with these filters.
    pub(crate) fn to(&self, path: &str) -> String {
        join(path, &[&self.query])
    }

    /// An address with these filters and one thing more, such as a cursor.
    pub(crate) fn with(&self, path: &str, name: &str, value: &str) -> String {
        join(path, &[&self.query, &encode(&[(name, value)])])
    }

    /// The list of events with another search.
    pub(crate) fn to_search(&self, search: &str) -> String {
        self.changed("/events", &["q"], search)
    }

    /// A list without some of the filters, and with a search.
    pub(crate) fn changed(&self, path: &str, left_out: &[&str], search: &str) -> String {
        join(path, &[&encode(&[("q", search)]), &self.kept(|name| !left_out.contains(&name))])
    }

    /// The same range and credential on the other list, where the text would mean something else.
    pub(crate) fn without_text(&self, path: &str) -> String {
        self.changed(path, &["q", "reason", "group"], "")
    }

    /// The same list below another overview.
    pub(crate) fn to_overview(&self, path: &str, overview: &str) -> String {
        join(path, &[&self.kept(|name| name != "overview"), &encode(&[("overview", overview)])])
    }

    /// A list of what is in one bar of the overview, for the same credential; of a search, for the same search.
    pub(crate) fn to_span(&self, path: &str, since: &str, until: &str, keeps_text: bool) -> String {
        join(path, &[&self.without_range(keeps_text), &encode(&[("since", since), ("until", until)])])
    }

    /// The list without its range, which a script says anew.
    pub(crate) fn to_zoom(&self, path: &str) -> String {
        join(path, &[&self.without_range(true)])
    }

    fn without_range(&self, keeps_text: bool) -> String {
        self.kept(|name| {
            ["credential", "overview", "fields"].contains(&name)
                || (keeps_text && ["q", "reason", "group"].contains(&name))
        })
    }

    /// The list of what was rejected from one address for one credential, in the same range.
    pub(crate) fn to_address(&self, ip: &str, username: &str) -> String {
        let asked = encode(&[("q", ip), ("credential", username)]);
        join("/events/rejections", &[&asked, &self.kept(|name| ["since", "until"].contains(&name))])
    }

    /// Those of the filters whose names pass.
    pub(crate) fn kept(&self, is_kept: impl Fn(&str) -> bool) -> String {
        let pairs = self.query.split('&');
        let kept: Vec<&str> =
            pairs.filter(|pair| pair.split_once('=').is_some_and(|(name, _)| is_kept(name))).collect();
        kept.join("&")
    }
}

/// An address with the parameters that are not empty.
pub(crate) fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    join(path, &[&encode(pairs)])
}

/// `a=1&b=2`, without the empty ones.
fn encode(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
    pairs.join("&")
}

fn join(path: &str, queries: &[&str]) -> String {
    let queries: Vec<&str> = queries.iter().copied().filter(|query| !query.is_empty()).collect();
    if queries.is_empty() { path.to_owned() } else { format!("{path}?{}", queries.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::Links;

    #[test]
    fn links_carry_every_filter_and_nothing_empty() {
        let links = Links::new(&[("q", "a b&c é"), ("credential", ""), ("since", "7d")]);
        assert_eq!(links.with("/events", "before", "x"), "/events?q=a%20b%26c%20%C3%A9&since=7d&before=x");
        assert_eq!(links.to_search("event exists"), "/events?q=event%20exists&since=7d");
        assert_eq!(links.without_text("/events/rejections"), "/events/rejections?since=7d");
        assert_eq!(
            links.to_address("203.0.113.7", "rw_a"),
            "/events/rejections?q=203.0.113.7&credential=rw_a&since=7d"
        );
        assert_eq!(Links::new(&[("q", "")]).to("/events"), "/events");
    }
}
