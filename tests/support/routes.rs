//! The routes that the code names, read from the page that has them all.

/// Each method and address of `src/web/routes.rs`, with `{id}` and the like as they stand there.
pub fn routes() -> Vec<(&'static str, String)> {
    let source = include_str!("../../src/web/routes.rs");
    // What is written in another way would not be read below.
    for other in ["web::put(", "web::patch(", "web::delete(", "web::method(", "web::head(", "web::trace(", ".to_async("]
    {
        assert!(!source.contains(other), "{other}…) is a route that tests cannot see: write it with get() or post()");
    }
    assert_eq!(source.matches("web::scope(").count(), 2, "the scope of the pages, and that of one credential");
    let mut found = Vec::new();
    let mut prefix = String::new();
    // A route on a line of its own belongs to the address before it.
    let mut full = "/".to_owned();
    for line in source.lines() {
        if let Some(path) = quoted_after(line, "web::scope(") {
            prefix = path;
        }
        let path = quoted_after(line, "at(")
            .or_else(|| quoted_after(line, ".route("))
            .or_else(|| quoted_after(line, "web::resource("));
        if let Some(path) = path {
            let nested = !prefix.is_empty() && line.contains(".service(at(") && line.starts_with("                ");
            full = if nested { format!("{prefix}{path}") } else { path };
        }
        for (word, method) in [("get()", "GET"), ("post()", "POST")] {
            if line.contains(word) {
                found.push((method, full.replace("//", "/")));
            }
        }
    }
    found
}

fn quoted_after(line: &str, mark: &str) -> Option<String> {
    let rest = &line[line.find(mark)? + mark.len()..];
    let rest = rest.strip_prefix('"')?;
    Some(rest[..rest.find('"')?].to_owned())
}
