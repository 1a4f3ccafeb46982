// What attempts write right now: one subscription per attempt, however many follow it.
//
// Followers take from the newest items kept here while they keep up; who fell behind reads the stream instead.
import type { Broker } from "../../shared/io/broker.ts";
import { itemOf, type LogItem } from "./entry.ts";

export type Live = Disposable & {
  /** The items after a stream sequence; undefined when they are not all here and must be read from the stream. */
  after(seq: number): readonly LogItem[] | undefined;
};

export type LiveHub = {
  /** `onChange` is called when there may be more to take or to read. */
  join(job: string, attempt: number, onChange: () => void): Live;
};

export type LiveLimits = { attemptBytes: number; totalBytes: number };

/** The newest of one attempt. */
type Recent = Disposable & {
  listeners: Set<() => void>;
  items: LogItem[];
  bytes: number;
  /** Every item after this sequence is here; unknown until the first message. */
  from: number | undefined;
};

const DEFAULT_LIMITS: LiveLimits = { attemptBytes: 8_388_608, totalBytes: 67_108_864 };
const MOST_ITEMS = 1_024;

export function createLiveHub(
  broker: Pick<Broker, "subjects" | "listen" | "onUp">,
  limits: LiveLimits = DEFAULT_LIMITS,
): LiveHub {
  const followed = new Map<string, Recent>();
  let totalBytes = 0;

  function dropOldest(recent: Recent): void {
    const oldest = recent.items.shift();
    if (oldest === undefined) return;
    recent.from = oldest.seq;
    recent.bytes -= oldest.size;
    totalBytes -= oldest.size;
  }

  function forget(recent: Recent): void {
    while (recent.items.length > 0) dropOldest(recent);
    recent.from = undefined;
  }

  const isFull = ({ items, bytes }: Recent): boolean =>
    items.length > MOST_ITEMS || bytes > limits.attemptBytes || totalBytes > limits.totalBytes;

  function add(recent: Recent, item: LogItem): void {
    const newest = recent.items.at(-1)?.seq;
    if (newest !== item.previous) {
      forget(recent);
      recent.from = item.previous;
    }
    recent.items.push(item);
    recent.bytes += item.size;
    totalBytes += item.size;
    while (recent.items.length > 1 && isFull(recent)) dropOldest(recent);
  }

  function open(job: string, attempt: number): Recent {
    const listeners = new Set<() => void>();
    const notify = () => {
      for (const listener of listeners) listener();
    };
    const listening = broker.listen(broker.subjects.logs.liveOf(job, attempt), (stored) => {
      const item = itemOf(job, attempt, stored);
      if (item !== undefined) add(recent, item);
      notify();
    });
    const reconnected = broker.onUp(() => {
      forget(recent);
      notify();
    });
    const recent: Recent = {
      listeners,
      items: [],
      bytes: 0,
      from: undefined,
      [Symbol.dispose]() {
        listening[Symbol.dispose]();
        reconnected[Symbol.dispose]();
        forget(recent);
      },
    };
    return recent;
  }

  return {
    join(job, attempt, onChange) {
      const key = `${job}.${attempt}`;
      const recent = followed.get(key) ?? open(job, attempt);
      followed.set(key, recent);
      // each follower its own, also when two bring the same function
      const listener = () => onChange();
      recent.listeners.add(listener);
      return {
        after: (seq) => itemsAfter(recent, seq),
        [Symbol.dispose]() {
          recent.listeners.delete(listener);
          if (recent.listeners.size > 0 || followed.get(key) !== recent) return;
          followed.delete(key);
          recent[Symbol.dispose]();
        },
      };
    },
  };
}

function itemsAfter({ items, from }: Recent, seq: number): readonly LogItem[] | undefined {
  if (from === undefined || seq < from) return undefined;
  let begin = items.length;
  while (begin > 0 && items[begin - 1]!.seq > seq) begin -= 1;
  return items.slice(begin);
}
