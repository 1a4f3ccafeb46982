// One history from its seed: played, healed, waited out, asked once more to be quick, and judged.
import type { Log } from "../../src/shared/io/log.ts";
import { isFinal, type JobState } from "../../src/shared/job.ts";
import { check } from "../chaos/checker/check.ts";
import type { History } from "../chaos/checker/history.ts";
import { createCallers, type Callers } from "./callers.ts";
import { createChronicle } from "./chronicle.ts";
import { createCrew, type Crew } from "./crew.ts";
import { checkPromptness } from "./promptness.ts";
import { createRandom } from "./random.ts";
import { CALM, drawScenario, type Scenario } from "./scenario.ts";
import { createServer } from "./server.ts";
import type { Stage } from "./stage.ts";
import { installTime } from "./timers.ts";
import { cause, heal, setQueue } from "./troubles.ts";
import { createWorld } from "./world.ts";

export type Finding = {
  invariant: string;
  why: string;
  job?: string;
  evidence?: readonly object[];
};

export type Outcome = {
  findings: Finding[];
  history: History;
};

export type SimulateOptions = {
  /** Told what everybody logs. */
  trace?: (line: string) => void;
};

/** After the calm: silence is judged, backoffs run out, publishes time out. */
const QUIET_WITHIN_MS = 150_000;
const LOOK_MS = 500;
const LONGEST_TIMEOUT_MS = 6_000;
const FEED_CHECK_MS = 2_500;

/** What a process logs as an error although it did what it could. */
const EXPECTED_ERRORS = new Set(["attempt_unrecorded", "left_behind", "start_unrecorded"]);

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const random = createRandom(seed);
  const scenario = drawScenario(random.fork());
  const world = createWorld();
  const chronicle = createChronicle(world);
  const findings: Finding[] = [];
  const weather = { ...scenario.weather };
  const moods = { ...scenario.moods };
  const server = createServer({
    world,
    random: random.fork(),
    weather,
    moods,
    onStored: chronicle.stored,
  });
  const log = createSimLog((event, line) => {
    options.trace?.(`${world.now.toFixed(1).padStart(9)} ${world.current.name} ${line}`);
    if (event !== undefined && !EXPECTED_ERRORS.has(event))
      findings.push({ invariant: "unexpected_error", why: `${world.current.name}: ${line}` });
  });
  const stage: Stage = {
    world,
    random: random.fork(),
    server,
    chronicle,
    replicas: scenario.replicas,
    log,
  };
  const crew = createCrew(stage);
  const callers = createCallers(stage, crew);

  using _time = installTime(world, random.fork());
  options.trace?.(JSON.stringify({ ...scenario, errands: 0 }));
  setQueue(stage, false);
  for (let count = 0; count < scenario.schedulers; count += 1) crew.hireScheduler();
  for (const plan of scenario.workers) crew.hireWorker(plan);
  for (const errand of scenario.errands) callers.run(errand);
  for (const trouble of scenario.troubles) cause(stage, crew, trouble, scenario.calmAt);

  await world.runUntil(scenario.calmAt);
  Object.assign(weather, CALM.weather);
  Object.assign(moods, CALM.moods);
  heal(crew);
  await world.runUntil(world.now + aftermathMs(scenario));
  const isQuiet = await waitForQuiet(stage, crew, callers);
  if (isQuiet && scenario.isProbed) findings.push(...(await checkPromptness(stage, crew)));
  await world.runUntil(world.now + LOOK_MS);
  closeBooks(stage, crew);

  for (const { host, at, error } of world.failures)
    findings.push({ invariant: "process_failed", why: `${host} at ${at}: ${String(error)}` });
  findings.push(
    ...check(chronicle.history, [
      "submits",
      "records",
      "assignments",
      "load",
      "execution",
      "leftovers",
    ]),
  );
  if (!isQuiet && findings.length === 0)
    findings.push({ invariant: "never_quiet", why: whatMoves(stage, crew) });
  return { findings, history: chronicle.history };
}

async function waitForQuiet(stage: Stage, crew: Crew, callers: Callers): Promise<boolean> {
  const { world } = stage;
  const end = world.now + QUIET_WITHIN_MS;
  while (world.now < end) {
    await world.runUntil(world.now + LOOK_MS);
    if (crew.isComplete() && callers.isIdle() && whatMoves(stage, crew) === "") return true;
  }
  return false;
}

/** How long somebody may still wait for an answer that does not come, or miss a push that was lost. */
function aftermathMs({ moods, troubles }: Scenario): number {
  if (moods.silence + moods.swallow > 0 || troubles.some(({ what }) => what === "elect"))
    return LONGEST_TIMEOUT_MS;
  return moods.dropPush > 0 ? FEED_CHECK_MS : 0;
}

/** Why it is not quiet; empty when it is. */
function whatMoves({ chronicle, world, server }: Stage, crew: Crew): string {
  if (server.isExpecting()) return "something is under way";
  const open = [...chronicle.states].filter(([, state]) => !isFinal(state as JobState));
  if (open.length > 0) return `jobs ${open.map(([job, state]) => `${job} ${state}`).join(", ")}`;
  if (chronicle.cancels.size > 0) return `cancels ${[...chronicle.cancels].join()}`;
  if (chronicle.runs().length > 0) return "something runs";
  const workers = crew.workers().map(({ id }) => id);
  if (crew.workers().some(({ worker }) => worker.attempts.count > 0)) return "attempts are held";
  for (const { host, replica } of crew.schedulers()) {
    const seen = replica.board.workers(world.now);
    const ready = seen.filter(({ status, slots }) => status === "ready" && slots.used === 0);
    if (!replica.isWarm() || seen.length !== workers.length || ready.length !== workers.length)
      return `${host.name} sees ${seen.map(({ beat, status, slots }) => `${beat.id} ${status} ${slots.used}`).join()}`;
  }
  return crew.schedulers().some(({ leads }) => leads()) ? "" : "nobody leads";
}

function closeBooks({ chronicle, world }: Stage, crew: Crew): void {
  const at = chronicle.now();
  chronicle.noteRuns("end");
  chronicle.note({ kind: "alive", at, workers: crew.workers().map(({ id }) => id) });
  for (const { host, replica } of crew.schedulers()) {
    const workers = replica.board.workers(world.now).map(({ beat, status, slots, running }) => ({
      worker: beat.id,
      status,
      used: slots.used,
      running: running.map(({ job }) => job),
    }));
    const { jobs } = replica.board.stats();
    chronicle.note({ kind: "scheduler", at, scheduler: host.name, jobs, workers });
  }
}

/** Only as much of pino as the product uses. `event` is told for errors. */
function createSimLog(told: (event: string | undefined, line: string) => void): Log {
  const say =
    (level: string) =>
    ({ error, ...fields }: Record<string, unknown>, text: string) => {
      const event = level === "error" ? String(fields["event"]) : undefined;
      told(
        event,
        `${level} ${text} ${JSON.stringify(fields)} ${error instanceof Error ? error.message : ""}`,
      );
    };
  const log = {
    trace: () => undefined,
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    child: () => log,
  };
  return log as unknown as Log;
}
