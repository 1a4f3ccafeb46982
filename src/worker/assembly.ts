// The parts of a worker, made and tied together; nothing runs yet.
import { setMaxListeners } from "node:events";

import { ARTIFACT_LIMITS } from "../shared/artifact.ts";
import { announcementOf } from "../shared/handler-reference.ts";
import type { Broker } from "../shared/io/broker.ts";
import { createFileStore } from "../shared/io/files.ts";
import { createJobStore } from "../shared/io/job-store.ts";
import type { Service } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import { VERSION } from "../shared/io/version.ts";
import { PRESENCE, PROTOCOL, type Heartbeat } from "../shared/messages.ts";
import { withFiles } from "./artifacts/with-files.ts";
import { createAttempts, type Attempts } from "./attempts.ts";
import { createCommandRunner } from "./command/command.ts";
import type { WorkerConfig } from "./config.ts";
import { createBundleCache } from "./files/bundle-cache.ts";
import { createControl } from "./control.ts";
import { createDuty, type Duty } from "./duty.ts";
import { hostState, labelsOf } from "./facts.ts";
import { createBundledHandlers } from "./handlers/bundled-handlers.ts";
import { createHandlerRunner } from "./handlers/handler-runner.ts";
import type { Handlers } from "./handlers/loader.ts";
import { createHealth } from "./health.ts";
import { createHeartbeat } from "./heartbeat.ts";
import type { WorkerHome } from "./home.ts";
import { createIntake } from "./intake.ts";
import type { LauncherKeeper } from "./launcher-keeper.ts";
import { createWorkerMetrics } from "./metrics.ts";
import { createShipper } from "./output/shipper.ts";
import type { ControlGroups } from "./policy/control-groups.ts";
import type { Policy } from "./policy/policy.ts";
import { createRunner } from "./runner.ts";
import { createSessions } from "./sessions.ts";
import { createSlots } from "./slots.ts";
import { createStanding } from "./standing.ts";

export type WorkerDeps = {
  config: Omit<WorkerConfig, "policy">;
  workerId: string;
  broker: Broker;
  home: WorkerHome;
  launchers: LauncherKeeper;
  handlers: Handlers;
  policy: Policy;
  groups: ControlGroups;
  log: Log;
};

export type AssembledWorker = {
  /** In the order in which they are to be started. */
  services: Service[];
  attempts: Attempts;
  /** Disposed once nothing is held. */
  commands: AsyncDisposable;
  duty: Duty;
  /** Aborted by the owner, in this order: nothing may start · patience with handlers ends · waiting for the broker ends. */
  closed: AbortController;
  killed: AbortController;
  giveUp: AbortController;
};

/** One heartbeat may go missing before an attempt that minds is stopped. */
const BEATS_PER_LIMIT = 3;

export function assembleWorker(deps: WorkerDeps): AssembledWorker {
  const { config, workerId, broker, home, launchers, policy, groups, log } = deps;
  const handlers = new Map(deps.handlers);
  const { clock } = broker;
  const [closed, killed, giveUp] = [newSwitch(), newSwitch(), newSwitch()];
  const standing = createStanding(clock);
  const slots = createSlots(config.slots);
  const duty = createDuty(() => heartbeat.beatNow());
  const metrics = createWorkerMetrics({
    slots,
    held: () => attempts.count,
    registered: () => heartbeat.registered,
  });
  /** A full disk would fail every further job as well. */
  function onDiskFailure(error: unknown): void {
    if (!duty.cordoned)
      log.error({ event: "disk_failed", error }, "takes no more work: see its disk");
    duty.cordon(true);
  }
  const shipper = createShipper({ broker, log, spoolRoot: home.spoolDir, onDiskFailure });
  const files = createFileStore(broker, { spoolDir: home.workDir });
  const bundles = createBundleCache({
    files,
    dir: home.bundleDir,
    left: home.leftBundles,
    limitBytes: config.bundleCacheBytes,
    onUse: (how) => metrics.bundles.inc({ how }),
    log,
  });
  const commands = createCommandRunner({
    launcher: launchers.current,
    workRoot: home.workDir,
    baseEnv: config.baseEnv,
    workerId,
    policy,
    groups,
    onDiskFailure,
    log,
  });
  const runner = createRunner({
    log,
    launchers,
    commands,
    bundles,
    policy,
    sessions: createSessions({ workRoot: home.workDir, user: policy.user, now: clock.now }),
    now: clock.now,
    handlers: createHandlerRunner({ handlers, workerId, clock, kill: killed.signal }),
  });
  const attempts = createAttempts({
    workerId,
    clock,
    random: Math.random,
    store: createJobStore(broker),
    shipper,
    runner: withFiles(runner, {
      files,
      limits: config.artifactLimits ?? ARTIFACT_LIMITS,
      owner: policy.user?.uid,
      log,
    }),
    slots,
    standing,
    metrics,
    log,
    onProgress: () => heartbeat.beatSoon(),
    onGuarded: () => heartbeat.beatNow(),
    closed: closed.signal,
    giveUp: giveUp.signal,
  });
  const intake = createIntake({
    broker,
    workerId,
    log,
    take: attempts.take,
    onDropped: (why) => metrics.dropped.inc({ why }),
  });
  const constant = {
    v: 1 as const,
    protocol: PROTOCOL,
    id: workerId,
    name: config.name,
    version: VERSION,
    pid: process.pid,
    startedAt: clock.now(),
    labels: labelsOf(config.labels, VERSION),
    replaces: home.predecessors,
  };
  const heartbeat = createHeartbeat({
    broker,
    workerId,
    standing,
    log,
    everyMs: () => Math.min(PRESENCE.beatMs, attempts.shortestDisconnectMs() / BEATS_PER_LIMIT),
    onFailure: () => metrics.heartbeatFailures.inc(),
    look: (): Heartbeat => ({
      ...constant,
      handlers: [...handlers.values()].map(announcementOf),
      slots: { total: slots.total - slots.stuck, free: slots.free },
      held: attempts.held(),
      lastAssign: intake.lastSeq,
      ...hostState(),
      cordoned: duty.cordoned,
      draining: duty.draining,
    }),
  });
  const control = createControl({
    broker,
    workerId,
    attempts,
    duty,
    onMissed: () => void intake.check(),
    log,
  });
  // Assignments and requests are listened to before the first heartbeat invites them.
  const services: Service[] = [shipper, launchers, intake, control, heartbeat];
  if (config.handlersBundle !== undefined)
    services.push(
      createBundledHandlers({
        broker,
        workerId,
        bundle: config.handlersBundle,
        bundles,
        handlers,
        onChanged: () => heartbeat.beatNow(),
        log,
      }),
    );
  if (config.health !== undefined)
    services.push(
      createHealth({
        address: config.health,
        registry: metrics.registry,
        isReady: () => heartbeat.registered,
      }),
    );
  const settled: AsyncDisposable = {
    async [Symbol.asyncDispose]() {
      await bundles[Symbol.asyncDispose]();
      await commands[Symbol.asyncDispose]();
    },
  };
  return { services, attempts, commands: settled, duty, closed, killed, giveUp };
}

/** Every held attempt listens to it, so there is no number of listeners that is too many. */
function newSwitch(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
