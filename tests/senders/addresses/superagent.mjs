import superagent from "superagent";
await superagent.post("{{ address }}").send({});
