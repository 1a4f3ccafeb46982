// A program that is started before its broker.
import { expect, test } from "vitest";

import { connectBroker } from "../../../src/shared/io/broker.ts";
import { freePorts } from "../../lab/ports.ts";
import { spawnServer } from "../../lab/spawned-broker.ts";

const identity = "first-test";

test("a broker that comes late is waited for, one that does not come in time is told", async () => {
  const [port] = await freePorts(1);
  const url = `nats://127.0.0.1:${port}`;
  const unavailable = { code: "broker_unavailable", message: expect.stringContaining(url) };
  await expect(connectBroker({ url, identity })).rejects.toMatchObject(unavailable);
  await expect(connectBroker({ url, identity, patienceMs: 600 })).rejects.toMatchObject(
    unavailable,
  );
  const stopped = { patienceMs: 60_000, signal: AbortSignal.timeout(100) };
  await expect(connectBroker({ url, identity, ...stopped })).rejects.toMatchObject(unavailable);

  const connecting = connectBroker({ url, identity, patienceMs: 60_000 });
  await using _server = await spawnServer({ port });
  await using broker = await connecting;
  expect(broker.isUp()).toBe(true);
});
