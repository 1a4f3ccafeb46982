// One attempt as the worker sees it: its output handed on under back-pressure, and its end told once all of that is done.
import type { Launched, LaunchExit, OutputListener } from "./launch.ts";
import { decodeExit, decodeFailure, decodeStarted, encodeCredit } from "./payloads.ts";
import {
  CREDIT_BYTES,
  FRAME,
  type ExitReport,
  type Failure,
  type FrameType,
  type SpawnRequest,
  type Started,
} from "./protocol.ts";
import { reasonOf } from "./refusal.ts";

type Send = (type: FrameType, payload?: Uint8Array) => void;

export class LaunchedAttempt implements Launched {
  readonly started: Promise<Started>;
  readonly exit: Promise<LaunchExit>;
  readonly #request: SpawnRequest;
  readonly #send: Send;
  #listener: OutputListener = () => {};
  #resolveStarted!: (started: Started) => void;
  #resolveExit!: (exit: LaunchExit) => void;
  /** What the listener has not settled yet; at most a window of output. */
  readonly #pending = new Set<Promise<void>>();
  #owedBytes = 0;
  #pid: number | undefined;

  constructor(request: SpawnRequest, send: Send) {
    this.#request = request;
    this.#send = send;
    this.started = new Promise((resolve) => (this.#resolveStarted = resolve));
    this.exit = new Promise((resolve) => (this.#resolveExit = resolve));
  }

  get tag(): string {
    return this.#request.tag;
  }

  /** Known from the start of the program on. */
  get pid(): number | undefined {
    return this.#pid;
  }

  onOutput(listener: OutputListener): void {
    this.#listener = listener;
  }

  stop(): void {
    this.#send(FRAME.stop);
  }

  kill(): void {
    this.#send(FRAME.kill);
  }

  /** True when the frame was the last one of the attempt. */
  receive(type: number, payload: Uint8Array): boolean {
    if (type === FRAME.stdout) this.#takeOutput("stdout", payload);
    else if (type === FRAME.stderr) this.#takeOutput("stderr", payload);
    else if (type === FRAME.started) this.#begin(decodeStarted(payload));
    else if (type === FRAME.exited) this.#endWith(decodeExit(payload));
    else if (type === FRAME.failed) this.#fail(decodeFailure(payload));
    return type === FRAME.exited || type === FRAME.failed;
  }

  /** The launcher is gone and the attempt with it. */
  lose(reason: string): void {
    this.#finish({ kind: "lost", reason, finishedAt: Date.now(), stopped: false });
  }

  /** What was asked cannot be told to any launcher. */
  refuse(code: string, reason: string): void {
    this.#finish({ kind: "spawn_failed", code, reason, finishedAt: Date.now(), stopped: false });
  }

  #begin(started: Started): void {
    this.#pid = started.pid;
    this.#resolveStarted(started);
  }

  #endWith({ ended, at, stopped, strays, usage }: ExitReport): void {
    this.#finish({
      ...ended,
      finishedAt: at,
      stopped,
      ...(strays > 0 && { strays }),
      ...(usage && { usage }),
    });
  }

  #fail(failure: Failure): void {
    const reason = reasonOf(failure, this.#request);
    const { code, at: finishedAt } = failure;
    this.#finish({ kind: "spawn_failed", code, reason, finishedAt, stopped: false });
  }

  #finish(exit: LaunchExit): void {
    void Promise.allSettled(this.#pending).then(() => this.#resolveExit(exit));
  }

  #takeOutput(channel: "stdout" | "stderr", bytes: Uint8Array): void {
    const taken = this.#listener(channel, bytes);
    if (taken === undefined) return this.#consumed(bytes.length);
    // A listener that fails has dealt with the bytes in its own way: they must not hold up the program.
    const settled = taken
      .catch(() => {})
      .then(() => {
        this.#pending.delete(settled);
        this.#consumed(bytes.length);
      });
    this.#pending.add(settled);
  }

  #consumed(bytes: number): void {
    this.#owedBytes += bytes;
    if (this.#owedBytes < CREDIT_BYTES) return;
    this.#send(FRAME.credit, encodeCredit(this.#owedBytes));
    this.#owedBytes = 0;
  }
}
