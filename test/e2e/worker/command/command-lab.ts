// One launcher and one directory for the attempts of a file; runs specs to their end and keeps what they print.
import { chmod } from "node:fs/promises";
import { afterAll, beforeAll } from "vitest";

import type { Ending } from "../../../../src/shared/job.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { createCommandRunner } from "../../../../src/worker/command/command.ts";
import {
  startLauncher,
  type Launcher,
  type LauncherKind,
} from "../../../../src/worker/launcher/launcher.ts";
import type { ControlGroups } from "../../../../src/worker/policy/control-groups.ts";
import { OPEN_POLICY, type Policy } from "../../../../src/worker/policy/policy.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";

export type CommandLab = {
  /** Its directory, which other users may pass through. */
  readonly path: string;
  run(
    spec: JobSpec,
    settings?: {
      policy?: Partial<Policy>;
      groups?: Pick<ControlGroups, "open">;
      stop?: AbortSignal;
    },
  ): Promise<Omit<Ending, "output"> & { output: string; tag: string }>;
};

let runs = 0;

/** To be called where tests are described; it stands from the first of them to the last. */
export function useCommandLab(kind: LauncherKind): CommandLab {
  let root: TempDir;
  let launcher: Launcher;
  beforeAll(async () => {
    root = await tempDir();
    await chmod(root.path, 0o711);
    launcher = await startLauncher({ kind });
  });
  afterAll(async () => {
    await launcher[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
  });

  return {
    get path() {
      return root.path;
    },
    async run(spec, { policy, stop = new AbortController().signal, ...groups } = {}) {
      let output = "";
      await using runner = createCommandRunner({
        launcher: () => launcher,
        workRoot: root.path,
        baseEnv: { PATH: "/usr/bin:/bin" },
        workerId: "tester-00000000",
        policy: { ...OPEN_POLICY, ...policy },
        ...groups,
      });
      // processes and groups are found by it on the whole machine
      const id = `job${process.pid}x${(runs += 1)}`;
      const ending = await runner.run({
        record: newJob(id, spec, 0),
        attempt: 1,
        output: { write: (_channel, bytes) => void (output += Buffer.from(bytes).toString()) },
        stop,
        onStarted: () => undefined,
      });
      return { ...ending, output, tag: `${id}.1` };
    },
  };
}
