// Answers what is asked on the worker's control subject: stop, cordon, drain, ping.
import type { Broker } from "../shared/io/broker.ts";
import { aborted, type Service } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import { decodeControl, type ControlReply, type ControlRequest } from "../shared/messages.ts";
import type { Attempts } from "./attempts.ts";
import type { Duty } from "./duty.ts";

export function createControl(deps: {
  broker: Pick<Broker, "serve" | "subjects">;
  workerId: string;
  attempts: Pick<Attempts, "stop" | "count">;
  duty: Duty;
  /** Told when an assignment may have been missed. */
  onMissed(): void;
  log: Log;
}): Service {
  const { broker, workerId, attempts, duty, onMissed, log } = deps;

  async function answer(text: string): Promise<string> {
    const request = decodeControl(text);
    log.info({ event: "control", request }, "asked by the scheduler");
    const problem = request === undefined ? "This is no request that I understand." : act(request);
    const reply: ControlReply =
      problem === undefined ? { ok: true, held: attempts.count } : { ok: false, reason: problem };
    return JSON.stringify(reply);
  }

  /** Why it could not be done; undefined when it was. */
  function act(request: ControlRequest): string | undefined {
    switch (request.type) {
      case "stop":
        return attempts.stop(request.job, request.attempt, request.why)
          ? undefined
          : "This worker does not have the attempt.";
      case "cordon":
        duty.cordon(request.cordoned);
        return undefined;
      case "drain":
        duty.drain(request.timeoutMs);
        return undefined;
      case "catch_up":
        onMissed();
        return undefined;
      case "ping":
        return undefined;
    }
  }

  return {
    name: "control",
    async run(signal) {
      using _serving = broker.serve(broker.subjects.control(workerId), answer);
      await aborted(signal);
    },
  };
}
