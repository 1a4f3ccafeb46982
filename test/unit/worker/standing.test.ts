import { expect, it } from "vitest";

import { PRESENCE } from "../../../src/shared/messages.ts";
import { createStanding } from "../../../src/worker/standing.ts";

function standingAt(start: number) {
  const time = { mono: start };
  const standing = createStanding({ now: () => 0, mono: () => time.mono });
  return { time, standing };
}

it("has no doubts before it was ever heard, nor while it is heard", () => {
  const { time, standing } = standingAt(0);
  expect(standing.isDoubtful()).toBe(false);
  for (time.mono = 0; time.mono < 60_000; time.mono += PRESENCE.beatMs) {
    standing.confirm(time.mono);
    expect(standing.isDoubtful()).toBe(false);
  }
});

it("doubts after a silence, and for a while after it is heard again", () => {
  const { time, standing } = standingAt(0);
  standing.confirm(0);
  time.mono = PRESENCE.lostAfterMs + 1;
  expect(standing.isDoubtful()).toBe(true);
  standing.confirm(time.mono);
  expect(standing.isDoubtful()).toBe(true);
  time.mono += PRESENCE.lostAfterMs - 1;
  standing.confirm(time.mono);
  expect(standing.isDoubtful()).toBe(true);
  time.mono += 1;
  expect(standing.isDoubtful()).toBe(false);
});

it("counts from the sending of a heartbeat, not from its late confirmation", () => {
  const { time, standing } = standingAt(0);
  standing.confirm(0);
  time.mono = 60_000; // frozen while the second heartbeat was under way
  standing.confirm(3_000);
  expect(standing.confirmedAt).toBe(3_000);
  expect(standing.isDoubtful()).toBe(true);
});
