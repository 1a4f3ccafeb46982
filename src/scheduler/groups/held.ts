// Groups whose next jobs found no room: looked at again soon after something has moved on, and now and then in any case.

export type Held = Disposable & {
  hold(groupId: string): void;
  /** Something has moved on, and there may be room. */
  stir(): void;
};

/** What moves on meanwhile is looked at together. */
const SOON_MS = 25;
/** Rules may have changed. */
const IN_ANY_CASE_MS = 1_000;

export function createHeld(release: (groupId: string) => void): Held {
  const ids = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isSoon = false;

  function releaseAll(): void {
    timer = undefined;
    const all = [...ids];
    ids.clear();
    for (const id of all) release(id);
  }

  function plan(soon: boolean): void {
    if (timer !== undefined && (isSoon || !soon)) return;
    clearTimeout(timer);
    isSoon = soon;
    timer = setTimeout(releaseAll, soon ? SOON_MS : IN_ANY_CASE_MS);
  }

  return {
    hold(groupId) {
      ids.add(groupId);
      plan(false);
    },
    stir() {
      if (ids.size > 0) plan(true);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
