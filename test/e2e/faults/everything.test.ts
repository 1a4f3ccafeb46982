// Everything is killed at once: row 27 of the fault table.
import { expect, it } from "vitest";

import { startLab } from "../../lab/lab.ts";
import { openNotebook, openWitness, shell, untilGone } from "./witness.ts";

const ORDERS = [
  ["broker", "worker", "scheduler"],
  ["broker", "scheduler", "worker"],
] as const;

it.concurrent.each(ORDERS)(
  "row 27: kill -9 of everything at once, then %s, %s, %s again: all jobs end",
  async (...order) => {
    await using book = await openNotebook();
    await using lab = await startLab({ schedulers: 2, workers: [{ name: "a" }, { name: "b" }] });
    const jobs: string[] = [];
    for (let n = 0; n < 4; n += 1)
      jobs.push(
        await lab.submit({
          command: shell(
            book.note("starts"),
            "[ $MILLRACE_ATTEMPT -gt 1 ] || sleep 600",
            "echo end",
          ),
        }),
      );
    for (const id of jobs) await lab.until(id, "running");
    const waiting = await lab.submit({ command: shell(book.note("starts"), "echo end") });
    const unwanted = jobs.pop()!;
    await lab.call("POST", `/v1/jobs/${unwanted}/cancel`);
    for (const { pid } of [...lab.workers, ...lab.schedulers]) process.kill(pid, "SIGKILL");
    await lab.broker.kill();
    await Promise.all([...lab.workers, ...lab.schedulers].map(({ exited }) => exited));

    const start = {
      broker: () => lab.broker.restart(),
      scheduler: () => lab.addScheduler(),
      worker: () => lab.addWorker({ name: "a", slots: 4 }),
    };
    for (const what of order) await start[what]();
    await using witness = await openWitness(lab.broker.url);
    for (const id of [...jobs, waiting]) {
      await lab.until(id, "succeeded");
      expect(await lab.output(id)).toBe("end\n");
    }
    await lab.until(unwanted, "cancelled");
    await untilGone(unwanted, ...jobs);
    expect(await witness.assignedTwice()).toEqual([]);
    for (const id of jobs)
      expect(book.lines().filter((line) => line.startsWith(id))).toEqual([
        `${id} 1 starts`,
        `${id} 2 starts`,
      ]);
  },
  120_000,
);
