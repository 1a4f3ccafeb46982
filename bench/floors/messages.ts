// The floor of a handler job: its messages, as long and as durable as ours, and nothing that is done between them.
// As `scheduler` it passes on what is new, as `worker` it answers what is passed on.
import type { Broker } from "../../src/shared/io/broker.ts";
import { microseconds } from "../lib/figures.ts";
import { connectFloor, LENGTHS } from "../lib/messages-floor.ts";

const WORKER = "w";

/** One append at a time, with all that came meanwhile. */
function passOn(broker: Broker): void {
  const { jobs, assign } = broker.subjects;
  const idFrom = jobs.record("").length;
  let gathered: string[] = [];
  let isAppending = false;

  async function append(): Promise<void> {
    if (isAppending) return;
    isAppending = true;
    while (gathered.length > 0) {
      const batch = gathered.join("\n");
      gathered = [];
      await broker.publish(assign.to(WORKER), batch);
    }
    isAppending = false;
  }

  broker.listen(jobs.changed, ({ subject, seq, data }) => {
    if (data.length !== LENGTHS.queued) return;
    gathered.push(`${subject.slice(idFrom)} ${seq} `.padEnd(LENGTHS.assigned, "x"));
    void append();
  });
}

function answer(broker: Broker): void {
  const { jobs, assign } = broker.subjects;
  broker.listen(assign.commandsOf(WORKER), ({ data }) => {
    const ended = String(microseconds()).padEnd(LENGTHS.ended);
    for (const line of Buffer.from(data).toString().split("\n")) {
      const [id, seq] = line.split(" ");
      void broker.publish(jobs.record(id!), ended, { expectSubject: Number(seq) });
    }
  });
}

const [role, url, ca] = process.argv.slice(2);
const broker = await connectFloor(url!, role!, ca);
(role === "scheduler" ? passOn : answer)(broker);
await broker.flush();
console.log("{}");
