import { expect, it } from "vitest";

import { createSlots, type Slot } from "../../../src/worker/slots.ts";

const never = new AbortController().signal;

it("gives what there is and takes it back by scope", () => {
  const slots = createSlots(2);
  {
    using _one = slots.tryTake(2);
    expect(slots.free).toBe(0);
    expect(slots.tryTake(1)).toBeUndefined();
  }
  expect(slots.free).toBe(2);
});

it("serves those who wait in order, also when a later one would fit", async () => {
  const slots = createSlots(2);
  const first = slots.tryTake(1)!;
  const order: string[] = [];
  const big = slots.take(2, never).then((slot) => (order.push("big"), slot));
  const small = slots.take(1, never).then((slot) => (order.push("small"), slot));
  expect(slots.tryTake(1)).toBeUndefined();
  first[Symbol.dispose]();
  (await big)?.[Symbol.dispose]();
  (await small)?.[Symbol.dispose]();
  expect(order).toEqual(["big", "small"]);
  expect(slots.free).toBe(2);
});

it("lets go of those who give up waiting, and of what never fits", async () => {
  const slots = createSlots(1);
  const held = slots.tryTake(1)!;
  const impatient = new AbortController();
  const waiting = slots.take(1, impatient.signal);
  impatient.abort();
  expect(await waiting).toBeUndefined();
  expect(await slots.take(2, never)).toBeUndefined();
  held[Symbol.dispose]();
  expect(slots.free).toBe(1);
});

it("counts a slot as stuck until what lingers settles", async () => {
  const slots = createSlots(1);
  const slot: Slot = slots.tryTake(1)!;
  let settle!: () => void;
  slot.keepUntil(new Promise<void>((resolve) => (settle = resolve)));
  slot[Symbol.dispose]();
  expect([slots.free, slots.stuck]).toEqual([0, 1]);
  const next = slots.take(1, never);
  settle();
  expect(await next).toBeDefined();
  expect([slots.free, slots.stuck]).toEqual([0, 0]);
});
