// A load generator that costs little: the same request over and over, one at a time on each of many connections.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { inParallel } from "./pace.ts";

export type Load = {
  url: string;
  body: string;
  connections: number;
  requests: number;
  /** What an https server is shown, and whom to believe. */
  identity?: { token: string; ca?: Buffer };
};

/** Resolves when every request is answered; throws on an answer that is not 202. */
export async function sendLoad({
  url,
  body,
  connections,
  requests,
  identity,
}: Load): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  const request = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    "Content-Type: application/json",
    ...(identity === undefined ? [] : [`Authorization: Bearer ${identity.token}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
  const sockets = Array.from({ length: connections }, () =>
    identity?.ca === undefined
      ? connect(Number(port), hostname)
      : connectTls({ port: Number(port), host: hostname, ca: identity.ca }),
  );
  const idle = sockets.map(callerOn);
  try {
    await inParallel(requests, connections, async () => {
      const call = idle.pop()!;
      await call(request);
      idle.push(call);
    });
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Sends a request and resolves when its answer is complete. */
function callerOn(socket: Socket): (request: string) => Promise<void> {
  socket.setNoDelay(true);
  let received = "";
  let settle: { resolve(): void; reject(error: Error): void } | undefined;

  function answered(): void {
    const head = received.indexOf("\r\n\r\n");
    if (head < 0 || !isWhole(received, head + 4)) return;
    const status = received.slice(9, 12);
    received = "";
    if (status === "202") settle?.resolve();
    else settle?.reject(new Error(`the server answered ${status}`));
  }

  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    received += text;
    answered();
  });
  socket.on("error", (error) => settle?.reject(error));
  return (request) =>
    new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
      socket.write(request);
    });
}

function isWhole(text: string, bodyFrom: number): boolean {
  const length = /content-length: (\d+)/i.exec(text);
  if (length !== null) return text.length - bodyFrom >= Number(length[1]);
  return text.endsWith("0\r\n\r\n");
}
