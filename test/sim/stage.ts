// What all parts of one simulated history share.
import type { Log } from "../../src/shared/io/log.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Random } from "./random.ts";
import type { Server } from "./server.ts";
import { createSimBroker, type SimBroker } from "./sim-broker.ts";
import { createHost, EPOCH_MS, type Host, type World } from "./world.ts";

export type Stage = {
  readonly world: World;
  /** For what happens to the processes; never drawn from by the processes themselves. */
  readonly random: Random;
  readonly server: Server;
  readonly chronicle: Chronicle;
  readonly replicas: number;
  readonly log: Log;
};

/** A process with its connection. */
export type Station = {
  readonly host: Host;
  readonly broker: SimBroker;
  /** Runs as an event of this process. */
  enter(act: () => void): void;
  /** The end without a word. */
  kill(): void;
};

export function openStation(stage: Stage, name: string): Station {
  const { world, server, replicas } = stage;
  const host = createHost(name);
  const connection = server.connect(host);
  const clock = { now: () => EPOCH_MS + world.now, mono: () => world.now };
  const broker = createSimBroker({ world, server, connection, clock, replicas });
  return {
    host,
    broker,
    enter: (act) => void world.after(0, act, host),
    kill() {
      host.alive = false;
      connection.close();
    },
  };
}

/** A process ended by itself with an error, which no fault explains. */
export function noteEnd(stage: Stage, { host }: Station, running: Promise<void>): void {
  running.then(
    () => {
      host.alive = false;
    },
    (error: unknown) => {
      stage.world.failures.push({ host: host.name, at: stage.world.now, error });
      host.alive = false;
    },
  );
}
