// The launcher's table of attempts: turns the worker's frames into programs, signals and input.
import { TurnoverMap } from "../../shared/turnover-map.ts";
import { ChildAttempt } from "./child-attempt.ts";
import type { FrameLink } from "./frame-link.ts";
import { decodeCredit, decodeSpawn, encodeFailure } from "./payloads.ts";
import { createPipePool } from "./pipes.ts";
import type { Refusal } from "./program-file.ts";
import { FRAME, type SpawnRequest } from "./protocol.ts";
import { startProgram } from "./start-program.ts";
import { createSweeper } from "./sweeper.ts";

type AttemptTable = {
  receive(type: number, attempt: number, payload: Uint8Array): void;
  /** Kills every attempt with all that belongs to it. */
  killAll(): Promise<void>;
};

export function createAttemptTable(link: () => FrameLink): AttemptTable {
  const attempts = new TurnoverMap<number, ChildAttempt>();
  const pipes = createPipePool();
  const sweeper = createSweeper();

  async function start(attempt: number, request: SpawnRequest): Promise<void> {
    const program = startProgram(request, pipes);
    if (!("child" in program)) return fail(attempt, await program);
    const child = new ChildAttempt({
      program,
      request,
      sweeper,
      send: (type, payload) => link().send(type, attempt, payload),
      onOver: () => void attempts.delete(attempt),
    });
    attempts.set(attempt, child);
  }

  function fail(attempt: number, refusal: Refusal): void {
    link().send(FRAME.failed, attempt, encodeFailure({ ...refusal, at: Date.now() }));
  }

  return {
    receive(type, attempt, payload) {
      if (type === FRAME.spawn) return void start(attempt, decodeSpawn(payload));
      // An attempt that is over has nothing to be told.
      const child = attempts.get(attempt);
      if (type === FRAME.stop) child?.stop();
      else if (type === FRAME.kill) child?.kill();
      else if (type === FRAME.credit) child?.credit(decodeCredit(payload));
    },

    async killAll() {
      const all = [...attempts.values()];
      for (const attempt of all) attempt.kill();
      for (const { tag, pid } of all) void sweeper.sweep({ tag, group: pid, urgent: true });
      await sweeper.hurry();
    },
  };
}
