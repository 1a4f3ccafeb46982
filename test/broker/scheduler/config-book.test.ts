// Configuration entries: changed by compare-and-set, and known to every book that follows them.
import { afterAll, expect, it } from "vitest";

import { createConfigBook } from "../../../src/scheduler/config-book.ts";
import { connectBroker } from "../../../src/shared/io/broker.ts";
import { createConfigStore } from "../../../src/shared/io/config-store.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

const server = await startBroker();
const broker = await connectBroker({ url: server.url, identity: "test" });
await ensureTopology(broker);
const stop = new AbortController();
const book = createConfigBook({ broker });
const colours = book.shelf("colour", (text) =>
  text.startsWith('"') ? String(JSON.parse(text)) : undefined,
);
const running = book.feed.run(stop.signal);
const store = createConfigStore<string>(broker, "colour", (text) => String(JSON.parse(text)));

afterAll(async () => {
  stop.abort();
  await running;
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

it("is changed only by who has seen what stands there", async () => {
  const first = await store.put("sky", "blue", 0);
  await expect(store.put("sky", "red", 0)).rejects.toMatchObject({ code: "lost_race" });
  const second = await store.put("sky", "red", first);
  await expect(store.remove("sky", first)).rejects.toMatchObject({ code: "lost_race" });
  await store.remove("sky", second);
  expect(await store.read("sky")).toBeUndefined();
  expect(await store.put("sky", "grey", 0)).toBeGreaterThan(second);
});

it("tells every book, also of what is removed, and leaves out what cannot be read", async () => {
  const told: (string | undefined)[] = [];
  using _watch = colours.watch((name, entry) => {
    if (name === "leaf") told.push(entry?.value);
  });
  const revision = await store.put("leaf", "green");
  await broker.publish(broker.subjects.config.key("colour", "unreadable"), "7");
  await broker.publish(broker.subjects.config.key("shape", "leaf"), '"round"');
  await until(() => told.length === 1, "the book knows the leaf");
  expect(colours.get("leaf")).toEqual({ name: "leaf", value: "green", revision });
  await store.remove("leaf", revision);
  await until(() => told.length === 2, "the book has forgotten it");
  expect(told).toEqual(["green", undefined]);
  expect(colours.entries().map(({ name }) => name)).toEqual(["sky"]);
});
