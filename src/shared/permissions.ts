// What each kind of client may do on the broker: no more than its part needs.
import type { Subjects } from "./subjects.ts";

export type Permissions = {
  publish: readonly string[];
  subscribe: readonly string[];
  /** May answer whoever asks it. */
  responds: boolean;
};

/** Makes and keeps everything, and answers for the others. */
export function schedulerPermissions({ prefix, inboxes }: Subjects): Permissions {
  const buckets = ["workers", "leader", "queues", "config"].map(
    (name) => `$KV.${prefix}_${name}.>`,
  );
  return {
    publish: [
      `${prefix}.>`,
      ...buckets,
      "$JS.API.>",
      "$SYS.REQ.ACCOUNT.PING.CONNZ",
      "$SYS.REQ.SERVER.*.KICK",
    ],
    subscribe: [`${prefix}.>`, inboxes, "$SYS.REQ.USER.AUTH"],
    responds: true,
  };
}

/** Beats under its own name, hears its own commands; writes records and output of whatever job it is given. */
export function workerPermissions(subjects: Subjects, workerId: string): Permissions {
  const { jobs, assign, logs, files, workers, control, ask, inbox } = subjects;
  return {
    publish: [
      workers.key(workerId),
      jobs.record("*"),
      logs.all,
      files.all,
      // never DIRECT.GET: its answers are what a worker stored, on whatever subject it names
      `$JS.API.STREAM.MSG.GET.${files.stream}`,
      `$JS.API.STREAM.MSG.GET.${jobs.stream}`,
      `$JS.API.DIRECT.GET.${assign.stream}.${assign.to(workerId)}`,
      `${ask(workerId)}.*`,
    ],
    subscribe: [assign.commandsOf(workerId), control(workerId), `${inbox(workerId)}.>`],
    responds: true,
  };
}

/** Reads jobs, output and workers; changes nothing, and sees no configuration, which has secrets. */
export function viewerPermissions(subjects: Subjects): Permissions {
  const { jobs, assign, logs, workers, leader, queues, groups, inbox } = subjects;
  const streams = [jobs, assign, logs, workers, leader, queues, groups].map(({ stream }) => stream);
  return {
    publish: [
      "$JS.API.INFO",
      "$JS.API.STREAM.INFO.*",
      ...streams.flatMap((stream) => [
        `$JS.API.STREAM.MSG.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}.>`,
      ]),
    ],
    subscribe: [
      jobs.changed,
      assign.commands,
      logs.live,
      workers.beats,
      leader.changed,
      queues.changed,
      groups.changed,
      `${inbox(VIEWER)}.>`,
    ],
    responds: false,
  };
}

/** The first part of the names of connections that only look. */
export const VIEWER = "viewer";
