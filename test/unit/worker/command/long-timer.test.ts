import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { startTimer } from "../../../../src/worker/command/long-timer.ts";

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("fires after 100 days, not at once", () => {
  const fire = vi.fn<() => void>();
  using _timer = startTimer(100 * DAY_MS, fire);
  vi.advanceTimersByTime(100 * DAY_MS - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledOnce();
});

test("does not fire once disposed", () => {
  const fire = vi.fn<() => void>();
  startTimer(10, fire)[Symbol.dispose]();
  vi.advanceTimersByTime(20);
  expect(fire).not.toHaveBeenCalled();
});
