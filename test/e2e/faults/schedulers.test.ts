// Two schedulers: killing the one that leads costs no job, and a job submitted many times over both is one job.
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { ask, type JobView, type Stats } from "../../lab/api.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";

/** Submits one job after the other to the schedulers in turn until told to stop; those that were accepted. */
function startSubmitting(lab: Lab) {
  const accepted: string[] = [];
  let stopped = false;
  async function submit(): Promise<string[]> {
    for (let i = 0; !stopped; i += 1) {
      const { url } = lab.schedulers[i % lab.schedulers.length]!;
      const job = { command: ["sh", "-c", "echo $MILLRACE_JOB_ID"] };
      // a request to a dead scheduler was not accepted
      const answer = await ask<JobView>(`${url}/v1/jobs`, "POST", job).catch(() => undefined);
      if (answer?.status === 202) accepted.push(answer.body.id);
      await delay(20); // many, but not as many as possible
    }
    return accepted;
  }
  const done = submit();
  return {
    accepted,
    stop() {
      stopped = true;
      return done;
    },
  };
}

describe.concurrent("the death of the leader", () => {
  it("costs no job, and another one places them", { timeout: 180_000 }, async () => {
    await using dir = await tempDir();
    await using lab = await startLab({ schedulers: 2 });
    const script = `while ! [ -e ${dir.path}/go ]; do sleep 0.1; done; echo survived`;
    const running = await lab.submit({ command: ["sh", "-c", script] });
    await lab.until(running, "running");
    const submitting = startSubmitting(lab);
    await until(() => submitting.accepted.length > 20, "the first jobs", 60_000);

    const before = await lab.leader();
    const { leader: old } = await lab.call<Stats>("GET", "/v1/stats");
    await before.kill("SIGKILL");
    const after = await lab.leader();
    expect(after).not.toBe(before);
    const { leader } = await lab.call<Stats>("GET", "/v1/stats");
    expect(leader!.epoch).toBeGreaterThan(old!.epoch);
    const counted = submitting.accepted.length;
    await until(() => submitting.accepted.length > counted + 20, "more jobs", 60_000);

    for (const id of await submitting.stop()) {
      const job = await lab.until(id, "succeeded");
      expect(job.attempts).toHaveLength(1);
      expect(await lab.output(id)).toBe(`${id}\n`);
    }
    expect((await lab.job(running)).state).toBe("running");
    await writeFile(`${dir.path}/go`, "");
    expect((await lab.until(running, "succeeded")).attempts).toHaveLength(1);
    expect(await lab.output(running)).toBe("survived\n");
  });

  it("is nothing that the next start does not mend", { timeout: 180_000 }, async () => {
    await using lab = await startLab();
    const running = await lab.submit({ command: ["sleep", "600"] });
    await lab.until(running, "running");
    const waiting = await lab.submit({ command: ["true"], require: ["zone=late"] });
    await lab.schedulers[0]!.kill("SIGKILL");

    await lab.addScheduler();
    expect((await lab.job(running)).state).toBe("running");
    await lab.addWorker({ name: "late", labels: { zone: "late" } });
    await lab.until(waiting, "succeeded");
    await lab.call("POST", `/v1/jobs/${running}/cancel`);
    expect((await lab.until(running, "cancelled")).attempts).toHaveLength(1);
  });
});

describe.concurrent("the same idempotency key", () => {
  it("a hundred times at once over both schedulers is one job", async () => {
    await using lab = await startLab({ schedulers: 2 });
    const submit = (index: number, command: string[]) =>
      ask<JobView & Problem>(
        `${lab.schedulers[index % 2]!.url}/v1/jobs`,
        "POST",
        { command },
        {
          "Idempotency-Key": "only once",
        },
      );
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => submit(index, ["echo", "once"])),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const fresh = answers.filter(({ headers }) => !headers.has("Idempotent-Replayed"));
    expect(fresh).toHaveLength(1);

    const id = answers[0]!.body.id;
    await lab.until(id, "succeeded");
    expect(await lab.output(id)).toBe("once\n");
    const { jobs } = await lab.call<{ jobs: JobView[] }>("GET", "/v1/jobs");
    expect(jobs.map((job) => [job.id, job.attempts.length])).toEqual([[id, 1]]);

    const other = await submit(1, ["echo", "something else"]);
    expect(other).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
  });
});
