// Around a run: what of the job is too large for its record is fetched before, and what the run leaves is stored after.
import type { ArtifactLimits } from "../../shared/artifact.ts";
import { lowerLimits } from "../../shared/artifact.ts";
import { hasCode } from "../../shared/errors.ts";
import { threw } from "../../shared/handler-ending.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { bringBack, storeText } from "../../shared/io/large-values.ts";
import type { Log } from "../../shared/io/log.ts";
import type { JobRecord } from "../../shared/job.ts";
import { INLINE_BYTES } from "../../shared/reference.ts";
import type { BoxedRequest, RunRequest } from "../run-request.ts";
import type { Runner } from "../runner.ts";
import type { RunEnd } from "../verdict.ts";
import { createArtifactBox, type ArtifactBox } from "./artifact-box.ts";

/** Programs run as `owner`, if it is given. */
export function withFiles(
  runner: Runner<BoxedRequest>,
  deps: {
    files: Pick<FileStore, "put" | "renew" | "read">;
    limits: ArtifactLimits;
    owner: number | undefined;
    log: Log;
  },
): Runner {
  const { files, limits, owner, log } = deps;

  async function whole({ record, stop }: RunRequest): Promise<JobRecord | RunEnd> {
    try {
      return await bringBack(files, record, { signal: stop.signal });
    } catch (error) {
      log.warn({ event: "value_not_fetched", job: record.id, error }, "a value is not to be had");
      const reason = `What it is to be given cannot be fetched: ${(error as Error).message}`;
      return hasCode(error, "broker_unavailable")
        ? { kind: "not_started", reason }
        : { kind: "ended", ending: { outcome: "spawn_failed", reason } };
    }
  }

  /** The end with a large result where the record can name it. */
  async function recordable(end: RunEnd, { stop }: RunRequest): Promise<RunEnd> {
    if (end.kind !== "ended" || end.ending.result === undefined) return end;
    const { result, ...ending } = end.ending;
    const text = JSON.stringify(result);
    if (Buffer.byteLength(text) <= INLINE_BYTES) return end;
    try {
      const patience = { patienceMs: Infinity, signal: stop.signal };
      return { ...end, ending: { ...ending, resultAt: await storeText(files, text, patience) } };
    } catch (error) {
      if (hasCode(error, "broker_unavailable"))
        return { kind: "lost", reason: "The worker left before the result was stored." };
      return { ...end, ending: threw(error) };
    }
  }

  return {
    async run(request) {
      // most attempts have nothing large and leave nothing: they pay for neither
      const record =
        request.record.references === undefined ? request.record : await whole(request);
      if ("kind" in record) return record;
      const artifacts = boxOnDemand(() =>
        createArtifactBox({
          files,
          limits: lowerLimits(limits, record.spec.artifactLimits),
          owner,
          signal: () => request.stop.signal,
          log,
        }),
      );
      const end = await recordable(await runner.run({ ...request, record, artifacts }), request);
      const left = await artifacts.close();
      if (end.kind !== "ended" || left === undefined) return end;
      return { ...end, ending: { ...end.ending, artifacts: left } };
    },
  };
}

/** Made when something is put into it; what comes after the end is then left out. */
function boxOnDemand(make: () => ArtifactBox): ArtifactBox {
  let made: ArtifactBox | undefined;
  let isClosed = false;

  function box(): ArtifactBox {
    made ??= make();
    if (isClosed) void made.close();
    return made;
  }

  return {
    add: async (path, content) => box().add(path, content),
    collect: async (dir, patterns, except) => box().collect(dir, patterns, except),
    async close() {
      isClosed = true;
      return made?.close();
    },
  };
}
