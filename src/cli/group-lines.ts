// A group in words: as a row of a list, and in full.
import type { GroupView } from "../scheduler/http/group-view.ts";
import { age, printable, shortDuration } from "./display.ts";
import type { Listing } from "./listing.ts";

export const GROUPS: Listing<GroupView> = {
  columns: ["ID", "STATE", "NAME", "AGE", "TOOK", "DONE", "FAILED"],
  row: (group, now) => [
    group.id,
    group.state,
    group.name ?? "-",
    age(group.submittedAt, now),
    took(group, now),
    `${group.progress.succeeded}/${group.progress.total}`,
    String(group.progress.failed + group.progress.expired),
  ],
};

/** Everything about a group, line by line. */
export function describeGroup(group: GroupView, now: number): string {
  const { definition, reason, retries } = group;
  const facts: [string, string | undefined][] = [
    ["id", group.id],
    ["state", group.state],
    ["name", group.name],
    ["definition", definition && `${definition.name}, version ${definition.version}`],
    ["submitted", `${group.submittedAt} (${age(group.submittedAt, now)} ago)`],
    ["took", took(group, now)],
    ["retries", retries > 0 ? String(retries) : undefined],
    ["cancel", group.cancelRequested ? "requested" : undefined],
    ["reason", reason],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [line(name, value)])),
    ...group.members.map(({ name, state, progress }) => line(name, `${state}${counts(progress)}`)),
  ].join("\n");
}

function counts({ total, succeeded, failed, expired, running, queued }: GroupView["progress"]) {
  if (total <= 1) return "";
  const parts = [
    `${succeeded} of ${total} succeeded`,
    failed + expired > 0 ? `${failed + expired} failed` : undefined,
    running > 0 ? `${running} running` : undefined,
    queued > 0 ? `${queued} queued` : undefined,
  ];
  return `, ${parts.filter((part) => part !== undefined).join(", ")}`;
}

const line = (name: string, value: string): string => `${name.padEnd(11)} ${printable(value)}`;

function took({ startedAt, finishedAt }: GroupView, now: number): string {
  if (startedAt === undefined) return "-";
  const end = finishedAt === undefined ? now : Date.parse(finishedAt);
  return shortDuration(Math.max(0, end - Date.parse(startedAt)));
}
