import { CloudEvent, emitterFor, httpTransport, Mode } from "cloudevents";

const login = Buffer.from(`{{ username }}:${process.env.WEBHOOK_PASSWORD}`).toString("base64");
const emit = emitterFor(httpTransport("{{ endpoint }}"), { mode: Mode.STRUCTURED });
const event = new CloudEvent({
  type: "com.example.order.paid",
  source: "/shop",
  data: { order: 1042 },
});
console.log(await emit(event, { headers: { Authorization: `Basic ${login}` } }));
