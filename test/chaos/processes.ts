// Finds the processes of a run's jobs on this host, by the journal that stands in their environment.
import { readdirSync, readFileSync } from "node:fs";

import type { ProcessSeen } from "./checker/history.ts";

type Found = Omit<ProcessSeen, "when" | "at" | "kind">;

export function findJobProcesses(journal: string, job?: string): Found[] {
  const mark = `CHAOS_JOURNAL=${journal}`;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid): Found[] => {
      const environ = read(pid, "environ").split("\0");
      if (!environ.includes(mark)) return [];
      const variable = (name: string) =>
        environ.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
      const found: Found = {
        job: variable("MILLRACE_JOB_ID"),
        attempt: Number(variable("MILLRACE_ATTEMPT")),
        pid: Number(pid),
        command: read(pid, "cmdline").replaceAll("\0", " ").trim(),
      };
      return job === undefined || found.job === job ? [found] : [];
    });
}

/** Empty when the process has ended meanwhile. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
