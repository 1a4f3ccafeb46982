// Asks a server for its totals and its clock.
import type { Api } from "../../client/api.ts";
import type { Stats, WorkerView } from "../views.ts";
import type { ServerFacts } from "./facts.ts";

export async function askServer(api: Api): Promise<ServerFacts> {
  const { value: stats, headers } = await api.exchange<Stats>("/v1/stats");
  const theirs = Date.parse(headers.date ?? "");
  // the header counts whole seconds
  const aheadMs = Number.isNaN(theirs) ? 0 : Math.trunc((theirs - Date.now()) / 1_000) * 1_000;
  const { workers } = await api.call<{ workers: WorkerView[] }>("/v1/workers");
  const quarantined = workers.filter(({ quarantine }) => quarantine !== undefined);
  return { url: api.url, aheadMs, stats, quarantined };
}
