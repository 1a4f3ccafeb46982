// Three brokers, one of them killed after the other: row 10 of the fault table.
import { expect, it } from "vitest";

import { inspectBroker } from "../../../src/shared/io/inspect.ts";
import { ask, type JobView } from "../../lab/api.ts";
import { startCluster } from "../../lab/cluster.ts";
import { startLab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { openText } from "../text-stream.ts";
import { openNotebook, openWitness, shell } from "./witness.ts";

it("row 10: each of three brokers killed in turn costs no accepted job, no worker and no output", async () => {
  await using book = await openNotebook();
  await using cluster = await startCluster();
  await using lab = await startLab({ on: cluster, schedulers: 0, workers: [] });
  for (let i = 0; i < 2; i += 1) await lab.addScheduler({ args: ["--replicas=3"] });
  await lab.addWorker({ slots: 4 });
  await using witness = await openWitness(cluster.url);
  const { replicas } = await witness.broker.streamState(witness.broker.subjects.jobs.stream);
  expect(replicas).toBe(3);
  const words = cluster.servers.map((_, i) => `killed-${i}`);
  const long = await lab.submit({
    command: shell(...words.map((word) => `${book.await(word)}; echo ${word}`)),
  });
  await lab.until(long, "running");
  await using follower = await openText(`${lab.url}/v1/jobs/${long}/logs?follow`);

  /** What somebody who restarts brokers in turn waits for, by `millrace doctor`: a copy that lags behind is no quorum. */
  const allCopied = async () => {
    const { streams } = await inspectBroker(witness.broker);
    return (
      streams.length > 0 && streams.every(({ lagging, writable }) => writable && lagging === 0)
    );
  };
  const accepted: string[] = [];
  let count = 0;
  /** One more job, submitted until it is taken: an unknown outcome is settled by the key. */
  const submit = async () => {
    count += 1;
    const key = { "Idempotency-Key": `job ${count}` };
    const spec = { command: shell(book.note("runs")) };
    const taken = async () => {
      const answer = await ask<JobView>(`${lab.url}/v1/jobs`, "POST", spec, key);
      if (answer.status === 202) return answer.body.id;
      expect(answer.status).toBe(503);
      return undefined;
    };
    accepted.push(await until(taken, "a submit to be taken", 60_000));
  };
  for (const [i, server] of cluster.servers.entries()) {
    await submit();
    await server.kill();
    book.say(words[i]!);
    for (let n = 0; n < 5; n += 1) await submit();
    for (const id of accepted) await lab.until(id, "succeeded");
    await server.restart();
    await until(allCopied, "every stream to have three copies again", 60_000);
  }
  expect((await lab.until(long, "succeeded")).attempts).toHaveLength(1);
  const lines = words.map((word) => `${word}\n`).join("");
  expect(await lab.output(long)).toBe(lines);
  expect(await follower.rest()).toBe(lines);
  expect(book.lines().toSorted()).toEqual(accepted.map((id) => `${id} 1 runs`).toSorted());
  expect(await witness.assignedTwice()).toEqual([]);
}, 240_000);
