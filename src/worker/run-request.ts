// What is asked of whatever runs an attempt, be it a program or a function.
import type { Session } from "../shared/handler.ts";
import type { JobRecord } from "../shared/job.ts";
import type { Progress } from "../shared/messages.ts";
import type { ArtifactBox } from "./artifacts/artifact-box.ts";
import type { OutputSink } from "./output/sink.ts";
import type { StopSign } from "./stop-sign.ts";
import type { StopReason } from "./verdict.ts";

export type RunRequest = {
  record: JobRecord;
  attempt: number;
  /** That of the reservation that the job runs in. */
  session?: Session;
  output: Pick<OutputSink, "write">;
  stop: StopSign<StopReason>;
  /** To be asked right before it runs: false when the time that went by may have given it to another worker, or it is to end. */
  mayStart(): boolean | Promise<boolean>;
  /** Called once, with epoch milliseconds, when it really runs. */
  onStarted(at: number): void;
  onProgress(progress: Progress): void;
  /** Called when the run counts as over although its code goes on until the promise settles. */
  onLingering(settled: Promise<unknown>): void;
};

/** With what the run puts its artifacts into. */
export type BoxedRequest = RunRequest & { artifacts: Pick<ArtifactBox, "add" | "collect"> };
