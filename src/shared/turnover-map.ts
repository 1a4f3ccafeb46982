// A map for entries that come and go by the thousand each second.

/**
 * A Map that has dropped entries moves into a new table now and then, and V8 lets the old table go, with all that it still
 * names, only in a full collection: every value would outlive its use, be copied twice and fill the old generation.
 * Here the Map names numbers, and the values stand in an array that forgets them at once.
 */
export class TurnoverMap<K, V> {
  readonly #places = new Map<K, number>();
  readonly #values: (V | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }

  get(key: K): V | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  set(key: K, value: V): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#values.length;
      this.#places.set(key, place);
    }
    this.#values[place] = value;
  }

  /** False when there was none. */
  delete(key: K): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#values[place] = undefined;
    this.#free.push(place);
    return true;
  }

  clear(): void {
    this.#places.clear();
    this.#values.length = 0;
    this.#free.length = 0;
  }

  /** In the order in which their keys came; entries may be deleted meanwhile. */
  *values(): Generator<V> {
    for (const place of this.#places.values()) yield this.#values[place] as V;
  }
}
