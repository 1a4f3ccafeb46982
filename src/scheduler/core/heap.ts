// A binary heap that knows where each of its items stands, so that one can be moved or taken out.

export type Heap<T> = {
  readonly size: number;
  /** Adds the item, or moves it to where it belongs now. */
  put(item: T): void;
  peek(): T | undefined;
  delete(item: T): void;
  has(item: T): boolean;
  items(): readonly T[];
};

/** `before(a, b)` says that a comes out first; what it looks at may change only between `delete` and `put`, or right before a `put`. */
export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const places = new Map<T, number>();

  function set(place: number, item: T): void {
    items[place] = item;
    places.set(item, place);
  }

  function up(start: number, item: T): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(item, items[parent] as T)) break;
      set(place, items[parent] as T);
      place = parent;
    }
    set(place, item);
    return place;
  }

  function down(start: number, item: T): void {
    let place = start;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as T, items[child] as T)) child += 1;
      if (!before(items[child] as T, item)) break;
      set(place, items[child] as T);
      place = child;
    }
    set(place, item);
  }

  return {
    get size() {
      return items.length;
    },
    put: (item) => down(up(places.get(item) ?? items.push(item) - 1, item), item),
    peek: () => items[0],
    delete(item) {
      const place = places.get(item);
      if (place === undefined) return;
      places.delete(item);
      const last = items.pop() as T;
      if (last !== item) down(up(place, last), last);
    },
    has: (item) => places.has(item),
    items: () => items,
  };
}
