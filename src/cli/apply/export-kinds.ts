// What the server has, as documents that `apply` reads.
import type { Api } from "../../client/api.ts";
import { MillraceError } from "../../shared/errors.ts";
import { KINDS, type Kind } from "./kinds.ts";
import type { Standing } from "./plan.ts";
import { RESOURCES, type Document } from "./resources.ts";
import { standingOf } from "./server.ts";

/** `given` are names of kinds in one or several; none means all. Throws `invalid_spec` for one that is none. */
export async function exportKinds(server: Api, given: readonly string[]): Promise<Document[]> {
  const kinds = given.length === 0 ? KINDS : given.map(kindOf);
  const standing = await Promise.all(kinds.map((kind) => standingOf(server, kind)));
  return standing.flat().map(documentOf);
}

function kindOf(text: string): Kind {
  const kind = KINDS.find((one) => one.toLowerCase() === text.toLowerCase().replace(/s$/, ""));
  if (kind !== undefined) return kind;
  throw new MillraceError("invalid_spec", `${text} is none of ${KINDS.join(", ")}.`);
}

function documentOf({ kind, name, spec, etag }: Standing): Document {
  const revision = Number(etag?.replaceAll('"', ""));
  return {
    kind,
    name,
    ...(RESOURCES[kind].isRevised && Number.isSafeInteger(revision) ? { revision } : {}),
    spec,
  };
}
