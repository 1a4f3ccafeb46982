// What the server has of a kind, and how a change is carried out there, on the condition that nobody was faster.
import type { Api } from "../../client/api.ts";
import type { Kind } from "./kinds.ts";
import type { Change, Standing } from "./plan.ts";
import { RESOURCES } from "./resources.ts";

type View = Readonly<Record<string, unknown>> & { name: string };

/** Everything of a kind, with the ETags that changes are conditional on. */
export async function standingOf(api: Api, kind: Kind): Promise<Standing[]> {
  const { path, specIn, isRevised } = RESOURCES[kind];
  const { [path]: views = [] } = await api.call<Record<string, View[]>>(`/v1/${path}`);
  return Promise.all(
    views.map(async (view) => {
      if (!isRevised) return { kind, name: view.name, spec: specIn(view) };
      const { value, headers } = await api.exchange<View>(`/v1/${path}/${view.name}`);
      return { kind, name: view.name, spec: specIn(value), etag: headers.etag };
    }),
  );
}

/** Throws `precondition_failed` when somebody changed it since `standingOf`. */
export async function carryOut(
  api: Api,
  { what, kind, name, before, after }: Change,
): Promise<void> {
  if (what === "unchanged" || what === "conflict") return;
  const { path, isRevised } = RESOURCES[kind];
  const headers: Record<string, string> = !isRevised
    ? {}
    : before?.etag === undefined
      ? { "if-none-match": "*" }
      : { "if-match": before.etag };
  await api.call(`/v1/${path}/${encodeURIComponent(name)}`, {
    method: what === "remove" ? "DELETE" : "PUT",
    headers,
    ...(what === "remove" ? {} : { body: after?.spec }),
  });
}
