// What the HTTP facade needs from the rest of the scheduler, as narrow as it uses it.
import type { ControlReply, ControlRequest, LeaderLease } from "../../shared/messages.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { FileStore } from "../../shared/io/files.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import type { QueueStore } from "../../shared/io/queue-store.ts";
import type { Log } from "../../shared/io/log.ts";
import type { Admission } from "../admission.ts";
import type { Board } from "../core/board.ts";
import type { Definitions } from "../definitions/definitions.ts";
import type { BundleDesk } from "../files/bundle-desk.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import type { CalendarDesk } from "../schedules/calendar-desk.ts";
import type { ScheduleDesk } from "../schedules/desk.ts";
import type { LogReader } from "../logs/log-reader.ts";
import type { KeyDeps } from "./api-keys.ts";
import type { EnrolmentDeps } from "./auth-enrolments.ts";
import type { AuthDeps } from "./auth.ts";
import type { ReservationDesk } from "../reservations/desk.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import type { Pace } from "./upload.ts";

/** The questions that every replica's index answers. It may lag a little behind the store. */
export type View = Pick<
  Board,
  | "get"
  | "list"
  | "worker"
  | "workers"
  | "queues"
  | "stats"
  | "series"
  | "why"
  | "newestSeq"
  | "watch"
  | "queueSettings"
  | "waitingIn"
  | "bearersOf"
  | "uniqueHolder"
  | "originalOf"
>;

export type HttpDeps = {
  store: JobStore;
  files: Pick<FileStore, "put" | "read" | "stat">;
  view: View;
  logs: Pick<LogReader, "read">;
  broker: Pick<Broker, "isUp" | "maxPayload" | "range" | "streamState" | "subjects">;
  auth: AuthDeps;
  keys: KeyDeps;
  enrolments: EnrolmentDeps;
  clock: Clock;
  log: Log;
  newJobId(): string;
  admission: Admission;
  /** Asks a worker; throws `worker_unreachable` when it does not answer. */
  control(workerId: string, request: ControlRequest): Promise<ControlReply>;
  /** Ends a worker's quarantine; throws `worker_not_found` when it is in none. */
  release(worker: string, actor: string): Promise<void>;
  groups: GroupDesk;
  bundles: BundleDesk;
  /** How slowly bundles may arrive; default 64 KiB in 30 s. */
  uploadPace?: Pace;
  definitions: Definitions & {
    /** Epoch ms at which a schedule runs the definition next. */
    nextRunAt(name: string): number | undefined;
  };
  webhooks: Webhooks;
  reservations: ReservationDesk;
  schedules: ScheduleDesk;
  calendars: CalendarDesk;
  queues: QueueStore;
  /** Who leads as far as this replica knows. */
  leader(): LeaderLease | undefined;
  /** True when this replica can serve: connected, and its index has caught up. */
  ready(): boolean;
  /** The Prometheus text. */
  metrics(): Promise<string>;
  /** Aborts when the program is about to stop: waiting requests are answered and streams end. */
  closing: AbortSignal;
  /** Host names that requests may be addressed to; absent: any. See `loopbackHosts`. */
  hosts?: ReadonlySet<string> | undefined;
};
