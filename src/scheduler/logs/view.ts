// What log readers must know about jobs, and nothing more.

/** What a reader must know about jobs; answered from the scheduler's index. */
export type LogView = {
  attemptEnded(job: string, attempt: number): boolean;
  /** Number of the newest attempt, recorded or only assigned; 0 before the first. */
  latestAttempt(job: string): number;
  jobFinished(job: string): boolean;
  /** Calls at every change of the job. */
  watch(job: string, listener: () => void): Disposable;
};
