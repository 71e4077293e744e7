//! The page that shows all pictures beside one another.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use crate::camera::{SCREENS, Screen};
use crate::pictures::State;
use crate::tour::pages::{PAGES, WITHOUT_A_PICTURE};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reasoner Webhooks, every page</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 32px auto; max-width: 1400px; padding: 0 24px; }
ul { columns: 4 200px; padding: 0; list-style: none; }
section { margin-top: 48px; }
h2 { font-size: 18px; }
h2 small { font-weight: 400; opacity: .6; }
div { display: grid; grid-template-columns: 4fr 4fr 1.4fr; gap: 16px; align-items: start; }
img { width: 100%; max-height: 720px; object-fit: cover; object-position: top; border: 1px solid #8885; border-radius: 6px; }
</style>
<h1>Every page of Reasoner Webhooks</h1>
"#;

/// What a state shows first of all, if it is the one of an address.
fn address_of(state: &str) -> &str {
    PAGES.iter().find(|(_, name)| *name == state).map_or("", |(address, _)| address)
}

/// Writes `index.html`, which names every picture that was taken.
pub fn write(directory: &Path, states: &[State]) -> Result<()> {
    let mut html = HEAD.to_owned();
    html.push_str("<ul>\n");
    for State { name, title } in states {
        writeln!(html, "<li><a href=\"#{name}\">{title}</a></li>")?;
    }
    html.push_str("</ul>\n");
    for State { name, title } in states {
        writeln!(html, "<section id=\"{name}\"><h2>{title} <small>{name} {}</small></h2><div>", address_of(name))?;
        for Screen { suffix, .. } in &SCREENS {
            let file = format!("{name}-{suffix}.png");
            writeln!(html, "<a href=\"{file}\"><img loading=\"lazy\" src=\"{file}\" alt=\"{title}, {suffix}\"></a>")?;
        }
        html.push_str("</div></section>\n");
    }
    html.push_str("<section><h2>Addresses without a picture</h2>\n<dl>\n");
    for (address, reason) in WITHOUT_A_PICTURE {
        writeln!(html, "<dt>{address}</dt><dd>{reason}</dd>")?;
    }
    html.push_str("</dl></section>\n");
    std::fs::write(directory.join("index.html"), html)?;
    Ok(())
}
