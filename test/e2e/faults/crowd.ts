// Many workers that do nothing but be there: real connections and heartbeats, without processes of their own.
import { connectBroker } from "../../../src/shared/io/broker.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";

export type Crowd = AsyncDisposable & {
  /** Grows by the instant (monotonic) at which each is connected again. */
  returns(): readonly number[];
  /** Milliseconds that each would wait now before it tries to connect again. */
  waits(): number[];
};

type Facts = Parameters<typeof heartbeat>[1];

/** When clients try again shows only on a quiet machine; how long they mean to wait always does. */
type ClientInside = { protocol: { options: { reconnectDelayHandler(): number } } };

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
    waits: () => members.map(({ wait }) => wait()),
    returns() {
      const instants: number[] = [];
      for (const { isBack } of members) void isBack().then((at) => instants.push(at));
      return instants;
    },
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
  const { options } = (broker.nc as unknown as ClientInside).protocol;
  return {
    wait: options.reconnectDelayHandler,
    isBack: () => new Promise<number>((resolve) => broker.onUp(() => resolve(performance.now()))),
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      await broker[Symbol.asyncDispose]();
    },
  };
}
