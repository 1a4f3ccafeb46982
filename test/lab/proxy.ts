// A proxy before a broker: it can fall silent one way or both, as a broken network does, and keep single messages back.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

import { splitFrames, type Frame } from "./nats-frames.ts";

/** As the client sees it: `out` is towards the broker. */
export type Direction = "in" | "out";
export type Judge = (frame: Frame, direction: Direction) => boolean;

export type Proxy = AsyncDisposable & {
  readonly url: string;
  /** Nothing passes these ways any more; connections stay open, and what is sent waits, as in a network that is broken. */
  hold(...directions: Direction[]): void;
  /** Everything passes again, what has waited first. */
  release(): void;
  /** From now on only those messages pass that the judge lets through. */
  filter(judge: Judge): void;
};

/** Starts a proxy on loopback for clients of one broker. */
export async function startProxy(broker: { readonly url: string }): Promise<Proxy> {
  const { hostname, port } = new URL(broker.url);
  const pairs = new Set<Disposable & { adjust(): void }>();
  const held = new Set<Direction>();
  let judge: Judge | undefined;

  function link(client: Socket): void {
    const server = connect({ host: hostname, port: Number(port) });
    const ways = [
      { from: client, to: server, direction: "out" },
      { from: server, to: client, direction: "in" },
    ] as const;
    let over = false;

    function end(): void {
      over = true;
      // a network that is broken does not tell either that the other side is gone
      if (held.size > 0) return;
      client.destroy();
      server.destroy();
      pairs.delete(pair);
    }

    const pair = {
      adjust() {
        for (const { from, direction } of ways)
          if (held.has(direction)) from.pause();
          else from.resume();
        if (over) end();
      },
      [Symbol.dispose]() {
        client.destroy();
        server.destroy();
      },
    };

    for (const { from, to, direction } of ways) {
      const split = splitFrames((frame) => {
        if (judge?.(frame, direction) === false) return;
        if (!to.write(frame.bytes)) from.pause();
      });
      from.on("data", split).on("error", end).on("close", end);
      to.on("drain", pair.adjust);
    }
    pairs.add(pair);
    pair.adjust();
  }

  const listener = createServer({ noDelay: true }, link).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    hold(...directions) {
      for (const direction of directions) held.add(direction);
      for (const pair of pairs) pair.adjust();
    },
    release() {
      held.clear();
      for (const pair of pairs) pair.adjust();
    },
    filter(chosen) {
      judge = chosen;
    },
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) pair[Symbol.dispose]();
      await once(listener.close(), "close");
    },
  };
}
