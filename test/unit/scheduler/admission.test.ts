// Whether a queue takes one more job.
import { expect, test } from "vitest";

import { createAdmission } from "../../../src/scheduler/admission.ts";
import type { QueueSettings } from "../../../src/shared/queue-settings.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { createStage } from "./core/facts.ts";

const spec: JobSpec = { command: ["true"] };

function stageWith(settings: Partial<QueueSettings>) {
  const stage = createStage();
  stage.board.queueChanged("default", { paused: false, ...settings });
  return { stage, admission: createAdmission(stage.board) };
}

test("a queue says what holds for jobs that do not say themselves", () => {
  const { admission } = stageWith({
    defaults: { priority: 7, timeout: "1m", retry: { attempts: 3 } },
  });
  expect(admission.complete({ ...spec, timeout: "5s" })).toEqual({
    command: ["true"],
    priority: 7,
    timeout: "5s",
    retry: { attempts: 3 },
  });
  expect(admission.complete({ ...spec, queue: "other" })).toEqual({ ...spec, queue: "other" });
});

test("a bounded queue counts what waits and what is on its way to it", () => {
  const { stage, admission } = stageWith({ maxQueued: 2 });
  stage.submit("waits");
  const place = admission.admit(spec, undefined);
  const refused = expect.objectContaining({ code: "queue_full", retryAfterS: 5, field: "queue" });
  expect(() => admission.admit(spec, undefined)).toThrow(refused);
  place?.[Symbol.dispose]();
  admission.admit(spec, undefined)?.[Symbol.dispose]();
  expect(() => admission.requireRoom([spec, spec])).toThrow(refused);
  admission.requireRoom([spec, { ...spec, queue: "other" }]);
  expect(admission.admit({ ...spec, queue: "other" }, undefined)).toBeUndefined();
});

test("a key of which enough jobs are unfinished is refused where the queue says so, each namespace for itself", () => {
  const { stage, admission } = stageWith({ perKey: { limit: 2, whenBusy: "reject" } });
  stage.submit("one", { key: "k" });
  const keyed = { ...spec, key: "k" };
  const place = admission.admit(keyed, undefined);
  const refused = expect.objectContaining({ code: "key_busy", field: "key" });
  expect(() => admission.admit(keyed, undefined)).toThrow(refused);
  place?.[Symbol.dispose]();
  stage.submit("two", { key: "k" });
  expect(() => admission.admit(keyed, undefined)).toThrow(/one, two/);
  admission.admit(keyed, "tenant")?.[Symbol.dispose]();
  admission.admit({ ...spec, key: "other" }, undefined)?.[Symbol.dispose]();
});
