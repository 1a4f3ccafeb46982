// Who is there at the moment, in no particular order.

type Member<T> = { readonly item: T; place: number };

/** For what comes and goes by the thousand each second: a Set would hold on to it, as TurnoverMap tells. */
export class Roster<T> {
  readonly #members: Member<T>[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** It is there until this is disposed, or until it is taken. */
  add(item: T): Disposable {
    const member = { item, place: this.#members.length };
    this.#members.push(member);
    return { [Symbol.dispose]: () => this.#remove(member) };
  }

  /** One of those that are there, which then is not any more. */
  take(): T | undefined {
    return this.#members.pop()?.item;
  }

  /** Those that are there now, whoever comes or goes meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.map(({ item }) => item).values();
  }

  /** The last one moves into its place. */
  #remove(member: Member<T>): void {
    if (this.#members[member.place] !== member) return;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[member.place] = last;
    last.place = member.place;
  }
}
