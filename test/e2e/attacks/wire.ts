// Attacks by what somebody with a worker's key says to the broker.
import { newJob } from "../../../src/shared/job-machine.ts";
import type { AttackLab } from "./attack-lab.ts";

/** Subjects that a worker has no business on. */
export const FORBIDDEN: [name: string, subject: (lab: AttackLab) => string][] = [
  ["its own commands", ({ worker }) => `mr.assign.${worker}`],
  ["another's commands", () => "mr.assign.build-2-abcd1234"],
  ["the commands that others hear", () => "mr.cmd.build-2-abcd1234"],
  ["another's control", () => "mr.ctl.build-2-abcd1234"],
  ["another's heartbeat", () => "$KV.mr_workers.build-2-abcd1234"],
  ["a cancel", ({ job }) => `mr.job.${job}.cancel`],
  ["the lease", () => "$KV.mr_leader.lease"],
  ["a queue", () => "$KV.mr_queues.default"],
  ["a key", () => "$KV.mr_config.api-key.mine"],
  ["its own quarantine", () => "$KV.mr_config.quarantine.build-1"],
  ["a group", () => "mr.group.k3v9x0q2m7c1w8z5b4n6"],
  ["the audit", () => "mr.event.audit.jobs"],
  ["submits", () => "mr.api.submit"],
  ["the streams", () => "$JS.API.STREAM.DELETE.MR_JOBS"],
  ["a consumer", () => "$JS.API.CONSUMER.CREATE.MR_JOBS"],
];

type Rubbish = { subject: string; text: string };

const TEXTS = ["", "no JSON", "null", "[]", '{"v":0}', '{"v":2}', '{"v":1}', "x".repeat(1_000_000)];
const NOBODY = "0".repeat(20);

const RECORD = newJob(NOBODY, { command: ["true"] }, 1);
const BROKEN = [
  { submittedAt: undefined },
  { submittedAt: 1e300 },
  { timeline: [null] },
  { spec: { require: ["!!"] } },
  { attempts: [{ number: 1, worker: ">" }] },
  { state: "running" },
];

/** What can be neither a record, a heartbeat nor output, where a worker may write. */
export const RUBBISH: [name: string, rubbish: (lab: AttackLab) => Rubbish[]][] = [
  ["as a record", () => TEXTS.map((text) => ({ subject: `mr.job.${NOBODY}`, text }))],
  [
    "as records with parts that they cannot have",
    () =>
      BROKEN.map((part) => ({
        subject: `mr.job.${NOBODY}`,
        text: JSON.stringify({ ...RECORD, ...part }),
      })),
  ],
  [
    "as a record of another job",
    ({ job }) => [{ subject: `mr.job.${NOBODY}`, text: JSON.stringify({ v: 1, id: job }) }],
  ],
  ["as output", () => TEXTS.map((text) => ({ subject: `mr.log.${NOBODY}.1`, text }))],
  [
    "as a heartbeat",
    ({ worker }) => TEXTS.map((text) => ({ subject: `$KV.mr_workers.${worker}`, text })),
  ],
];
