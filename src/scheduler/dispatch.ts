// Brings placements into the assignment log: many jobs per message, several messages on the way, and none left in doubt.
import { hasCode } from "../shared/errors.ts";
import { deferred, pause } from "../shared/io/lifecycle.ts";
import type { Bodies } from "./bodies.ts";
import type { AssignLog } from "./assign-log.ts";
import { createBell } from "./bell.ts";
import type { Board, Placement } from "./core/board.ts";

export type Dispatch = {
  /** True when more placements can be taken. */
  hasRoom(): boolean;
  /** Sends the placements; each ends as confirmed or is taken back. Bounded by the window; one call at a time. */
  send(placements: Placement[]): Promise<void>;
  /** Rejects when the log is somebody else's, or broken. */
  readonly broken: Promise<never>;
  /** Takes back what is under way: the log itself will tell what was stored. */
  abandon(): void;
};

export type DispatchOptions = {
  board: Pick<Board, "assigned" | "unplace">;
  bodies: Pick<Bodies, "read">;
  log: AssignLog;
  epoch: number;
  /** Largest message in bytes. */
  maxBytes: number;
  /** Placements under way at which no further message is sent; how many messages they take depends on how many workers there are. */
  window: number;
  now(): number;
  signal: AbortSignal;
  /** Room was made. */
  onRoom(): void;
};

type Item = { placement: Placement; text: string };
type Message = { worker: string; items: Placement[]; text: string };
type Sent = Message & { seq: number; stored: Promise<boolean> };

const OVERHEAD = 128;
const RETRY_MS = 250;

export function createDispatch(options: DispatchOptions): Dispatch {
  const { board, bodies, log, epoch, maxBytes, window, now, signal, onRoom } = options;
  const underWay = new Set<Sent>();
  let placedUnderWay = 0;
  const room = createBell(signal);
  const broken = deferred<never>();
  broken.promise.catch(() => undefined);
  let preparing = false;
  let clearing: Promise<void> | undefined;

  function confirm({ items, worker, seq }: Sent): void {
    for (const placement of items) board.assigned(placement, worker, seq, now());
  }

  function launch(message: Message): Sent {
    const sent = { ...message, ...log.append(message.worker, message.text) };
    underWay.add(sent);
    placedUnderWay += sent.items.length;
    return sent;
  }

  function land(sent: Sent): void {
    if (underWay.delete(sent)) placedUnderWay -= sent.items.length;
  }

  function takeBack(placements: Placement[]): void {
    for (const placement of placements) board.unplace(placement);
  }

  async function prepare(placements: Placement[]): Promise<Item[]> {
    const items: Item[] = [];
    try {
      for (const placement of placements) {
        const read = bodies.read(placement.job, placement.seq);
        const text = typeof read === "string" ? read : await read;
        if (text === undefined) takeBack([placement]);
        else items.push({ placement, text });
      }
      return items;
    } catch (error) {
      if (!hasCode(error, "broker_unavailable")) throw error;
      takeBack(placements);
      await pause(RETRY_MS, signal);
      return [];
    }
  }

  /** One message for each worker, more where they would be too large. */
  function pack(items: Item[]): Message[] {
    const prefix = `{"v":1,"epoch":${epoch},"items":[`;
    const messages: Message[] = [];
    const open = new Map<string, { items: Placement[]; parts: string[]; bytes: number }>();
    const close = (worker: string) => {
      const batch = open.get(worker);
      if (batch)
        messages.push({ worker, items: batch.items, text: `${prefix}${batch.parts.join(",")}]}` });
      open.delete(worker);
    };
    for (const { placement, text } of items) {
      const part = `{"attempt":${placement.attempt},"seq":${placement.seq},"record":${text}}`;
      const bytes = Buffer.byteLength(part) + 1;
      if ((open.get(placement.worker)?.bytes ?? 0) + bytes > maxBytes - OVERHEAD)
        close(placement.worker);
      const batch = open.get(placement.worker) ?? { items: [], parts: [], bytes: 0 };
      batch.items.push(placement);
      batch.parts.push(part);
      batch.bytes += bytes;
      open.set(placement.worker, batch);
    }
    for (const worker of open.keys()) close(worker);
    return messages;
  }

  async function follow(sent: Sent): Promise<void> {
    if (await sent.stored) {
      land(sent);
      confirm(sent);
    } else {
      clearing ??= clearUp().finally(() => {
        clearing = undefined;
      });
      await clearing;
    }
    room.ring();
    onRoom();
  }

  /** After a message that is not plainly stored: finds out about it and all that was sent behind it. */
  async function clearUp(): Promise<void> {
    await Promise.all([...underWay].map(({ stored }) => stored));
    await log.fence(signal);
    for (const sent of underWay) {
      if (await log.holds(sent.worker, sent.text, sent.seq)) confirm(sent);
      else takeBack(sent.items);
      land(sent);
    }
  }

  async function transmit(messages: Message[]): Promise<void> {
    for (const message of messages) {
      while (!signal.aborted && (clearing !== undefined || placedUnderWay >= window))
        await room.wait();
      if (signal.aborted) takeBack(message.items);
      else follow(launch(message)).catch(broken.reject);
    }
  }

  return {
    broken: broken.promise,
    hasRoom: () => !preparing && clearing === undefined && placedUnderWay < window,
    async send(placements) {
      preparing = true;
      try {
        await transmit(pack(await prepare(placements)));
      } finally {
        preparing = false;
        onRoom();
      }
    },
    abandon() {
      for (const sent of underWay) {
        takeBack(sent.items);
        land(sent);
      }
      room[Symbol.dispose]();
    },
  };
}
