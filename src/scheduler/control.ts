// Asks workers over the broker.
import { MillraceError } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import type { ControlReply, ControlRequest } from "../shared/messages.ts";

const ANSWER_MS = 3_000;

export type Control = (workerId: string, request: ControlRequest) => Promise<ControlReply>;

/** The function throws `worker_unreachable` when there is no answer in time, or none that can be read. */
export function createControl(broker: Pick<Broker, "request" | "subjects">): Control {
  return async (workerId, request) => {
    const answer = await broker.request(
      broker.subjects.control(workerId),
      JSON.stringify(request),
      ANSWER_MS,
    );
    try {
      return JSON.parse(answer) as ControlReply;
    } catch (error) {
      throw new MillraceError(
        "worker_unreachable",
        `Worker ${workerId} gave an answer that cannot be read.`,
        { cause: error },
      );
    }
  };
}
