// The settings of queues in the broker, and the wish that what waits in one be ended.
import type { PurgeMark } from "../messages.ts";
import type { QueueSettings } from "../queue-settings.ts";
import type { Broker } from "./broker.ts";

export type QueueStore = {
  put(name: string, settings: QueueSettings): Promise<void>;
  /** Ends every job of the queue that is stored now and that no worker has by the time the leader hears of it. */
  purge(name: string, by: { at: number; actor: string }): Promise<void>;
};

export function createQueueStore(
  broker: Pick<Broker, "publish" | "streamState" | "subjects">,
): QueueStore {
  const { jobs, queues } = broker.subjects;
  return {
    async put(name, settings) {
      await broker.publish(queues.key(name), JSON.stringify(settings));
    },
    async purge(name, { at, actor }) {
      const { lastSeq } = await broker.streamState(jobs.stream);
      const mark: PurgeMark = { v: 1, upTo: lastSeq, at, actor };
      await broker.publish(queues.purge(name), JSON.stringify(mark));
    },
  };
}
