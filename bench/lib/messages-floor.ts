// The messages of a no-op handler job without the job: how long they are, and a client that sends the first and awaits the last.
import { connectBroker, type Broker } from "../../src/shared/io/broker.ts";
import { ensureTopology } from "../../src/shared/io/topology.ts";
import { pathIn, startNode } from "./program.ts";
import type { Installation } from "./installation.ts";

/** Bytes: the record when it is new and when it is over, its part of an assignment. */
export const LENGTHS = { queued: 180, assigned: 260, ended: 480 };

/** Beside an installation, on the same broker; `ca` is whom a broker that speaks TLS is believed by. */
export const connectFloor = (url: string, identity: string, ca?: string): Promise<Broker> =>
  connectBroker({ url, identity, prefix: "floor", credentials: ca === undefined ? {} : { ca } });

export type FloorClient = AsyncDisposable & {
  /** Resolves when it is stored; the promise in it when it is over, with the microsecond in which it reached the worker. */
  submit(): Promise<{ ended: Promise<number> }>;
};

/** Starts what passes the messages on and answers them; their CPU counts as that of workers. */
export async function startFloor(
  installation: Pick<Installation, "nats" | "adopt">,
  ca?: string,
): Promise<FloorClient> {
  const broker = await connectFloor(installation.nats, "client", ca);
  await ensureTopology(broker);
  for (const role of ["scheduler", "worker"])
    installation.adopt(
      await startNode([pathIn("floors/messages.ts"), role, installation.nats, ...(ca ? [ca] : [])]),
    );
  const { jobs } = broker.subjects;
  const idFrom = jobs.record("").length;
  const queued = "x".repeat(LENGTHS.queued);
  const waiting = new Map<string, (startedAt: number) => void>();
  let count = 0;
  broker.listen(jobs.changed, ({ subject, data }) => {
    if (data.length !== LENGTHS.ended) return;
    const id = subject.slice(idFrom);
    waiting.get(id)?.(Number(Buffer.from(data).toString()));
    waiting.delete(id);
  });
  await broker.flush();
  return {
    async submit() {
      const id = `floor${String((count += 1)).padStart(15, "0")}`;
      const ended = new Promise<number>((resolve) => waiting.set(id, resolve));
      await broker.publish(jobs.record(id), queued, { expectSubject: 0 });
      return { ended };
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}
