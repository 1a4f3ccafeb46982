// Where definitions are stored, changed and removed: by compare-and-set, with a version that counts the changes.
import { isDeepStrictEqual } from "node:util";

import type { Definition, StoredDefinition } from "../../shared/definition.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { plainName } from "../../shared/scoped-name.ts";
import { insist, requireExpected, type Expected } from "../expected.ts";
import { requireSchema } from "./parameters.ts";
import { noDefinition } from "./start-run.ts";

export type Entry = Revised<StoredDefinition>;

/** Names are scoped, see `scoped-name.ts`. */
export type DefinitionDesk = {
  read(name: string): Promise<Entry | undefined>;
  /** Stores it unless it says the same as what is there. Throws `precondition_failed`, and `invalid_spec` for parameters that are no schema. */
  put(
    name: string,
    definition: Definition,
    actor: string,
    expected: Expected,
  ): Promise<{ entry: Entry; what: "created" | "changed" | "unchanged" }>;
  /** Its runs stay. Throws `definition_not_found`, `precondition_failed`. */
  remove(name: string, actor: string, expected: Expected): Promise<void>;
};

export function createDefinitionDesk(deps: {
  entries: ConfigStore<StoredDefinition>;
  clock: Clock;
  tell: Happenings["tell"];
}): DefinitionDesk {
  const { entries, clock, tell } = deps;

  async function told(name: string, what: string, actor: string, version: number): Promise<void> {
    const at = clock.now();
    await tell({ v: 1, at, kind: "definition", name, what, actor, detail: { version } });
  }

  return {
    read: (name) => entries.read(name),
    put: (name, definition, actor, expected) =>
      insist(async () => {
        requireSchema(definition.parameters);
        const found = await entries.read(name);
        requireExpected(`definition ${plainName(name)}`, found, expected);
        if (found !== undefined && isDeepStrictEqual(found.value.definition, definition))
          return { entry: found, what: "unchanged" };
        const version = (found?.value.version ?? 0) + 1;
        const value: StoredDefinition = {
          v: 1,
          version,
          updatedAt: clock.now(),
          updatedBy: actor,
          definition,
        };
        const revision = await entries.put(name, value, found?.revision ?? 0);
        const what = found === undefined ? "created" : "changed";
        await told(name, what, actor, version);
        return { entry: { name, value, revision }, what };
      }),
    remove: (name, actor, expected) =>
      insist(async () => {
        const found = await entries.read(name);
        if (found === undefined) throw noDefinition(name);
        requireExpected(`definition ${plainName(name)}`, found, expected);
        await entries.remove(name, found.revision);
        await told(name, "removed", actor, found.value.version);
      }),
  };
}
