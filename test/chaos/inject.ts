// Does the planned faults to the cluster, and notes what was done to whom.
import { setTimeout as delay } from "node:timers/promises";

import { pause } from "../../src/shared/io/lifecycle.ts";
import type { FaultKind, FaultSeen } from "./checker/history.ts";
import type { Cluster, Member } from "./cluster/cluster.ts";
import type { PlannedFault } from "./plan/faults.ts";
import { createRandom } from "./plan/random.ts";

export type InjectOptions = {
  plan: readonly PlannedFault[];
  cluster: Cluster;
  /** Address of the scheduler that leads, as far as anybody knows. */
  leader(): Promise<string | undefined>;
  note(seen: FaultSeen): void;
  signal: AbortSignal;
};

const DELAY_MS = 300;
const LOOK_MS = 100;

/** How one fault is done; resolves when it is undone. */
type Act = (fault: PlannedFault) => Promise<void>;

/** Resolves when every fault was done and undone. */
export async function injectFaults(options: InjectOptions): Promise<void> {
  const { plan, cluster, leader, note, signal } = options;
  const { brokers, workers, schedulers } = cluster;
  const startedAt = Date.now();
  /** What something is being done to already. */
  const hit = new Set<object>();

  async function doTo(
    target: object,
    fault: PlannedFault,
    who: Partial<FaultSeen>,
    act: Act,
  ): Promise<void> {
    hit.add(target);
    const at = Date.now();
    try {
      await act(fault);
    } finally {
      hit.delete(target);
      note({ kind: "fault", at, until: Date.now(), fault: fault.fault, ...who });
    }
  }

  const spared = <T extends object>(targets: readonly T[]): T[] =>
    targets.filter((target) => !hit.has(target));

  async function hitWorker(fault: PlannedFault): Promise<void> {
    const member = picked(
      spared(workers).filter(({ program }) => program.said !== undefined),
      fault,
    );
    const target = member?.program.said;
    if (member && target) await doTo(member, fault, { target }, (it) => harm(member, it));
  }

  async function hitScheduler(fault: PlannedFault): Promise<void> {
    const leading = await leader();
    const free = spared(schedulers);
    const member = (fault.leader && free.find(({ url }) => url === leading)) || picked(free, fault);
    if (member === undefined) return;
    const who = { target: member.url, led: member.url === leading };
    await doTo(member, fault, who, (it) => harm(member, it));
  }

  /** One at a time: what a majority of brokers does not survive, nobody promised. */
  async function hitBroker(fault: PlannedFault): Promise<void> {
    const broker = picked(brokers, fault);
    if (broker === undefined || brokers.some((one) => hit.has(one))) return;
    await doTo(broker, fault, { target: broker.url }, async ({ fault: kind, lastsMs }) => {
      if (kind === "kill_broker") await broker.kill();
      else await broker.pause();
      await delay(lastsMs);
      if (kind === "kill_broker") await broker.restart();
      else await broker.resume();
    });
  }

  /** Also what is frozen or cut off at that moment; only a broker is not killed while it is being started. */
  async function hitEverything(fault: PlannedFault): Promise<void> {
    while (brokers.some((broker) => hit.has(broker))) await delay(LOOK_MS);
    for (const broker of brokers) hit.add(broker);
    await doTo(cluster, fault, {}, async ({ lastsMs, pick }) => {
      const random = createRandom(pick);
      const downMs = () => lastsMs + random.int(0, 2_000);
      const programs = random.shuffle([...schedulers, ...workers]);
      await Promise.all([
        ...programs.map(({ program }) => program.kill(downMs())),
        ...brokers.map(async (broker) => {
          await broker.kill();
          await delay(downMs());
          await broker.restart();
        }),
      ]);
    });
    for (const broker of brokers) hit.delete(broker);
  }

  await Promise.all(
    plan.map(async (fault) => {
      await pause(Math.max(0, startedAt + fault.atMs - Date.now()), signal);
      if (signal.aborted || hit.has(cluster)) return;
      if (fault.fault === "kill_everything") await hitEverything(fault);
      else if (fault.fault.endsWith("_worker")) await hitWorker(fault);
      else if (fault.fault.endsWith("_scheduler")) await hitScheduler(fault);
      else await hitBroker(fault);
    }),
  );
}

const picked = <T>(targets: readonly T[], { pick }: PlannedFault): T | undefined =>
  targets[pick % Math.max(1, targets.length)];

async function harm(
  { program, links }: Member,
  { fault, lastsMs, way }: PlannedFault,
): Promise<void> {
  switch (fault) {
    case "kill_worker":
    case "kill_scheduler":
      return program.kill(lastsMs);
    case "pause_worker":
    case "pause_scheduler":
      program.freeze();
      await delay(lastsMs);
      return program.thaw();
    case "cut_worker":
    case "cut_scheduler":
      for (const link of links) link.hold(way);
      await delay(lastsMs);
      for (const link of links) link.heal();
      return;
    case "delay_worker":
      for (const link of links) link.slow(DELAY_MS);
      await delay(lastsMs);
      for (const link of links) link.heal();
      return;
    case "reset_worker":
    case "reset_scheduler":
      for (const link of links) link.reset();
      return;
    case "drain_worker":
      return program.ask();
    case "kill_broker":
    case "pause_broker":
    case "kill_everything":
      throw new Error(`${fault satisfies FaultKind} is not done to a program`);
  }
}
