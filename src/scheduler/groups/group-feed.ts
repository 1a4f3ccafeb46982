// Keeps an index of groups up to date from their stream and from the board. Every scheduler has one, so that any of them can answer.
import type { Broker } from "../../shared/io/broker.ts";
import { createFeed, type Feed } from "../../shared/io/feed.ts";
import type { Service } from "../../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import { textOf, type Stored } from "../../shared/io/wire.ts";
import { decodeGroup } from "../../shared/group.ts";
import { afterTokens } from "../../shared/subjects.ts";
import type { Board } from "../core/board.ts";
import { createGroupIndex, type GroupIndex } from "./group-index.ts";

export type GroupFeed = Service &
  Pick<Feed, "caughtUp"> & {
    readonly index: GroupIndex;
  };

/** The board is watched from the start: it must not have been fed before. */
export function createGroupFeed(deps: {
  broker: Broker;
  board: Pick<Board, "watch" | "get">;
  log?: Log;
}): GroupFeed {
  const { broker, board, log = silentLog } = deps;
  const { stream, all, changed } = broker.subjects.groups;
  const index = createGroupIndex();

  board.watch("*", ({ id, seq, record, gone }) => {
    if (gone) index.jobGone(id);
    else if (record?.origin?.group !== undefined)
      index.jobChanged(record, seq, board.get(id)?.state ?? record.state);
    else if (record === undefined && index.isChild(id)) {
      const state = board.get(id)?.state;
      if (state !== undefined) index.jobShown(id, state);
    }
  });

  function take(message: Stored): void {
    const id = afterTokens(message.subject, 2);
    if (message.removed) return index.groupGone(id, message.seq);
    const record = decodeGroup(textOf(message));
    if (record?.id === id) index.groupChanged(record, message.seq);
    else
      log.warn(
        { event: "unreadable", subject: message.subject, seq: message.seq },
        "a group could not be read and is ignored",
      );
  }

  const feed = createFeed({
    broker,
    stream,
    source: all,
    listen: changed,
    scope: "stream",
    onMessage: take,
    log,
  });
  return { ...feed, name: "groups", index };
}
