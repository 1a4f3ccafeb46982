// What is sent in one turn of the loop goes out in one write, however much of it waited for something else first.
import { createHook } from "node:async_hooks";
import { Socket } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { connectBroker, type Broker } from "../../../../src/shared/io/broker.ts";
import { ensureTopology } from "../../../../src/shared/io/topology.ts";
import { startBroker, type TestBroker } from "../../../lab/broker.ts";

const COUNT = 20;

let server: TestBroker;
let broker: Broker;

beforeAll(async () => {
  server = await startBroker();
  broker = await connectBroker({ url: server.url, identity: "turn-test" });
  await ensureTopology(broker);
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Resolves after as many rounds of microtasks. */
async function afterSome(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await Promise.resolve();
}

it("is written once: subscriptions, publishes and requests", async () => {
  await broker.request("$JS.API.INFO", "", 5_000); // the client subscribes for answers at the first one
  const write = vi.spyOn(Socket.prototype, "write");
  let writes = 0;
  const sent = Array.from({ length: COUNT }, async (_, index) => {
    await afterSome(index);
    using _listening = broker.listen(`mr.cmd.w${index}`, () => undefined);
    const subject = broker.subjects.assign.to(`w${index}`);
    await Promise.all([
      broker.publish(subject, "{}"),
      broker.request("$JS.API.INFO", "", 5_000),
      new Promise<void>((resolve) =>
        setImmediate(() => {
          writes = write.mock.calls.length;
          resolve();
        }),
      ),
    ]);
  });
  await Promise.all(sent);
  write.mockRestore();
  expect(writes).toBe(1);
});

it("ends no turn that has nothing to write", async () => {
  await broker.publish(broker.subjects.assign.to("w"), "{}"); // with it went whatever was still to be sent
  let turns = 0;
  const counting = createHook({
    init: (_id, type) => void (turns += Number(type === "Immediate")),
  });
  counting.enable();
  await broker.publish(broker.subjects.assign.to("w"), "{}");
  counting.disable();
  expect(turns).toBe(1);
});
