// How many messages with placements are under way at once.
import { expect, test } from "vitest";

import { createDispatch, type Dispatch } from "../../../src/scheduler/dispatch.ts";
import type { Placement } from "../../../src/scheduler/core/board.ts";
import { deferred, type Deferred } from "../../../src/shared/io/lifecycle.ts";

/** A log whose answers the test gives. */
function open(window: number) {
  const answers: Deferred<boolean>[] = [];
  const assigned: string[] = [];
  const dispatch: Dispatch = createDispatch({
    board: { assigned: ({ job }) => void assigned.push(job), unplace: () => undefined },
    bodies: { read: () => "{}" },
    log: {
      fence: () => Promise.resolve(),
      append() {
        const answer = deferred<boolean>();
        answers.push(answer);
        return { seq: answers.length, stored: answer.promise };
      },
      holds: () => Promise.resolve(true),
    },
    epoch: 1,
    maxBytes: 1_000_000,
    window,
    now: () => 0,
    signal: new AbortController().signal,
    onRoom: () => undefined,
  });
  return { dispatch, answers, assigned };
}

const placements = (count: number, worker: (index: number) => string): Placement[] =>
  Array.from({ length: count }, (_, index) => ({
    job: `job${index}`,
    attempt: 1,
    seq: index + 1,
    worker: worker(index),
  }));

test("jobs for as many workers go out together, as far as the window reaches, before the first is answered", async () => {
  const { dispatch, answers, assigned } = open(100);
  await dispatch.send(placements(90, (index) => `w${index}`));
  expect(answers).toHaveLength(90);
  expect(dispatch.hasRoom()).toBe(true);
  const more = dispatch.send(placements(20, (index) => `v${index}`));
  await Promise.resolve();
  expect(answers).toHaveLength(100);
  for (const answer of answers.slice(0, 10)) answer.resolve(true);
  await more;
  expect(answers).toHaveLength(110);
  expect(assigned).toHaveLength(10);
});

test("jobs for one worker share a message and count all the same", async () => {
  const { dispatch, answers, assigned } = open(100);
  await dispatch.send(placements(100, () => "w"));
  expect(answers).toHaveLength(1);
  expect(dispatch.hasRoom()).toBe(false);
  answers[0]?.resolve(true);
  await expect.poll(() => dispatch.hasRoom()).toBe(true);
  expect(assigned).toHaveLength(100);
});
