// What the worker that tests of the API play says of itself.
import type { Heartbeat } from "../../../src/shared/messages.ts";

export const WORKER = "tester-abcd1234";

export const heartbeat = (): Heartbeat => ({
  v: 1,
  protocol: 1,
  id: WORKER,
  name: "tester",
  version: "0.0.0",
  pid: 1,
  startedAt: 1_000,
  labels: { os: "linux" },
  slots: { total: 4, free: 4 },
  held: [],
  handlers: ["greet"],
  lastAssign: 0,
  load: [0.5, 0.5, 0.5],
  memory: { totalMb: 1_024, freeMb: 512 },
  uptimeS: 10,
  cordoned: false,
  draining: false,
});
