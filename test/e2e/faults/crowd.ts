// Many workers that do nothing but be there: real connections and heartbeats, without processes of their own.
import { connectBroker } from "../../../src/shared/io/broker.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";

export type Crowd = AsyncDisposable & {
  /** Resolves with the instants (monotonic) at which each was connected again, once all are. */
  untilBack(): Promise<number[]>;
  /** The instants of every member's second try to connect again: the first comes at once. */
  secondTries(): number[];
};

type Facts = Parameters<typeof heartbeat>[1];

const BEAT_MS = 1_000;

/** `facts` are what their heartbeats say beyond the usual; their ids are the name and a number. */
export async function gatherCrowd(url: string, count: number, facts: Facts = {}): Promise<Crowd> {
  const { name = "crowd" } = facts;
  const members = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      join(url, `${name}-${String(i).padStart(8, "0")}`, facts),
    ),
  );
  return {
    secondTries: () => members.flatMap(({ tries }) => tries.slice(1, 2)),
    untilBack: () => Promise.all(members.map(({ isBack }) => isBack())),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    },
  };
}

async function join(url: string, id: string, facts: Facts) {
  const broker = await connectBroker({ url, identity: id });
  const key = broker.subjects.workers.key(id);
  const message = JSON.stringify(heartbeat(id, facts));
  const beat = () => void broker.publish(key, message, { ttlMs: 10_000 }).catch(() => undefined);
  const beating = setInterval(beat, BEAT_MS);
  beat();
  const tries: number[] = [];
  async function noteTries(): Promise<void> {
    for await (const { type } of broker.nc.status())
      if (type === "reconnecting") tries.push(performance.now());
  }
  const noting = noteTries();
  return {
    tries,
    isBack: () => new Promise<number>((resolve) => broker.onUp(() => resolve(performance.now()))),
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      await broker[Symbol.asyncDispose]();
      await noting;
    },
  };
}
