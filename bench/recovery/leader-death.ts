// `kill -9` of the leader: how long until a job that is submitted at that instant runs.
import { until } from "../../test/lab/until.ts";
import type { Fleet } from "./fleet.ts";

const NOTE_START = 'echo "placed $MILLRACE_JOB_ID $(date +%s%3N)" >> "$JOURNAL"';

/** Milliseconds from the leader's death to the start of the first job after it; starts the dead scheduler again. */
export async function killLeader(fleet: Fleet): Promise<number> {
  const leader = await fleet.leader();
  const heir = fleet.schedulers.find((one) => one !== leader);
  if (heir === undefined) throw new Error("no other scheduler is left");
  const killedAt = Date.now();
  await leader.process.kill("SIGKILL");
  const job = await fleet.submit(fleet.scriptOf(NOTE_START), heir.id);
  const start = async () =>
    Number((await fleet.journal()).find(([what, id]) => what === "placed" && id === job)?.[2]);
  const startedAt = await until(start, `job ${job} to start`, 60_000);
  await fleet.restartScheduler(leader);
  return startedAt - killedAt;
}
