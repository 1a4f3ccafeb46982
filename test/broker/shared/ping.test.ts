// What a connection asks while nothing else happens on it.
import { afterEach, expect, test, vi } from "vitest";

import { connectBroker } from "../../../src/shared/io/broker.ts";
import { systemClock } from "../../../src/shared/io/clock.ts";
import { startBroker } from "../../lab/broker.ts";
import { startProxy } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";

afterEach(() => void vi.useRealTimers());

test("who is answered anyway asks nothing; who hears nothing asks, and gives the connection up within nine seconds", async () => {
  await using server = await startBroker();
  await using proxy = await startProxy(server);
  let pings = 0;
  proxy.filter(({ verb }, direction) => {
    if (verb === "PING" && direction === "out") pings += 1;
    return true;
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let mono = 0;
  await using broker = await connectBroker({
    url: proxy.url,
    identity: "ping-test",
    clock: { ...systemClock, mono: () => mono },
  });
  const pass = (ms: number) => {
    mono += ms;
    return vi.advanceTimersByTimeAsync(ms);
  };
  const seen = (count: number) => until(() => pings === count, `${count} pings`);
  pings = 0;

  for (let beat = 0; beat < 4; beat += 1) {
    // also a refusal is an answer
    await expect(broker.publish("nobody.listens", "")).rejects.toMatchObject({
      code: "broker_unavailable",
    });
    await pass(3_000);
  }
  expect(pings).toBe(0);

  await pass(500);
  await seen(1);
  await broker.flush();
  await seen(2);
  expect(broker.isUp()).toBe(true);

  proxy.hold("in");
  await pass(3_500);
  await seen(3);
  await pass(2_750);
  await seen(4);
  expect(broker.isUp()).toBe(true);
  await pass(2_750);
  await until(() => !broker.isUp(), "the connection to be given up");
});
