// The log of happenings: appended by whoever acts, read back newest first.
import { decodeHappening, type Happening } from "../happening.ts";
import type { Broker } from "./broker.ts";
import { textOf } from "./wire.ts";

export type Happenings = {
  /** Appends, and resolves to the sequence it is stored at. `once` names the happening: told again within two minutes under the same name, it is kept once. */
  tell(happening: Happening, once?: string): Promise<number>;
  /** Happenings of one thing after a sequence, oldest first, with the sequence that each was stored at. */
  read(
    kind: string,
    name: string,
    from: { after: number; limit: number },
  ): Promise<{ seq: number; happening: Happening }[]>;
};

export function createHappenings(
  broker: Pick<Broker, "publish" | "range" | "subjects">,
): Happenings {
  const { stream, of } = broker.subjects.events;
  return {
    async tell(happening, once) {
      const { seq } = await broker.publish(
        of(happening.kind, happening.name),
        JSON.stringify(happening),
        once === undefined ? {} : { headers: { "Nats-Msg-Id": once } },
      );
      return seq;
    },
    async read(kind, name, { after, limit }) {
      const { messages } = await broker.range(stream, {
        from: after + 1,
        subject: of(kind, name),
        limit,
      });
      return messages.flatMap((message) => {
        const happening = decodeHappening(textOf(message));
        return happening === undefined ? [] : [{ seq: message.seq, happening }];
      });
    },
  };
}
