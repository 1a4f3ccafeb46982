// What is asked of the history: every order and filter of jobs and of runs, beginnings, middles and nothing found.
import { JOB_SORTS } from "../../src/scheduler/core/job-list.ts";
import { RUN_SORTS } from "../../src/scheduler/definitions/search-runs.ts";
import { DEFINITION, queueName, RARE_EXIT, team, workerId } from "./past.ts";

/** `pages`: how many pages further the page that counts lies. */
export type Question = { path: string; pages?: number };

/** With every order; what many, few and no job passes. */
const JOB_FILTERS = [
  "",
  "state=failed",
  "state=expired",
  `queue=${queueName(3)}`,
  `definition=${DEFINITION}`,
  "definition=none",
  `label=${encodeURIComponent(`team=${team(7)}`)}`,
  "label=run%3D500",
  "label=none",
  `worker=${workerId(9)}`,
  "worker=nobody-00000000",
  "handler=none",
  "exitCode=0",
  `exitCode=${RARE_EXIT}`,
  "exitCode=200",
  "from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z",
  `state=succeeded&queue=${queueName(0)}&label=run%3D500`,
];

const RUN_FILTERS = [
  "",
  "state=failed",
  "state=expired",
  `label=${encodeURIComponent(`team=${team(7)}`)}`,
  "label=none",
  "worker=host-9",
  "worker=nobody",
  `exitCode=${RARE_EXIT}`,
  "exitCode=200",
  "from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z",
];

const inEach = (base: string, sorts: readonly string[], filters: readonly string[]): Question[] =>
  sorts.flatMap((sort) =>
    filters.map((filter) => ({
      path: `${base}?limit=50&sort=${sort}${filter === "" ? "" : `&${filter}`}`,
    })),
  );

export const QUESTIONS: readonly Question[] = [
  ...inEach("/v1/jobs", JOB_SORTS, JOB_FILTERS),
  ...JOB_SORTS.map((sort) => ({ path: `/v1/jobs?limit=200&sort=${sort}`, pages: 20 })),
  ...inEach(`/v1/definitions/${DEFINITION}/runs`, RUN_SORTS, RUN_FILTERS),
  ...RUN_SORTS.map((sort) => ({
    path: `/v1/definitions/${DEFINITION}/runs?limit=200&sort=${sort}`,
    pages: 20,
  })),
  { path: `/v1/definitions/${DEFINITION}` },
  { path: "/v1/dead-letters?limit=50" },
  { path: "/v1/stats" },
];
