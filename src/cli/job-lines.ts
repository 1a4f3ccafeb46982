// A job in words: as a row of a list, and in full.
import type { JobState } from "../shared/job.ts";
import { age, bytes, clip, commandLine, printable, shortDuration } from "./display.ts";
import type { Listing } from "./listing.ts";
import type { Colors } from "./terminal.ts";
import type { AttemptView, JobView } from "./views.ts";

const WHAT_WIDTH = 48;

const STATE_COLORS = {
  queued: "yellow",
  running: "cyan",
  succeeded: "green",
  failed: "red",
  cancelled: "magenta",
  expired: "magenta",
} as const satisfies Record<JobState, keyof Colors>;

/** Jobs one by one, their states in colour. */
export const jobListing = (colors: Colors): Listing<JobView> => ({
  columns: ["ID", "STATE", "QUEUE", "AGE", "TOOK", "WORKER", "WHAT"],
  row: (job, now) => [
    job.id,
    colors[STATE_COLORS[job.state]](job.state),
    job.queue,
    age(job.submittedAt, now),
    took(job, now),
    job.worker ?? "-",
    clip(whatItDoes(job), WHAT_WIDTH),
  ],
});

/** "exited 7", "signalled SIGKILL", "running": how a job ended or stands. */
export function outcomeText(job: JobView): string {
  const { state, outcome, exitCode, signal } = job;
  if (outcome === undefined || state === outcome) return state;
  return [state, outcomeOf({ outcome, exitCode, signal })].join(": ");
}

type Ended = Pick<AttemptView, "outcome" | "exitCode" | "signal">;

/** The signal is worth a word only where it was not Millrace's own. */
function outcomeOf({ outcome, exitCode, signal }: Ended): string {
  const how = outcome === "signalled" ? signal : exitCode;
  return [outcome?.replaceAll("_", " "), how].filter((part) => part !== undefined).join(" ");
}

function whatItDoes({ spec }: JobView): string {
  if (spec.handler !== undefined) return `handler ${spec.handler}`;
  if (spec.command !== undefined) return commandLine(spec.command);
  return commandLine(["<script>", ...(spec.args ?? [])]).replace("'<script>'", "<script>");
}

function took(
  { startedAt, finishedAt }: Pick<AttemptView, "startedAt" | "finishedAt">,
  now: number,
) {
  if (startedAt === undefined) return "-";
  const end = finishedAt === undefined ? now : Date.parse(finishedAt);
  return shortDuration(Math.max(0, end - Date.parse(startedAt)));
}

/** Everything about a job, line by line. */
export function describeJob(job: JobView, now: number, colors: Colors): string {
  const result = job.result === undefined ? undefined : JSON.stringify(job.result);
  const labels = Object.entries(job.labels).map(([key, value]) => `${key}=${value}`);
  const facts: [string, string | undefined][] = [
    ["id", job.id],
    ["state", colors[STATE_COLORS[job.state]](outcomeText(job))],
    ["what", whatItDoes(job)],
    ["queue", `${job.queue}, priority ${job.priority}`],
    ["labels", labels.join(" ") || undefined],
    ["origin", originText(job)],
    ["submitted", `${job.submittedAt} (${age(job.submittedAt, now)} ago)`],
    ["not before", job.notBefore],
    ["expires", job.expiresAt],
    ["cancel", job.cancelRequested ? "requested" : undefined],
    ["reason", job.reason],
    ["result", result],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [line(name, name === "state" ? value : printable(value))],
  );
  return [...lines, ...job.attempts.map((attempt) => describeAttempt(attempt, now))].join("\n");
}

/** "schedule nightly at …, definition etl, version 3": what brought the job about. */
function originText({ origin = {} }: JobView): string | undefined {
  const { schedule, definition, group } = origin;
  const place = group?.count === undefined ? "" : ` ${group.index} of ${group.count}`;
  const parts = [
    schedule && `schedule ${schedule.name} at ${schedule.at}`,
    definition && `definition ${definition.name}, version ${definition.version}`,
    group && `group ${group.id}, ${group.member}${place}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ") || undefined;
}

/** What was left out is told with the list. */
function artifactsText({
  count,
  bytes: size,
  note,
}: NonNullable<AttemptView["artifacts"]>): string {
  const what = `${count} artifact${count === 1 ? "" : "s"} of ${bytes(size)}`;
  return note === undefined ? what : `${what} (some left out)`;
}

const line = (name: string, value: string): string => `${name.padEnd(11)}${value}`;

function describeAttempt(attempt: AttemptView, now: number): string {
  const { number, worker, outcome, reason, output, artifacts, progress } = attempt;
  const parts = [
    `on ${worker}`,
    outcome === undefined ? "running" : outcomeOf(attempt),
    progress &&
      `${Math.round(100 * progress.value)} %${progress.note ? ` (${progress.note})` : ""}`,
    took(attempt, now),
    output && `${bytes(output.stdout + output.stderr)} of output`,
    output && output.dropped > 0 ? `${bytes(output.dropped)} dropped` : undefined,
    artifacts && artifactsText(artifacts),
    reason,
    attempt.mayStillRun && "may still run",
  ];
  const shown = parts.filter((part) => part !== undefined && part !== "-");
  return line(`attempt ${number}`, printable(shown.join(", ")));
}
