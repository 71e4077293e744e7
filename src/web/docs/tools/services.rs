//! Services.

use crate::web::docs::tools::tool::{Sends, Setting, Tool};

const PLAIN: Tool = Tool { password: Sends::InAddress, ..Tool::EMPTY };

/// For services that have no place for a password.
const WITHOUT_PASSWORD: Tool = Tool { password: Sends::Never, ..PLAIN };

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        id: "github",
        title: "GitHub",
        text: "In the repository: Settings, Webhooks, Add webhook. Give it your address with the username and password in it as the payload URL, and choose the content type `application/json`: the default is a form. Recent deliveries shows each answer. `X-GitHub-Delivery` is the ID of an event.",
        settings: &[Setting::OnceByHeader, Setting::Addresses],
        ..PLAIN
    },
    Tool {
        id: "gitlab",
        title: "GitLab",
        text: "In the project: Settings, Webhooks. Give it your address with the username and password in it as the URL. GitLab sends an `Idempotency-Key`, so a repeated event is stored once.",
        ..PLAIN
    },
    Tool {
        id: "gitea",
        title: "Gitea",
        text: "In the repository: Settings, Webhooks, Gitea. Your endpoint as the target URL, the content type `application/json`, and the whole value of the header as Authorization Header: `Basic …`. `X-Gitea-Delivery` is the ID of an event.",
        password: Sends::AtOnce,
        settings: &[Setting::OnceByHeader],
        ..PLAIN
    },
    Tool {
        id: "bitbucket",
        title: "Bitbucket",
        text: "In the repository: Repository settings, Webhooks, Add webhook. `X-Request-UUID` is the ID of an event.",
        settings: &[Setting::TokenAddress, Setting::OnceByHeader],
        ..WITHOUT_PASSWORD
    },
    Tool {
        id: "stripe",
        title: "Stripe",
        text: "Add an endpoint under Webhooks, with a token address. Stripe signs its events: the signature is kept with the event, masked. It publishes the addresses it sends from.",
        settings: &[Setting::TokenAddress, Setting::Addresses],
        ..WITHOUT_PASSWORD
    },
    Tool {
        id: "shopify",
        title: "Shopify",
        text: "Create a webhook under Settings, Notifications, Webhooks, with the format JSON. `X-Shopify-Webhook-Id` is the ID of an event.",
        settings: &[Setting::TokenAddress, Setting::OnceByHeader],
        ..WITHOUT_PASSWORD
    },
    Tool {
        id: "sns",
        title: "Amazon SNS",
        text: "Subscribe your address with the username and password in it, with the protocol HTTPS. SNS waits to be asked for the password, and calls its JSON `text/plain`. The first event has a `SubscribeURL`: open it to confirm. `x-amz-sns-message-id` is the ID of an event.",
        settings: &[Setting::AnyContentType, Setting::OnceByHeader],
        ..PLAIN
    },
    Tool {
        id: "event-grid",
        title: "Azure Event Grid",
        text: "Create an event subscription with the endpoint type Web Hook and the CloudEvents schema, and add the header `Authorization` under Delivery properties, as a secret. We answer the handshake.",
        password: Sends::AtOnce,
        ..PLAIN
    },
    Tool {
        id: "okta",
        title: "Okta",
        text: "Create an event hook: your endpoint as the URL, `Authorization` as the authentication field, and the whole value of the header as the secret: `Basic …`. Then choose Verify: we answer the handshake.",
        password: Sends::AtOnce,
        ..PLAIN
    },
    Tool {
        id: "slack",
        title: "Slack",
        text: "For the Events API, give Slack a token address as the request URL. We answer the handshake.",
        settings: &[Setting::TokenAddress],
        ..WITHOUT_PASSWORD
    },
    Tool {
        id: "cloudevents",
        title: "CloudEvents",
        text: "In the structured mode all of an event is in the body, under `application/cloudevents+json`. In the binary mode its type and source are headers, which are kept with the event.",
        file: "connect-cloudevents.mjs",
        goes_to: "With the SDK for JavaScript",
        password: Sends::AtOnce,
        refused: "unauthorized",
        is_run: true,
        ..PLAIN
    },
];
