// What a workload is given, and what it gives back.
import type { Installation, Role } from "./installation.ts";
import { secondsOf } from "./pace.ts";
import type { Peers } from "./peers.ts";

export type Key = "F1" | "F2" | "F3" | "F4" | "F5" | "F6" | "F7" | "F8" | "F9" | "F10";

export type Bench = {
  /** How often everything is measured, sides taking turns. */
  rounds: number;
  /** The count for a full run, or its share in a quick one. */
  scaled(count: number): number;
  /** Backlogs of a million. */
  huge: boolean;
  /** What to compare with, where it is installed. */
  peers: Peers | undefined;
  /** Tells a person how far it is. */
  note(line: string): void;
};

export type Figure = {
  what: string;
  unit: string;
  better: "higher" | "lower";
  /** One per round. */
  samples: readonly number[];
  /** The same on something simpler or somebody else's, taken in turns with ours. */
  floor?: { what: string; samples: readonly number[] } | undefined;
  /** The least or most that the ratio to the floor, or the value itself, should be. */
  target?: { of: "ratio" | "value"; limit: number } | undefined;
  /** CPU of all processes together, one per round. */
  cpuMsPerJob?: readonly number[] | undefined;
  /** Its shares. */
  cpuMsPerJobBy?: Readonly<Record<Role, number>> | undefined;
};

export type Curve = {
  /** Of the chart's file. */
  name: string;
  title: string;
  x: string;
  y: string;
  /** `even`: one step per point. */
  scale: { x: "even" | "log"; y: "linear" | "log" };
  lines: readonly { name: string; points: readonly (readonly [x: number, y: number])[] }[];
};

export type Measured = {
  /** The first one stands for the workload. */
  figures: readonly [Figure, ...Figure[]];
  curves?: readonly Curve[];
};

export type Workload = {
  key: Key;
  title: string;
  /** What survives what, of the jobs and bytes in this row. */
  durability: string;
  measure(bench: Bench): Promise<Measured>;
};

export type Spent = {
  seconds: number;
  /** CPU milliseconds of all processes together. */
  cpuMs: number;
  by: Record<Role, number>;
};

/** Time and CPU that an act takes in the installation and in this program. */
export async function spentOn(
  installation: Pick<Installation, "cpuMs">,
  act: () => Promise<unknown>,
): Promise<Spent> {
  const before = await installation.cpuMs();
  const seconds = await secondsOf(act);
  const after = await installation.cpuMs();
  const by = {
    broker: after.broker - before.broker,
    scheduler: after.scheduler - before.scheduler,
    worker: after.worker - before.worker,
    client: after.client - before.client,
  };
  return { seconds, cpuMs: by.broker + by.scheduler + by.worker + by.client, by };
}

/** Mean CPU per job by role over several rounds of as many jobs each. */
export function sharesOf(spent: readonly Spent[], jobs: number): Record<Role, number> {
  const share = (role: Role) =>
    spent.reduce((sum, { by }) => sum + by[role], 0) / (jobs * spent.length);
  return {
    broker: share("broker"),
    scheduler: share("scheduler"),
    worker: share("worker"),
    client: share("client"),
  };
}
