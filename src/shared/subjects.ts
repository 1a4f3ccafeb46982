// Every subject, stream and bucket of an installation, below its prefix.
//
// mr.job.<job>                 the job's record            stream MR_JOBS    republished to mr.changed.<job>
// mr.job.<job>.cancel          somebody wants it to end    stream MR_JOBS    republished to mr.changed.<job>.cancel
// mr.assign.<worker>           start commands, by leader   stream MR_ASSIGN  republished to mr.cmd.<worker>
// mr.assign.epoch              a new leader's first word   stream MR_ASSIGN  republished to mr.cmd.epoch
// mr.log.<job>.<attempt>       output chunks               stream MR_LOGS    republished to mr.live.<job>.<attempt>
// mr.ctl.<worker>              stop, cordon, drain, ping   core request, answered by the worker
// mr.api.submit                new jobs, many at once     core request, answered by one of the schedulers
// mr.ask.<worker>.<read>       reads of its commands       core request, answered by a scheduler
// mr.ask.<worker>.bundle       what a bundle's name means  core request, answered by a scheduler
// $KV.mr_workers.<worker>      heartbeat                   bucket mr_workers republished to mr.beat.<worker>
// $KV.mr_leader.lease          who leads, and its epoch    bucket mr_leader  republished to mr.lease.lease
// $KV.mr_queues.<queue>        settings of a queue         bucket mr_queues  republished to mr.queue.<queue>
// $KV.mr_queues.<queue>.purge  up to where it was emptied  bucket mr_queues  republished to mr.queue.<queue>.purge
// $KV.mr_config.<kind>.<name>  definitions, schedules, …   bucket mr_config  republished to mr.config.<kind>.<name>
// mr.group.<group>             a group's plan and fate     stream MR_GROUPS  republished to mr.grouped.<group>
// mr.file.<digits>             what makes pieces a file    stream MR_FILES
// mr.file.<digits>.<upload>.<n>  its pieces                stream MR_FILES
// mr.event.<kind>.<name>       what happened, and why      stream MR_EVENTS  republished to mr.told.<kind>.<name>
//
// Listen to the republished subjects only: a stream's own subject also shows what the stream refused.
import { MillraceError } from "./errors.ts";
import { isPrefix } from "./names.ts";

export type Subjects = ReturnType<typeof createSubjects>;

export const DEFAULT_PREFIX = "mr";

export function createSubjects(prefix: string = DEFAULT_PREFIX) {
  if (!isPrefix(prefix))
    throw new MillraceError(
      "invalid_config",
      `The prefix "${prefix}" must be 1-16 lower-case letters and digits, starting with a letter.`,
    );
  const upper = prefix.toUpperCase();
  return {
    prefix,
    jobs: {
      stream: `${upper}_JOBS`,
      record: (jobId: string) => `${prefix}.job.${jobId}`,
      cancel: (jobId: string) => `${prefix}.job.${jobId}.cancel`,
      all: `${prefix}.job.>`,
      changed: `${prefix}.changed.>`,
      changedOf: (jobId: string) => `${prefix}.changed.${jobId}`,
    },
    assign: {
      stream: `${upper}_ASSIGN`,
      to: (workerId: string) => `${prefix}.assign.${workerId}`,
      epoch: `${prefix}.assign.epoch`,
      all: `${prefix}.assign.>`,
      commands: `${prefix}.cmd.>`,
      commandsOf: (workerId: string) => `${prefix}.cmd.${workerId}`,
    },
    logs: {
      stream: `${upper}_LOGS`,
      of: (jobId: string, attempt: number) => `${prefix}.log.${jobId}.${attempt}`,
      all: `${prefix}.log.>`,
      live: `${prefix}.live.>`,
      liveOf: (jobId: string, attempt: number) => `${prefix}.live.${jobId}.${attempt}`,
    },
    workers: {
      bucket: `${prefix}_workers`,
      stream: `KV_${prefix}_workers`,
      key: (workerId: string) => `$KV.${prefix}_workers.${workerId}`,
      all: `$KV.${prefix}_workers.>`,
      beats: `${prefix}.beat.>`,
    },
    leader: {
      bucket: `${prefix}_leader`,
      stream: `KV_${prefix}_leader`,
      key: `$KV.${prefix}_leader.lease`,
      all: `$KV.${prefix}_leader.>`,
      changed: `${prefix}.lease.>`,
    },
    queues: {
      bucket: `${prefix}_queues`,
      stream: `KV_${prefix}_queues`,
      key: (queue: string) => `$KV.${prefix}_queues.${queue}`,
      purge: (queue: string) => `$KV.${prefix}_queues.${queue}.purge`,
      all: `$KV.${prefix}_queues.>`,
      changed: `${prefix}.queue.>`,
    },
    config: {
      bucket: `${prefix}_config`,
      stream: `KV_${prefix}_config`,
      key: (kind: string, name: string) => `$KV.${prefix}_config.${kind}.${name}`,
      all: `$KV.${prefix}_config.>`,
      changed: `${prefix}.config.>`,
    },
    groups: {
      stream: `${upper}_GROUPS`,
      record: (groupId: string) => `${prefix}.group.${groupId}`,
      all: `${prefix}.group.>`,
      changed: `${prefix}.grouped.>`,
    },
    events: {
      stream: `${upper}_EVENTS`,
      of: (kind: string, name: string) => `${prefix}.event.${kind}.${name}`,
      all: `${prefix}.event.>`,
      told: `${prefix}.told.>`,
    },
    files: {
      stream: `${upper}_FILES`,
      record: (digits: string) => `${prefix}.file.${digits}`,
      records: `${prefix}.file.*`,
      piece: (digits: string, upload: string, index: number) =>
        `${prefix}.file.${digits}.${upload}.${index}`,
      pieces: (digits: string, upload: string) => `${prefix}.file.${digits}.${upload}.*`,
      firstPieces: `${prefix}.file.*.*.0`,
      all: `${prefix}.file.>`,
    },
    /** Where schedulers take jobs from callers on the broker. */
    submit: `${prefix}.api.submit`,
    control: (workerId: string) => `${prefix}.ctl.${workerId}`,
    ask: (workerId: string) => `${prefix}.ask.${workerId}`,
    asked: `${prefix}.ask.*.*`,
    askedBundles: `${prefix}.ask.*.bundle`,
    inbox: (identity: string) => `_INBOX_${prefix}.${identity}`,
    inboxes: `_INBOX_${prefix}.>`,
  };
}

/** The part of a subject after its first `count` tokens: `lastToken("mr.changed.abc", 2)` is "abc". */
export function afterTokens(subject: string, count: number): string {
  let from = 0;
  for (let skipped = 0; skipped < count; skipped += 1) from = subject.indexOf(".", from) + 1;
  return subject.slice(from);
}
