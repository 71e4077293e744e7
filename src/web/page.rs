//! The page layout that every template extends.
//!
//! What every page shares: title, reader, theme, icons, scripts. Templates reach it as `page`.

use std::fmt;

use crate::domain::account::Plan;
use crate::web::assets;
use crate::web::format::{Time, When};
use crate::web::zone::{CLOCK, Clock, TIMES};

/// The part of a page that is not its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The address of the page, with its query, for links that come back to it.
    pub(crate) path: String,
    /// `events`, `docs`, `settings`, or nothing.
    area: &'static str,
    /// The page within its area, for the side navigation.
    place: &'static str,
    pub(crate) viewer: Option<Viewer>,
    pub(crate) theme: Option<&'static str>,
    /// How times are written.
    clock: Clock,
    /// Everything behind an open dialog.
    pub(crate) inert: bool,
    /// The account password was given too long ago, so that forms that need it have a field for it.
    pub(crate) asks_password: bool,
    /// They have one for a code as well, since two-step sign-in is on.
    pub(crate) asks_code: bool,
}

/// A choice of how times are written, of two values: each with its name, and whether it is chosen.
pub(crate) struct TimeChoice {
    pub(crate) field: &'static str,
    pub(crate) about: &'static str,
    pub(crate) values: [(&'static str, &'static str, bool); 2],
}

/// Who reads the page.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) email: String,
    pub(crate) plan: Plan,
}

impl Viewer {
    pub(crate) fn initial(&self) -> String {
        self.email.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default()
    }
}

impl Page {
    pub(crate) fn new(title: &str, path: &str, viewer: Option<Viewer>, theme: Option<&'static str>) -> Self {
        Self { title: title.to_owned(), path: path.to_owned(), viewer, theme, ..Self::default() }
    }

    /// A part of a page alone, such as a row, which has nothing of it but times.
    pub(crate) fn reading(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// The same page, with times as its reader reads them.
    pub(crate) fn timed(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A time.
    pub(crate) fn time(&self, when: &When) -> Time<'_> {
        Time { when: *when, clock: &self.clock }
    }

    /// Whether times are absolute rather than relative.
    pub(crate) fn has_absolute_times(&self) -> bool {
        self.clock.is_absolute
    }

    /// What may be chosen of times.
    pub(crate) fn clocks(&self) -> [TimeChoice; 2] {
        let Clock { is_utc, is_absolute, .. } = self.clock;
        let [zone, times] = [("local", "Local", !is_utc), ("relative", "Relative", !is_absolute)];
        [
            TimeChoice { field: CLOCK.0, about: "Time zone", values: [zone, (CLOCK.1, "UTC", is_utc)] },
            TimeChoice { field: TIMES.0, about: "Times", values: [times, (TIMES.1, "Absolute", is_absolute)] },
        ]
    }

    /// The same page, at a place of an area.
    pub(crate) fn at(mut self, area: &'static str, place: &'static str) -> Self {
        (self.area, self.place) = (area, place);
        self
    }

    /// The same page, behind a dialog.
    pub(crate) fn behind_dialog(mut self, inert: bool) -> Self {
        self.inert = inert;
        self
    }

    /// The same page, with or without the field for the account password and the one for a code.
    pub(crate) fn asking(mut self, password: bool, code: bool) -> Self {
        (self.asks_password, self.asks_code) = (password, code);
        self
    }

    pub(crate) fn is_at(&self, area: &str) -> bool {
        self.area == area
    }

    pub(crate) fn is_docs(&self, place: &str) -> bool {
        self.area == "docs" && self.place == place
    }

    pub(crate) fn is_settings(&self, place: &str) -> bool {
        self.area == "settings" && self.place == place
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    pub(crate) fn scripts(&self) -> &'static [&'static str] {
        &assets::SCRIPTS
    }

    /// The tag of a script that only some pages need.
    pub(crate) fn script(&self, name: &'static str) -> Script {
        Script { name }
    }

    /// An icon beside words.
    pub(crate) fn icon(&self, name: &'static str) -> Svg {
        Svg { class: r#" class="icon""#, name }
    }

    /// A picture without the icon's size.
    pub(crate) fn glyph(&self, name: &'static str) -> Svg {
        Svg { class: "", name }
    }

    /// What may be chosen: the value, its icon and its name.
    pub(crate) fn themes(&self) -> [(&'static str, &'static str, &'static str); 3] {
        [("system", "display", "Match system"), ("light", "sun", "Light theme"), ("dark", "moon", "Dark theme")]
    }

    pub(crate) fn has_theme(&self, name: &str) -> bool {
        self.theme.unwrap_or("system") == name
    }
}

/// A reference into `icons.svg`. Made of names in templates alone, so it is HTML and needs no escaping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Svg {
    class: &'static str,
    name: &'static str,
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, name } = self;
        write!(f, r#"<svg{class} aria-hidden="true"><use href="{}#{name}"/></svg>"#, assets::address("icons.svg"))
    }
}

impl askama::filters::HtmlSafe for Svg {}

/// The tag of a script. Made of names in templates alone, like [`Svg`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    name: &'static str,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<script type="module" src="{}"></script>"#, assets::address(self.name))
    }
}

impl askama::filters::HtmlSafe for Script {}
