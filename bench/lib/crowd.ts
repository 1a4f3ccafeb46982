// Many registered workers, several to a process: the protocol is the real one, the hosts are few.
import { getJson, until, type Installation } from "./installation.ts";
import { pathIn, startNode } from "./program.ts";

const MOST_HOSTS = 4;

/** How so many workers are shared out among hosts. */
export function shares(workers: number): { first: number; count: number }[] {
  const hosts = Math.min(MOST_HOSTS, workers);
  const firstOf = (host: number) => Math.floor((workers * host) / hosts);
  return Array.from({ length: hosts }, (_, host) => ({
    first: firstOf(host),
    count: firstOf(host + 1) - firstOf(host),
  }));
}

/** Starts so many workers; resolves when the scheduler would give work to each. Disposing lets them leave. */
export async function startCrowd(
  installation: Installation,
  workers: number,
  slotsEach: number,
): Promise<AsyncDisposable> {
  const programs = await Promise.all(
    shares(workers).map(({ count }) =>
      startNode([pathIn("hosts/workers.ts"), installation.nats, String(count), String(slotsEach)]),
    ),
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
