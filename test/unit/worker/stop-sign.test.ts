import { expect, test } from "vitest";

import { StopSign } from "../../../src/worker/stop-sign.ts";

test("the first reason counts, for those who listen and for the signal", () => {
  const sign = new StopSign<string>();
  const heard: (string | undefined)[] = [];
  const { signal } = sign;
  sign.onRaised(() => heard.push(sign.reason));
  sign.raise("cancelled");
  sign.raise("drain");
  expect(heard).toEqual(["cancelled"]);
  expect(sign.isRaised).toBe(true);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBe("cancelled");
});

test("who comes late is told at once", () => {
  const sign = new StopSign<string>();
  sign.raise("drain");
  let calls = 0;
  sign.onRaised(() => (calls += 1));
  expect(calls).toBe(1);
  expect(sign.signal.reason).toBe("drain");
});

test("who does not listen any more is not told", () => {
  const sign = new StopSign<string>();
  let calls = 0;
  sign.onRaised(() => (calls += 1))[Symbol.dispose]();
  sign.raise("drain");
  expect(calls).toBe(0);
});

test("those who stay are told, once each, whoever leaves before or while they are told", () => {
  const sign = new StopSign<string>();
  const heard: string[] = [];
  const left = sign.onRaised(() => heard.push("left"));
  const both = ["a", "b"].map((name) =>
    sign.onRaised(() => {
      heard.push(name);
      for (const listening of both) listening[Symbol.dispose]();
    }),
  );
  sign.onRaised(() => heard.push("c"));
  left[Symbol.dispose]();
  left[Symbol.dispose]();
  sign.raise("drain");
  expect(heard.filter((name) => name === "c")).toHaveLength(1);
  expect(heard).toHaveLength(2);
});

test("a sign follows a signal, also one that aborted before", () => {
  const control = new AbortController();
  const sign = StopSign.of(control.signal);
  expect(sign.isRaised).toBe(false);
  control.abort("over");
  expect([sign.reason, StopSign.of(control.signal).reason]).toEqual(["over", "over"]);
});
