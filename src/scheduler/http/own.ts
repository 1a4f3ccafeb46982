// What belongs to the namespace of whoever asks. Callers without one have the installation's own.
import type { Context } from "hono";

import { namespaceOf, scopedName } from "../../shared/scoped-name.ts";
import type { HttpEnv } from "./env.ts";

/** The name under which the caller's namespace keeps it. */
export const ownName = (c: Context<HttpEnv>, { name }: { name: string }): string =>
  scopedName(name, c.get("caller").namespace);

/** True for an entry that belongs to the caller's namespace. */
export const isOwn = (c: Context<HttpEnv>, { name }: { name: string }): boolean =>
  namespaceOf(name) === c.get("caller").namespace;
