// Plays histories one after the other and fails with the seeds of those that broke the contract.
import { expect } from "vitest";

import { simulate, type Finding } from "./simulate.ts";

/** Every seed of the range that differs from the first by a multiple of `step`. A warning by Node, as of listeners that pile up, fails too. */
export async function expectCleanHistories(first: number, count: number, step = 1): Promise<void> {
  const broken: string[] = [];
  const heed = ({ message }: Error) => broken.push(`Node warned: ${message}`);
  process.on("warning", heed);
  for (let seed = first; seed < first + count * step; seed += step) {
    const { findings } = await simulate(seed);
    if (findings.length > 0) broken.push(tell(seed, findings));
  }
  process.off("warning", heed);
  expect(broken).toEqual([]);
}

const tell = (seed: number, findings: readonly Finding[]): string =>
  [
    `seed ${seed}:`,
    ...findings.map(({ invariant, why, job = "" }) => `${invariant} ${job}: ${why}`),
  ].join("\n  ");
