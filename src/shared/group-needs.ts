// Who waits for whom: cycles are found before anything is accepted.

type Node = {
  readonly name: string;
  readonly needs?: readonly { readonly member: string }[] | undefined;
};

/** Names of members that wait for each other in a ring, in the order of waiting; undefined when there is none. */
export function firstCycle(members: readonly Node[]): string[] | undefined {
  const byName = new Map(members.map((member) => [member.name, member]));
  const sound = new Set<string>();

  function follow(name: string, path: readonly string[]): string[] | undefined {
    if (sound.has(name)) return undefined;
    const start = path.indexOf(name);
    if (start >= 0) return path.slice(start);
    for (const need of byName.get(name)?.needs ?? []) {
      const cycle = follow(need.member, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    sound.add(name);
    return undefined;
  }

  for (const { name } of members) {
    const cycle = follow(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
