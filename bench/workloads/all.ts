// The workloads in their order.
import type { Workload } from "../lib/workload.ts";
import { handlers } from "./f1-handlers.ts";
import { commands } from "./f2-commands.ts";
import { latency } from "./f3-latency.ts";
import { output } from "./f4-output.ts";
import { replay } from "./f5-replay.ts";
import { backlog } from "./f6-backlog.ts";
import { workers } from "./f7-workers.ts";
import { followers } from "./f8-followers.ts";
import { http } from "./f9-http.ts";
import { growth } from "./f10-growth.ts";

export const WORKLOADS: readonly Workload[] = [
  handlers,
  commands,
  latency,
  output,
  replay,
  backlog,
  workers,
  followers,
  http,
  growth,
];
