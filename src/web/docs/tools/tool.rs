//! One tool of "Connect your tool". Those that are marked as run are run by tests/senders, with the configuration that is on the page.

/// One tool.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Tool {
    /// Of its section on the page.
    pub id: &'static str,
    pub title: &'static str,
    /// What it sends and how it is set up. What stands between backticks is code.
    pub text: &'static str,
    /// The example, and where it goes. Empty where there is nothing to copy but the address.
    pub file: &'static str,
    pub goes_to: &'static str,
    pub password: Sends,
    pub settings: &'static [Setting],
    /// What it says itself when it is refused with 401: words that are in its log or its output.
    pub refused: &'static str,
    pub is_run: bool,
}

impl Tool {
    /// What a tool is that nothing is said of.
    pub(super) const EMPTY: Self = Self {
        id: "",
        title: "",
        text: "",
        file: "",
        goes_to: "",
        password: Sends::AtOnce,
        settings: &[],
        refused: "",
        is_run: false,
    };

    /// Whether there is anything to say of it beside its text: what was not tried is not claimed.
    pub(crate) fn has_notes(&self) -> bool {
        self.is_run || self.password != Sends::AtOnce || !self.settings.is_empty()
    }
}

/// When a tool sends its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Sends {
    AtOnce,
    /// After a 401 has asked for it.
    WhenAsked,
    /// It takes no password but one in the address.
    InAddress,
    /// It sends none.
    Never,
}

/// A setting of a credential that a tool may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Setting {
    AnyContentType,
    Compressed,
    Batches,
    OnceByHeader,
    Addresses,
    Put,
    TokenAddress,
}

impl Setting {
    pub(crate) const ALL: [Self; 7] = [
        Self::AnyContentType,
        Self::Compressed,
        Self::Batches,
        Self::OnceByHeader,
        Self::Addresses,
        Self::Put,
        Self::TokenAddress,
    ];

    /// As the Webhooks page calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnyContentType => "JSON under any content type",
            Self::Compressed => "Compressed bodies",
            Self::Batches => "Batches",
            Self::OnceByHeader => "Store once by a header",
            Self::Addresses => "Addresses it may come from",
            Self::Put => "PUT",
            Self::TokenAddress => "Token address",
        }
    }

    /// When to switch it on.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::AnyContentType => "The tool sends JSON but calls it something else, and you can’t change that.",
            Self::Compressed => "The tool compresses with gzip and can’t be told not to.",
            Self::Batches => "The tool sends many events in one request, one on each line (NDJSON).",
            Self::OnceByHeader => {
                "The tool gives each event an ID in a header of its own and repeats events it isn't sure about."
            }
            Self::Addresses => "The service publishes the addresses it sends from.",
            Self::Put => "The tool can only send PUT.",
            Self::TokenAddress => "The tool can’t send a password at all: the address itself proves who sends.",
        }
    }
}

/// A text in parts: as it is, and as code.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(number, part)| (number % 2 == 1, part))
}
