//! Automation.

use crate::web::docs::tools::tool::Tool;

const PLAIN: Tool = Tool::EMPTY;

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        id: "ansible",
        title: "Ansible",
        text: "`force_basic_auth: true` sends the password at once. Without it, Ansible first sends the event without a password, gets 401, and sends it again.",
        file: "connect-ansible.yml",
        goes_to: "In a playbook",
        refused: "Status code was 401",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "apprise",
        title: "Apprise",
        text: "Sends title, message and type as JSON. `jsons` is for `https`, and `json` for `http`.",
        file: "connect-apprise.sh",
        goes_to: "In a shell",
        refused: "error=401",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "node-red",
        title: "Node-RED",
        text: "Import this flow: an inject node, and an http request node with basic authentication. A payload that is an object is sent as JSON. The request node says nothing when it is refused; the debug node shows the answer.",
        file: "connect-node-red.json",
        goes_to: "Menu, Import",
        refused: "unauthorized",
        is_run: true,
        ..PLAIN
    },
    Tool {
        id: "n8n",
        title: "n8n",
        text: "Add an HTTP Request node: method POST, your endpoint as the URL, authentication Generic Credential Type, Basic Auth, and Send Body with the content type JSON.",
        ..PLAIN
    },
    Tool {
        id: "zapier",
        title: "Zapier",
        text: "Add the action Webhooks by Zapier, POST: your endpoint as the URL, the payload type `json`, and under Basic Auth your username and password with a bar between them: `username|password`.",
        ..PLAIN
    },
    Tool {
        id: "make",
        title: "Make",
        text: "Add the module HTTP, Make a Basic Auth request: method POST, your endpoint as the URL, the body type Raw, and the content type JSON.",
        ..PLAIN
    },
    Tool {
        id: "home-assistant",
        title: "Home Assistant",
        text: "Call `rest_command.tell_reasoner` in an automation. `!secret` keeps the password out of the file.",
        file: "connect-home-assistant.yml",
        goes_to: "configuration.yaml",
        ..PLAIN
    },
    Tool {
        id: "airflow",
        title: "Airflow",
        text: "The connection holds the address, the username and the password. Airflow fails the task when the event is refused, and repeats it as often as `retries` says.",
        file: "connect-airflow.py",
        goes_to: "In a DAG",
        ..PLAIN
    },
    Tool {
        id: "jenkins",
        title: "Jenkins",
        text: "Needs the plugin HTTP Request. The credentials are of the kind Username with password.",
        file: "connect-jenkins.groovy",
        goes_to: "Jenkinsfile",
        ..PLAIN
    },
    Tool {
        id: "github-actions",
        title: "GitHub Actions",
        text: "Store the password as a secret of the repository named `WEBHOOK_PASSWORD`.",
        file: "workflow.yml",
        goes_to: ".github/workflows/deployed.yml",
        ..PLAIN
    },
];
