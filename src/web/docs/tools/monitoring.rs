//! Monitoring and logs.

use crate::web::docs::tools::tool::{Sends, Setting, Tool};

const PLAIN: Tool = Tool::EMPTY;

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        id: "alertmanager",
        title: "Prometheus Alertmanager",
        text: "Sends a group of alerts as one event, and again when they’re resolved. It repeats what is answered with 5xx, and drops what is answered with 4xx. `password_file` keeps the password out of the configuration.",
        file: "connect-alertmanager.yml",
        goes_to: "alertmanager.yml",
        refused: "unexpected status code 401",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "grafana",
        title: "Grafana",
        text: "Sends alerts in the format of Alertmanager. On the page: Alerting, Contact points, Webhook, with the username and password under the optional settings.",
        file: "connect-grafana.yml",
        goes_to: "provisioning/alerting/reasoner.yml",
        ..PLAIN
    },
    Tool {
        id: "uptime-kuma",
        title: "Uptime Kuma",
        text: "Add a notification of the type Webhook: your endpoint as the post URL, the request body `application/json`, and this as an additional header, as JSON: `{\"Authorization\": \"Basic …\"}`. The API reference shows how to make the value.",
        ..PLAIN
    },
    Tool {
        id: "sentry",
        title: "Sentry",
        text: "Webhooks of an integration have no place for a password, so give Sentry a token address as its webhook URL.",
        password: Sends::Never,
        settings: &[Setting::TokenAddress],
        ..PLAIN
    },
    Tool {
        id: "syslog-ng",
        title: "syslog-ng",
        text: "Sends each line of the log as one event. Without the header it says `text/plain`, and without `body()` it sends no JSON. Connect it in a `log` path: `destination(d_reasoner);`. Where the certificate of the server is your own, add `tls(ca-file(…))`.",
        file: "connect-syslog-ng.conf",
        goes_to: "conf.d/reasoner.conf",
        refused: "401",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "rsyslog",
        title: "rsyslog",
        text: "Needs the module `omhttp`, which Debian’s packages don’t have. Sends each line of the log as one event.",
        file: "connect-rsyslog.conf",
        goes_to: "rsyslog.d/reasoner.conf",
        ..PLAIN
    },
    Tool {
        id: "collectd",
        title: "collectd",
        text: "Sends lists of values. It waits to be asked for its password, so it sends each list twice; there’s no switch for that. Without `LogHttpError` it says nothing when it is refused.",
        file: "connect-collectd.conf",
        goes_to: "collectd.conf",
        password: Sends::WhenAsked,
        refused: "HTTP Error code: 401",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "telegraf",
        title: "Telegraf",
        text: "Sends lists of metrics. Without the header it says `text/plain`. Leave `content_encoding` at `identity`, or change the setting below.",
        file: "connect-telegraf.conf",
        goes_to: "telegraf.conf",
        ..PLAIN
    },
    Tool {
        id: "fluent-bit",
        title: "Fluent Bit",
        text: "`Format json` sends a list of records as one event. `json_lines` is NDJSON: for that, change the setting below.",
        file: "connect-fluent-bit.conf",
        goes_to: "fluent-bit.conf",
        ..PLAIN
    },
    Tool {
        id: "vector",
        title: "Vector",
        text: "Sends lists of events. Leave `compression` at `none`, or change the credential’s setting Compressed bodies.",
        file: "connect-vector.yml",
        goes_to: "vector.yaml",
        ..PLAIN
    },
    Tool {
        id: "otel-collector",
        title: "OpenTelemetry Collector",
        text: "`logs_endpoint` sends to the address as it is; with `endpoint` the collector would add `/v1/logs`. `encoding: json` is needed, because the default is Protobuf. It compresses unless you say `compression: none`.",
        file: "connect-otel-collector.yml",
        goes_to: "config.yaml",
        ..PLAIN
    },
    Tool {
        id: "opentelemetry-js",
        title: "OpenTelemetry for JavaScript",
        text: "The exporters whose names end in `-otlp-http` send JSON. Those that end in `-otlp-proto` send Protobuf, which isn’t accepted.",
        file: "connect-opentelemetry-js.mjs",
        goes_to: "telemetry.mjs",
        refused: "401",
        is_run: true,
        ..PLAIN
    },
];
