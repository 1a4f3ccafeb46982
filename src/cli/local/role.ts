// Keeps one role running: a crash is told and the role started again; an orderly leave is respected.
import type { Writable } from "node:stream";

import { pause } from "../../shared/io/lifecycle.ts";
import { type Child, endText, type ReadyLine, startChild } from "./child.ts";

export type RoleOptions = {
  name: string;
  args: readonly string[];
  /** Arguments of later starts, from what the first one said when it was ready. */
  argsAgain?: (ready: ReadyLine) => readonly string[];
  log: Writable;
  note: (line: string) => void;
};

export type Role = {
  /** What the first start says; rejects when it fails. */
  readonly ready: Promise<ReadyLine>;
  /** Asks it to leave in good order; again, to leave at once. Resolves when it is gone. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;
const RESTART_WAIT_MS = 1_000;
/** After being asked to leave at once. */
const KILL_AFTER_MS = 15_000;

export function keepRunning(options: RoleOptions): Role {
  const { name, args, argsAgain, log, note } = options;
  const stopping = new AbortController();
  let child: Child = startChild(args, log);
  const ready = readyInTime(child);
  const over = ready.then(supervise, () => child.ended);

  async function supervise(said: ReadyLine): Promise<void> {
    for (;;) {
      const ended = await child.ended;
      if (stopping.signal.aborted) return;
      note(`${name} ${endText(ended)}`);
      if (ended.code === 0) return;
      await pause(RESTART_WAIT_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      note(`starting ${name} again`);
      child = startChild(argsAgain?.(said) ?? args, log);
    }
  }

  return {
    ready,
    async stop() {
      if (stopping.signal.aborted) void killLater(child);
      stopping.abort();
      child.signal("SIGTERM");
      await over;
    },
  };
}

async function readyInTime(child: Child): Promise<ReadyLine> {
  const timeout = setTimeout(() => child.signal("SIGKILL"), START_TIMEOUT_MS);
  try {
    return await child.ready;
  } finally {
    clearTimeout(timeout);
  }
}

async function killLater(child: Child): Promise<void> {
  const ended = new AbortController();
  void child.ended.then(() => ended.abort());
  await pause(KILL_AFTER_MS, ended.signal);
  if (!ended.signal.aborted) child.signal("SIGKILL");
}
