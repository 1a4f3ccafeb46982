// The launcher process: starts programs for one worker and takes all of them with it when the worker goes.
import { Socket } from "node:net";

import { createAttemptTable } from "./attempts.ts";
import { linkFrames, type FrameLink } from "./frame-link.ts";
import { closeInheritedFiles } from "./inherited-files.ts";
import { FRAME } from "./protocol.ts";

closeInheritedFiles();

// A service supervisor signals every process of the unit: when to end is the worker's word alone.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});

const table = createAttemptTable(() => link);

async function leave(broken?: Error): Promise<void> {
  await table.killAll();
  if (broken === undefined) process.exit(0);
  process.stderr.write(
    `launcher: the worker sent what is no frame of this protocol (${broken.message})\n`,
  );
  process.exit(1);
}

// Not process.stdout: its writes would block the launcher while the worker is busy.
const link: FrameLink = linkFrames(
  new Socket({ fd: 0, readable: true, writable: false }),
  new Socket({ fd: 1, readable: false, writable: true }),
  table.receive,
  (broken) => void leave(broken),
);
link.send(FRAME.ready, 0);
