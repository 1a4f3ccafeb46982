// One attempt in the launcher: a running program, its output, its stop, and what is left to clear away when it has ended.
import { setTimeout as sleep } from "node:timers/promises";

import { OutputRelay } from "./output-relay.ts";
import { isGroupAlive, signalGroup } from "./process-group.ts";
import { encodeExit, encodeStarted, encodeStrays } from "./payloads.ts";
import { FRAME, type ExitReport, type FrameType, type SpawnRequest } from "./protocol.ts";
import type { Program } from "./start-program.ts";
import type { Sweeper } from "./sweeper.ts";
import { findTagged, signalTagged } from "./tagged-processes.ts";
import { within } from "./within.ts";

/** A descendant that keeps the pipe open after the program's end has this long before it is killed. */
const DRAIN_MS = 2_000;
/** After that kill, the end of the pipe is a matter of moments or will not come. */
const CUT_MS = 500;
const GROUP_POLL_MS = 50;

type Deps = {
  program: Program;
  request: Pick<SpawnRequest, "tag" | "graceMs">;
  sweeper: Sweeper;
  send(type: FrameType, payload: Uint8Array): void;
  /** Called once, with the attempt's last frame on its way. */
  onOver(): void;
};

/** running → (stopping →) ended → drained → cleared; `kill` is possible in each. */
export class ChildAttempt {
  readonly #deps: Deps;
  readonly #relay: OutputRelay;
  #graceTimer: NodeJS.Timeout | undefined;
  #stopping = false;
  #killed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { program } = deps;
    this.#relay = new OutputRelay(program.stdout, program.stderr, deps.send);
    program.child.once("exit", (code, signal) => void this.#clear(code, signal, Date.now()));
    deps.send(FRAME.started, encodeStarted({ pid: program.pid, at: Date.now() }));
  }

  get pid(): number {
    return this.#deps.program.pid;
  }

  get tag(): string {
    return this.#deps.request.tag;
  }

  credit(bytes: number): void {
    this.#relay.credit(bytes);
  }

  /** TERM to everything of the attempt, KILL to what is left after the grace time. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#graceTimer = setTimeout(() => this.kill(), this.#deps.request.graceMs);
    signalGroup(this.pid, "SIGTERM");
    for (const seen of findTagged((tag) => tag === this.tag))
      if (seen.group !== this.pid) signalTagged(seen, "SIGTERM");
  }

  kill(): void {
    this.#stopping = true;
    this.#killed = true;
    signalGroup(this.pid, "SIGKILL");
  }

  async #clear(code: number | null, signal: string | null, at: number): Promise<void> {
    const stopped = this.#stopping;
    await this.#groupLeft();
    const drained = !this.#killed && (await this.#drained(DRAIN_MS));
    signalGroup(this.pid, "SIGKILL");
    const swept = this.#stopping || !drained;
    const strays = swept ? await this.#sweep(true) : 0;
    if (!(await this.#drained(CUT_MS))) this.#relay.cut();
    clearTimeout(this.#graceTimer); // the group's number may soon be another's
    const ended: ExitReport["ended"] =
      signal === null ? { kind: "exited", code: code ?? 0 } : { kind: "signalled", signal };
    this.#deps.send(FRAME.exited, encodeExit({ ended, at, stopped, strays }));
    this.#deps.onOver();
    if (!swept) await this.#reportLateStrays();
  }

  /** When the attempt is being stopped, members of the group that are still at their own end keep the rest of the grace time. */
  async #groupLeft(): Promise<void> {
    while (this.#stopping && !this.#killed && isGroupAlive(this.pid)) await sleep(GROUP_POLL_MS);
  }

  /** Time in which the worker holds the output back does not count. */
  async #drained(ms: number): Promise<boolean> {
    while (!(await within(this.#relay.drained, ms))) if (!this.#relay.isHeld) return false;
    return true;
  }

  /** A look at all processes for every short attempt would cost more than the attempt: those share one, about once a second. */
  async #reportLateStrays(): Promise<void> {
    const count = await this.#sweep(false);
    if (count > 0) this.#deps.send(FRAME.strays, encodeStrays({ tag: this.tag, count }));
  }

  #sweep(urgent: boolean): Promise<number> {
    return this.#deps.sweeper.sweep({ tag: this.tag, group: this.pid, urgent });
  }
}
