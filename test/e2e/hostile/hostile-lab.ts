// One installation for all hostile jobs of a file: submitted over HTTP, judged by what the API says and what is left on the host.
import { afterAll, beforeAll, expect } from "vitest";

import { isFinal } from "../../../src/shared/job.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import type { JobView } from "../../lab/api.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { openText } from "../text-stream.ts";
import { openNotebook, untilGone, type Notebook } from "../faults/witness.ts";

export const FULL = process.env["FULL"] === "1";

export type HostileLab = {
  readonly lab: Lab;
  readonly book: Notebook;
  /** Runs the job to its end; nothing of it may be left on the host then. */
  run(spec: JobSpec): Promise<JobView>;
  /** Starts the job, waits for it to say `up`, cancels it; nothing of it may be left on the host then. */
  cancel(spec: JobSpec): Promise<JobView>;
  output(job: JobView, query?: string): Promise<Buffer>;
};

/** To be called once per file; the lab stands during its tests, and must still be of use after all of them. */
export function useHostileLab(): HostileLab {
  let lab: Lab;
  let book: Notebook;
  beforeAll(async () => {
    book = await openNotebook();
    lab = await startLab({ workers: [{ slots: 4 }] });
  });
  afterAll(async () => {
    const last = await lab.submit({ command: ["echo", "still here"], slots: 4 });
    await lab.until(last, "succeeded");
    await lab[Symbol.asyncDispose]();
    await book[Symbol.asyncDispose]();
  });

  async function untilOver(id: string): Promise<JobView> {
    const over = async () => {
      const job = await lab.job(id);
      return isFinal(job.state) ? job : undefined;
    };
    const job = await until(over, `job ${id} to end`, FULL ? 600_000 : 60_000);
    await untilGone(id);
    expect(job.attempts).toHaveLength(1);
    return job;
  }

  return {
    get lab() {
      return lab;
    },
    get book() {
      return book;
    },
    run: async (spec) => untilOver(await lab.submit(spec)),
    async cancel(spec) {
      const id = await lab.submit(spec);
      await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?follow`);
      await follower.until(/up/);
      await lab.call("POST", `/v1/jobs/${id}/cancel`);
      return await untilOver(id);
    },
    async output({ id }, query = "") {
      const response = await fetch(`${lab.url}/v1/jobs/${id}/logs${query}`);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}
