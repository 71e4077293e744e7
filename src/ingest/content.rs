//! What a request says its body is: media type and content coding, checked against what the credential accepts.

use crate::domain::sender_settings::SenderSettings;
use crate::ingest::head::{Head, clipped};
use crate::ingest::inflate::Coding;

/// How a body is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// As the sender gave it; empty where it gave none.
    pub(crate) content_type: String,
    pub(crate) coding: Option<Coding>,
    pub(crate) shape: Shape,
}

/// What the bytes are, once they are inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One JSON text.
    Json,
    /// JSON, or a form whose field `payload` is JSON.
    Form,
    /// A JSON text a line.
    Lines,
}

/// Media types of JSON lines. None of them is registered.
const LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/json-lines",
];

/// What is wrong with what a request says of its body, for both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// Its media type.
    Type(String),
    /// Its content coding.
    Coding(String),
}

impl Head<'_> {
    /// How the body is to be read, if the settings accept it.
    pub fn content(&self, settings: &SenderSettings) -> Result<Content, Unsupported> {
        if self.repeats("content-type") && !settings.any_content_type {
            return Err(Unsupported::Type("Content-Type is there more than once; send it once".to_owned()));
        }
        let coding = self.coding(settings)?;
        let types = self.texts("content-type");
        let input = clipped(&types.join(", "));
        let shape = shape_of_all(&types, settings).ok_or_else(|| {
            let found = if types.is_empty() { "missing".to_owned() } else { format!("{input:?}") };
            Unsupported::Type(format!("Content-Type is {found}; it has to be application/json"))
        })?;
        Ok(Content { content_type: input, coding, shape })
    }

    /// The content coding; an empty one, and `identity`, are none.
    fn coding(&self, settings: &SenderSettings) -> Result<Option<Coding>, Unsupported> {
        if self.repeats("content-encoding") {
            return Err(Unsupported::Coding("Content-Encoding is there more than once; send it once".to_owned()));
        }
        let input = self.text("content-encoding").unwrap_or_default();
        let name = input.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(None);
        }
        let shown = clipped(name);
        if !settings.compressed_bodies {
            return Err(Unsupported::Coding(format!("Content-Encoding is {shown:?}; send the body uncompressed")));
        }
        Coding::of(name).map(Some).ok_or_else(|| {
            Unsupported::Coding(format!("Content-Encoding is {shown:?}; it has to be gzip, zstd or deflate"))
        })
    }
}

/// Of several types, which are all JSON where any type is, that of a form tells the most of how the body may be.
fn shape_of_all(types: &[String], settings: &SenderSettings) -> Option<Shape> {
    let essence = |input: &str| input.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let Some((first, others)) = types.split_first() else { return shape("", settings) };
    others.iter().try_fold(shape(&essence(first), settings)?, |shape_before, other| {
        let other = shape(&essence(other), settings)?;
        Some(if other == Shape::Form { other } else { shape_before })
    })
}

fn shape(essence: &str, settings: &SenderSettings) -> Option<Shape> {
    let structured = essence.strip_prefix("application/").is_some_and(|name| name.len() > 5 && name.ends_with("+json"));
    if essence == "application/json" || essence == "text/json" || structured {
        return Some(Shape::Json);
    }
    if settings.batches && LINES.contains(&essence) {
        return Some(Shape::Lines);
    }
    let is_xml = essence.ends_with("/xml") || essence.ends_with("+xml");
    if !settings.any_content_type || is_xml || essence.starts_with("multipart/") {
        return None;
    }
    Some(if essence == "application/x-www-form-urlencoded" { Shape::Form } else { Shape::Json })
}

/// The JSON of a form that has it in its field `payload`, as those of GitHub and Slack do; any other body as it is.
pub(crate) fn payload_of_form(body: Vec<u8>) -> Vec<u8> {
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
    if is_json {
        return body;
    }
    let payload =
        url::form_urlencoded::parse(&body).find(|(name, _)| name == "payload").map(|(_, json)| json.into_owned());
    payload.map(String::into_bytes).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::{Shape, Unsupported, payload_of_form};
    use crate::domain::ids::RequestId;
    use crate::domain::network::Sender;
    use crate::domain::sender_settings::SenderSettings;
    use crate::ingest::head::Head;
    use crate::ingest::inflate::Coding;

    fn head<'a>(headers: &[(&'a str, &'a str)]) -> Head<'a> {
        let sender = Sender { ip: [127, 0, 0, 1].into(), https: None };
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        Head { sender, headers, query: None, token: None, is_put: false, lacks_length: false, request_id: RequestId(1) }
    }

    fn shape(content_type: &str, settings: &SenderSettings) -> Option<Shape> {
        head(&[("content-type", content_type)]).content(settings).ok().map(|content| content.shape)
    }

    #[test]
    fn json_is_said_in_several_ways() {
        let default = SenderSettings::default();
        for fine in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
            "application/vnd.api+json;v=1",
            "text/json",
        ] {
            assert_eq!(shape(fine, &default), Some(Shape::Json), "{fine}");
        }
        for other in
            ["text/plain", "", "application/jsonx", "application/+json", "application/x-www-form-urlencoded", "json"]
        {
            assert_eq!(shape(other, &default), None, "{other}");
        }
        assert!(matches!(head(&[]).content(&default), Err(Unsupported::Type(_))));
    }

    #[test]
    fn any_content_type_but_multipart_and_xml_is_json_where_that_is_chosen() {
        let any = SenderSettings { any_content_type: true, ..SenderSettings::default() };
        for fine in ["text/plain; charset=UTF-8", "application/octet-stream", "application/x-ndjson"] {
            assert_eq!(shape(fine, &any), Some(Shape::Json), "{fine}");
        }
        assert_eq!(shape("application/x-www-form-urlencoded", &any), Some(Shape::Form));
        for other in ["multipart/form-data; boundary=x", "text/xml", "application/soap+xml"] {
            assert_eq!(shape(other, &any), None, "{other}");
        }
        assert_eq!(head(&[]).content(&any).unwrap().content_type, "");
        let batches = SenderSettings { batches: true, ..SenderSettings::default() };
        assert_eq!(shape("application/x-ndjson; charset=utf-8", &batches), Some(Shape::Lines));
    }

    #[test]
    fn compressed_bodies_are_refused_unless_that_is_chosen() {
        let json = ("content-type", "application/json");
        let coding = |name: &str, settings: &SenderSettings| {
            head(&[json, ("content-encoding", name)]).content(settings).map(|content| content.coding)
        };
        let (default, chosen) =
            (SenderSettings::default(), SenderSettings { compressed_bodies: true, ..Default::default() });
        for none in ["identity", "", " "] {
            assert_eq!(coding(none, &default), Ok(None));
        }
        for name in ["gzip", "br", "identity, gzip", "deflate"] {
            assert!(matches!(coding(name, &default), Err(Unsupported::Coding(_))), "{name}");
        }
        assert_eq!(coding("X-GZIP", &chosen), Ok(Some(Coding::Gzip)));
        assert_eq!(coding("zstd", &chosen), Ok(Some(Coding::Zstd)));
        assert!(coding("br", &chosen).is_err() && coding("gzip, gzip", &chosen).is_err());
    }

    #[test]
    fn what_the_body_is_can_be_said_once() {
        let default = SenderSettings::default();
        let json = ("content-type", "application/json");
        assert!(head(&[json, json]).content(&default).is_err());
        assert!(head(&[json, ("content-type", "text/plain")]).content(&default).is_err());
        assert!(head(&[("content-type", "application/json, text/plain")]).content(&default).is_err());
        let any = SenderSettings { any_content_type: true, ..SenderSettings::default() };
        let both = head(&[json, ("content-type", "application/x-www-form-urlencoded")]).content(&any).unwrap();
        assert_eq!(both.shape, Shape::Form);
        assert_eq!(both.content_type, "application/json, application/x-www-form-urlencoded");
        assert!(head(&[json, ("content-type", "text/xml")]).content(&any).is_err());
        let none = ("content-encoding", "identity");
        assert!(head(&[json, none, none]).content(&default).is_err());
        assert!(head(&[json, none, ("content-encoding", "gzip")]).content(&default).is_err());
    }

    #[test]
    fn the_payload_of_a_form_is_json_and_json_in_a_form_is_left_alone() {
        assert_eq!(payload_of_form(b"token=a&payload=%7B%22a%22%3A+1%7D".to_vec()), b"{\"a\": 1}");
        assert_eq!(payload_of_form(b"{\"payload\": \"a=1\"}".to_vec()), b"{\"payload\": \"a=1\"}");
        assert_eq!(payload_of_form(b"a=1".to_vec()), b"a=1");
    }
}
