//! W3C Trace Context.
//!
//! The trace that a request belongs to, as its sender says in the header `traceparent` (W3C Trace Context, level 1).

use std::fmt;

/// The id of a trace: 32 hexadecimal digits, not all zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 32]);

impl TraceId {
    /// Reads the value of a `traceparent`. Anything that breaks the format is no trace: a request is never refused for it.
    pub(crate) fn of_traceparent(value: &[u8]) -> Option<Self> {
        let (version, rest) = field::<2>(value)?;
        let (trace, rest) = field::<32>(rest.strip_prefix(b"-")?)?;
        let (parent, rest) = field::<16>(rest.strip_prefix(b"-")?)?;
        let (_flags, rest) = field::<2>(rest.strip_prefix(b"-")?)?;
        let is_whole = match &version {
            b"ff" => false,
            b"00" => rest.is_empty(),
            // A later version may go on after another dash.
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let is_set = |digits: &[u8]| digits.iter().any(|digit| *digit != b'0');
        (is_whole && is_set(&trace) && is_set(&parent)).then_some(Self(trace))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

/// So many lower-case hexadecimal digits, and what follows them.
fn field<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    let are_digits = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    are_digits.then_some((*digits, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::TraceId;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(value: &str) -> Option<String> {
        TraceId::of_traceparent(value.as_bytes()).map(|trace| trace.to_string())
    }

    #[test]
    fn the_trace_of_the_recommendations_example_is_read() {
        assert_eq!(read(&format!("00-{TRACE}-00f067aa0ba902b7-01")).as_deref(), Some(TRACE));
        assert_eq!(read(&format!("00-{TRACE}-00f067aa0ba902b7-00")).as_deref(), Some(TRACE));
        assert_eq!(read(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-later-versions-add")).as_deref(), Some(TRACE));
        assert_eq!(read(&format!("cc-{TRACE}-00f067aa0ba902b7-01")).as_deref(), Some(TRACE));
    }

    #[test]
    fn what_breaks_the_format_is_no_trace() {
        let zeros = "0".repeat(32);
        for wrong in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-00f067aa0ba902b7-01 "),
            format!(" 00-{TRACE}-00f067aa0ba902b7-01"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("0-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}g-00f067aa0ba902b7-01", &TRACE[1..]),
            format!("00_{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01.more"),
            format!("00-{TRACE}-00f067aa0ba902b7-0"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_is_hexadecimal(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(trace) = TraceId::of_traceparent(&bytes) {
                let text = trace.to_string();
                assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()));
            }
        }
    }
}
