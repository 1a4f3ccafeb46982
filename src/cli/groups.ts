// What the commands do with groups on a server.
import { randomUUID } from "node:crypto";

import { isOverGroup } from "../shared/group-state.ts";
import type { GroupView } from "../scheduler/http/group-view.ts";
import type { Api } from "../client/api.ts";

const WAIT_S = 60;

/** Path of a group; whatever was typed stays one segment of it. */
export const groupPath = (id: string): string => `/v1/groups/${encodeURIComponent(id)}`;

export function submitGroup(
  api: Api,
  body: unknown,
  key: string = randomUUID(),
): Promise<GroupView> {
  return api.call<GroupView>("/v1/groups", {
    method: "POST",
    body,
    headers: { "idempotency-key": key },
  });
}

export async function awaitGroupEnd(api: Api, id: string): Promise<GroupView> {
  for (;;) {
    const group = await api.call<GroupView>(groupPath(id), {
      query: { wait: `${WAIT_S}s` },
      timeoutMs: (WAIT_S + 15) * 1_000,
    });
    if (isOverGroup(group.state)) return group;
  }
}
