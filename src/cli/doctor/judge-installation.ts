// Judges what the records tell: silent workers, orphaned attempts, jobs that nobody can run, cancels that are not served. Pure.
import { shortDuration } from "../display.ts";
import type { Facts, InstallationFacts, StaleCancel } from "./facts.ts";
import { error, ok, warning, type Finding } from "./finding.ts";

const SHOWN = 3;

export function judgeInstallation(installation: Facts["installation"]): Finding[] {
  if (installation === undefined) return [];
  if (installation instanceof Error) return [error("records", installation.message)];
  const findings = [
    ...judgeSilence(installation),
    ...judgeOrphans(installation),
    ...judgeUnrunnable(installation),
    ...judgeCancels(installation),
  ];
  return findings.length === 0
    ? [ok("records", "nothing is orphaned, stuck or left over")]
    : findings;
}

function judgeSilence({ workers }: InstallationFacts): Finding[] {
  const silent = workers.filter(({ status }) => status === "quiet" || status === "gone");
  if (silent.length === 0) return [];
  const told = silent.map(({ id, silentMs }) => `${id} (${shortDuration(silentMs)})`);
  return [
    warning(
      "workers",
      `silent: ${some(told)}`,
      "look at their hosts; what they ran is started elsewhere after 10s of silence",
    ),
  ];
}

function judgeOrphans({ orphans }: InstallationFacts): Finding[] {
  if (orphans.length === 0) return [];
  const told = orphans.map(({ job, worker }) => `${job} on ${worker}`);
  return [
    warning(
      "orphans",
      `${orphans.length} running on workers that are gone: ${some(told)}`,
      "a leader settles them within 15s; if they stay, look at the schedulers' logs",
    ),
  ];
}

/** One finding per reason: a thousand jobs that want the same label are one problem. */
function judgeUnrunnable({ unrunnable }: InstallationFacts): Finding[] {
  return grouped(unrunnable, ({ why }) => why).map(([why, jobs]) => {
    const longest = shortDuration(Math.max(...jobs.map(({ waitedMs }) => waitedMs)));
    return warning(
      "waiting",
      `${jobs.length} that nobody can run, for up to ${longest}: ${why} (${some(jobs.map(({ job }) => job))})`,
      "start a worker that fits, or cancel them",
    );
  });
}

const CANCELS: Record<StaleCancel["what"], { text: string; advice: string }> = {
  pending: {
    text: "not ended although they were cancelled",
    advice: "is their worker reachable? `millrace get` names it",
  },
  leftover: {
    text: "ended, with a cancel request left over",
    advice: "a leader clears them; if they stay, `millrace reconcile --repair` does",
  },
  stray: {
    text: "gone, with a cancel request left over",
    advice: "`millrace reconcile --repair` clears them",
  },
};

function judgeCancels({ cancels }: InstallationFacts): Finding[] {
  return grouped(cancels, ({ what }) => what).map(([what, jobs]) => {
    const { text, advice } = CANCELS[what];
    return warning(
      "cancels",
      `${jobs.length} ${text}: ${some(jobs.map(({ job }) => job))}`,
      advice,
    );
  });
}

function some(texts: readonly string[]): string {
  const rest = texts.length - SHOWN;
  return `${texts.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): [K, T[]][] {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups];
}
