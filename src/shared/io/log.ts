// The log: pino, one line per event, ids as fields.
import { pino, type DestinationStream, type Logger } from "pino";

export type Log = Logger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log to standard error, so that standard output stays what a program says. */
export function createLog(
  role: string,
  level: LogLevel = "info",
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.err },
    },
    destination,
  );
}

export const silentLog: Log = pino({ level: "silent" });
