import needle from "needle";

const answer = await needle("post", "{{ endpoint }}", { message: "Hello from webhook!" }, {
  json: true,
  username: "{{ username }}",
  password: process.env.WEBHOOK_PASSWORD,
});
if (answer.statusCode !== 200) throw new Error(JSON.stringify(answer.body));
