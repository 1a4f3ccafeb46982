// The floor of a crowd: the messages that our jobs take, through streams like ours, between connections that do nothing else.
import { connect, type NatsConnection } from "nats";

import { connectBroker } from "../../src/shared/io/broker.ts";
import { ensureTopology } from "../../src/shared/io/topology.ts";
import { writeOncePerTurn } from "../../src/shared/io/turn.ts";
import { createSubjects } from "../../src/shared/subjects.ts";
import { shares } from "./crowd.ts";
import type { Installation } from "./installation.ts";
import { pathIn, startNode } from "./program.ts";

const PREFIX = "bare";
const ID_LENGTH = 12;
const SUBMITTED = Buffer.alloc(300, "s");

export type BareCrowd = AsyncDisposable & {
  /** A record is stored; a command follows from it, and from that another record: resolves when that is seen. */
  run(): Promise<void>;
};

/** Starts so many connections, several to a process, beside one that commands and one that submits. */
export async function startBareCrowd(
  { nats }: Pick<Installation, "nats">,
  workers: number,
): Promise<BareCrowd> {
  await makeStreams(nats);
  const programs = await Promise.all(
    shares(workers).map(({ first, count }) =>
      startNode([pathIn("floors/crowd.mjs"), nats, PREFIX, String(first), String(count)]),
    ),
  );
  const { jobs, assign } = createSubjects(PREFIX);
  const leader = await open(nats, "stored.leader");
  const client = await open(nats, "stored.client");
  const waiting = new Map<string, () => void>();
  let commands = 0;
  let submissions = 0;

  leader.subscribe(assign.commands, { callback: () => undefined });
  leader.subscribe(jobs.changed, {
    callback(_error, { subject, data }) {
      if (!isSubmission(data)) return;
      const to = assign.to(String((commands += 1) % workers));
      leader.publish(to, idOf(subject) + SUBMITTED.toString(), { reply: "stored.leader" });
    },
  });
  client.subscribe(jobs.changed, {
    callback(_error, { subject, data }) {
      if (isSubmission(data)) return;
      waiting.get(subject)?.();
      waiting.delete(subject);
    },
  });
  await Promise.all([leader.flush(), client.flush()]);

  return {
    run() {
      const id = `${process.hrtime.bigint()}${(submissions += 1)}`.slice(-ID_LENGTH);
      return new Promise((resolve) => {
        waiting.set(jobs.changedOf(id), resolve);
        client.publish(jobs.record(id), SUBMITTED, { reply: "stored.client" });
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([leader.close(), client.close()]);
      await Promise.all(programs.map((program) => program.end()));
    },
  };
}

const idOf = (subject: string): string => subject.slice(-ID_LENGTH);
const isSubmission = (data: Uint8Array): boolean => data[0] === SUBMITTED[0];

async function makeStreams(url: string): Promise<void> {
  await using broker = await connectBroker({ url, identity: "bare", prefix: PREFIX });
  await ensureTopology(broker);
}

/** Like a role's: it hears that what it published is stored, and writes once in each turn. */
async function open(servers: string, replies: string): Promise<NatsConnection> {
  const nc = await connect({ servers, noAsyncTraces: true });
  writeOncePerTurn(nc);
  nc.subscribe(replies, { callback: () => undefined });
  return nc;
}
