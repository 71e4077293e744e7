import superagent from "superagent";

const answer = await superagent
  .post("{{ endpoint }}")
  .auth("{{ username }}", process.env.WEBHOOK_PASSWORD)
  .send({ message: "Hello from webhook!" });
console.log(answer.body.id);
