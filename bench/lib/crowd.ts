// Many registered workers, several to a process: the protocol is the real one, the hosts are few.
import { getJson, until, type Installation } from "./installation.ts";
import { pathIn, startNode } from "./program.ts";

const HOSTS = 4;

/** Starts so many workers; resolves when the scheduler would give work to each. Disposing lets them leave. */
export async function startCrowd(
  installation: Installation,
  workers: number,
  slotsEach: number,
): Promise<AsyncDisposable> {
  const hosts = Math.min(HOSTS, workers);
  const programs = await Promise.all(
    Array.from({ length: hosts }, (_, host) => {
      const share = Math.floor(workers / hosts) + (host < workers % hosts ? 1 : 0);
      const args = [installation.nats, String(share), String(slotsEach)];
      return startNode([pathIn("hosts/workers.ts"), ...args]);
    }),
  );
  for (const program of programs) installation.adopt(program);
  await untilReady(installation, workers);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(programs.map((program) => program.end()));
      await untilReady(installation, 0);
    },
  };
}

const untilReady = ({ url }: Installation, workers: number): Promise<void> =>
  until(async () => {
    const { workersBy } = await getJson(url, "/v1/stats");
    return (workersBy as { ready: number }).ready === workers;
  });
