// A TCP proxy between one program and one broker, which can hold, delay or cut what passes.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { deferred } from "../../../src/shared/io/lifecycle.ts";
import type { Way } from "../plan/faults.ts";

export type Link = AsyncDisposable & {
  readonly url: string;
  /** Nothing passes any more, and nobody is told: as if the cable were pulled. */
  hold(way: Way): void;
  /** What passes arrives so much later. */
  slow(ms: number): void;
  /** Everything is as it should be; what was held arrives now. */
  heal(): void;
  /** Ends all connections; new ones are welcome. */
  reset(): void;
};

type Direction = "out" | "in";

export async function openLink(target: string): Promise<Link> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const held = new Set<Direction>();
  let wake = deferred<void>();
  let slowMs = 0;

  const server = createServer((program) => {
    const broker = connect(Number(port), hostname);
    tie(program, broker);
    void pass(program, broker, "out");
    void pass(broker, program, "in");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  function tie(...pair: [Socket, Socket]): void {
    for (const socket of pair) {
      sockets.add(socket.setNoDelay(true));
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          for (const other of pair) other.destroy();
        });
    }
  }

  async function pass(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
      for await (const bytes of from) {
        while (held.has(direction)) await wake.promise;
        if (slowMs > 0) await delay(slowMs);
        if (!to.write(bytes as Uint8Array)) await once(to, "drain");
      }
    } catch {
      // the connection ended on one side or the other; the other one ends with it
    }
  }

  function heal(): void {
    held.clear();
    slowMs = 0;
    wake.resolve();
    wake = deferred<void>();
  }

  function reset(): void {
    for (const socket of sockets) socket.destroy();
  }

  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(way) {
      for (const direction of ["out", "in"] as const)
        if (way === "both" || way === direction) held.add(direction);
    },
    slow: (ms) => void (slowMs = ms),
    heal,
    reset,
    async [Symbol.asyncDispose]() {
      heal();
      reset();
      await once(server.close(), "close");
    },
  };
}
