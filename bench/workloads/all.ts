// The workloads in their order.
import type { Workload } from "../lib/workload.ts";
import { handlers } from "./f1-handlers.ts";
import { commands } from "./f2-commands.ts";
import { latency } from "./f3-latency.ts";
import { output } from "./f4-output.ts";
import { http } from "./f9-http.ts";

export const WORKLOADS: readonly Workload[] = [handlers, commands, latency, output, http];
