// Kills what outlives an attempt: repeated passes over the tagged processes, shared by all attempts that wait for one.
import { findTagged, signalTagged, type TaggedProcess } from "./tagged-processes.ts";

/** A child born while its parent was looked at escapes one pass, not two. */
const EMPTY_PASSES = 2;
/** Something that respawns faster than it is killed must not hold an attempt for ever. */
const MAX_PASSES = 100;
const URGENT_GAP_MS = 5;
const RELAXED_GAP_MS = 1_000;
/** Relaxed passes take at most this share of the time. */
const RELAXED_SHARE = 0.05;

type Search = {
  group: number;
  urgent: boolean;
  passes: number;
  emptyPasses: number;
  /** Identities of the killed processes that had left the group. */
  strays: Set<string>;
  waiting: ((strays: number) => void)[];
};

export type Sweeper = {
  /**
   * Kills every process with the tag until two passes in a row find none. Resolves with the number of those that were
   * outside `group`. Urgent: at once; otherwise within about a second, in one pass for all attempts that ended meanwhile.
   */
  sweep(target: { tag: string; group: number; urgent: boolean }): Promise<number>;
  /** Makes every pending sweep urgent; resolves when all are done. */
  hurry(): Promise<void>;
};

export function createSweeper(): Sweeper {
  const searches = new Map<string, Search>();
  let timer: NodeJS.Timeout | undefined;
  let timerIsUrgent = false;
  let relaxedGapMs = RELAXED_GAP_MS;

  function schedule(): void {
    const urgent = [...searches.values()].some((search) => search.urgent);
    if (searches.size === 0 || (timer !== undefined && (timerIsUrgent || !urgent))) return;
    clearTimeout(timer);
    timerIsUrgent = urgent;
    timer = setTimeout(pass, urgent ? URGENT_GAP_MS : relaxedGapMs);
  }

  function pass(): void {
    timer = undefined;
    const startedAt = performance.now();
    const found = findTagged((tag) => searches.has(tag));
    for (const [tag, search] of searches) {
      killFound(
        search,
        found.filter((seen) => seen.tag === tag),
      );
      if (search.emptyPasses < EMPTY_PASSES && search.passes < MAX_PASSES) continue;
      searches.delete(tag);
      for (const finish of search.waiting) finish(search.strays.size);
    }
    relaxedGapMs = Math.max(RELAXED_GAP_MS, (performance.now() - startedAt) / RELAXED_SHARE);
    schedule();
  }

  const sweep: Sweeper["sweep"] = ({ tag, group, urgent }) =>
    new Promise((finish) => {
      const search = searches.get(tag) ?? {
        group,
        urgent,
        passes: 0,
        emptyPasses: 0,
        strays: new Set(),
        waiting: [],
      };
      search.urgent ||= urgent;
      search.waiting.push(finish);
      searches.set(tag, search);
      schedule();
    });

  async function hurry(): Promise<void> {
    await Promise.all([...searches].map(([tag, { group }]) => sweep({ tag, group, urgent: true })));
  }

  return { sweep, hurry };
}

function killFound(search: Search, found: TaggedProcess[]): void {
  search.passes += 1;
  search.emptyPasses = found.length === 0 ? search.emptyPasses + 1 : 0;
  for (const seen of found) {
    signalTagged(seen, "SIGKILL");
    if (seen.group !== search.group) search.strays.add(`${seen.pid} ${seen.startTime}`);
  }
}
