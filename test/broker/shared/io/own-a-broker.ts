// A program that has an embedded broker and does nothing else: to be killed.
import { startEmbeddedBroker } from "../../../../src/shared/io/embedded-broker.ts";

const broker = await startEmbeddedBroker({ dataDir: process.argv[2]! });
process.stdout.write(`${JSON.stringify({ pid: broker.pid, url: broker.url })}\n`);
await broker.exited;
