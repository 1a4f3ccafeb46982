// The floor of a crowd: bare connections that answer each command with a record, and do nothing else.
// Arguments: broker's address, prefix, number of the first, how many. Prints {} when all listen.
import { connect } from "nats";

import { createSubjects } from "../../dist/shared/subjects.js";
import { writeOncePerTurn } from "../../dist/shared/io/turn.js";

const [, , url, prefix, first, count] = process.argv;
const { jobs, assign } = createSubjects(prefix);
const ID_LENGTH = 12;
const RECORD = Buffer.alloc(700, "r");

async function listen(number) {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  writeOncePerTurn(nc);
  const reply = `stored.${number}`;
  nc.subscribe(reply, { callback: () => undefined });
  nc.subscribe(assign.commandsOf(number), {
    callback: (_error, command) =>
      nc.publish(jobs.record(command.string().slice(0, ID_LENGTH)), RECORD, { reply }),
  });
  await nc.flush();
}

for (let index = 0; index < Number(count); index += 1) await listen(String(Number(first) + index));
console.log("{}");
process.once("SIGTERM", () => process.exit());
