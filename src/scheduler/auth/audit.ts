// The audit: who changed what, from where, and how it was answered; kept with the other happenings.
import { decodeHappening, type Happening } from "../../shared/happening.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { createHappenings } from "../../shared/io/happenings.ts";
import { textOf } from "../../shared/io/wire.ts";
import { isName } from "../../shared/names.ts";
import type { Caller } from "./caller.ts";

export type AuditEntry = {
  caller: Caller;
  /** As `POST /v1/jobs/:id/cancel`. */
  route: string;
  path: string;
  status: number;
  /** Address of the caller, or of the proxy before it. */
  from: string;
  requestId: string;
};

export type AuditPage = {
  /** Newest first. */
  entries: { seq: number; happening: Happening }[];
  /** Older ones come before this sequence; absent when there are none. */
  before?: number;
};

export type Audit = {
  tell(entry: AuditEntry): Promise<void>;
  /** The newest entries before a sequence. */
  read(query: { before?: number; limit: number }): Promise<AuditPage>;
};

const KIND = "audit";
/** Sequences of all happenings that are looked through at a time, growing while they hold too few entries. */
const GROWTH = 4;
const MOST_LOOKED_THROUGH = 65_536;

export function createAudit(deps: {
  broker: Pick<Broker, "publish" | "range" | "streamState" | "subjects">;
  clock: Pick<Clock, "now">;
}): Audit {
  const { broker, clock } = deps;
  const { stream, of } = broker.subjects.events;
  const happenings = createHappenings(broker);

  async function between(from: number, end: number): Promise<AuditPage["entries"]> {
    const { messages } = await broker.range(stream, {
      from,
      subject: of(KIND, "*"),
      limit: end - from,
    });
    return messages.flatMap((message) => {
      const happening = message.seq < end ? decodeHappening(textOf(message)) : undefined;
      return happening === undefined ? [] : [{ seq: message.seq, happening }];
    });
  }

  return {
    async tell(entry) {
      await happenings.tell(happeningOf(entry, clock.now()));
    },
    async read({ before, limit }) {
      const { firstSeq, lastSeq } = await broker.streamState(stream);
      const end = Math.min(before ?? Infinity, lastSeq + 1);
      for (let span = 2 * limit; ; span *= GROWTH) {
        const from = Math.max(1, firstSeq, end - span);
        const found = end > from ? await between(from, end) : [];
        const isAll = from <= Math.max(1, firstSeq);
        if (found.length < limit && !isAll && span < MOST_LOOKED_THROUGH) continue;
        const entries = found.slice(-limit).toReversed();
        const oldest = found.length > limit ? entries.at(-1)?.seq : from;
        return (isAll && found.length <= limit) || oldest === undefined
          ? { entries }
          : { entries, before: oldest };
      }
    },
  };
}

function happeningOf({ caller, route, ...rest }: AuditEntry, at: number): Happening {
  const [method = "", path = ""] = route.split(" ");
  const resource = path.split("/")[2] ?? "";
  const { name, by, namespace } = caller;
  return {
    v: 1,
    at,
    kind: KIND,
    name: isName(resource) ? resource : "other",
    what: method.toLowerCase(),
    actor: name,
    detail: { route, ...rest, by, ...(namespace === undefined ? {} : { namespace }) },
  };
}
