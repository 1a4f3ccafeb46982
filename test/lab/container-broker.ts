// The same nats-server in a container, for TEST_BROKER=container.
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GenericContainer, ImageName, Wait, getContainerRuntimeClient } from "testcontainers";
import { findBrokerBinary } from "../../src/shared/io/broker-binary.ts";
import { PACKAGED_VERSION } from "../../src/shared/io/broker-download.ts";
import { awaitJetStream } from "../../src/shared/io/broker-ready.ts";
import { brokerSettings } from "../../src/shared/io/embedded-broker.ts";
import type { TestBroker } from "./broker.ts";
import { freePorts } from "./ports.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const IMAGE = `millrace-test/nats:${PACKAGED_VERSION}`;
const PORT = 4222;
const CONFIG = "/nats-server.conf";

export async function startContainerBroker(
  settings: Readonly<Record<string, unknown>>,
): Promise<TestBroker> {
  const engine = await getContainerRuntimeClient();
  if (!(await engine.image.exists(ImageName.fromString(IMAGE)))) await buildImage();
  const [host] = await freePorts(1); // one that the engine chooses would change with each restart
  const config = { ...brokerSettings("/data", PORT), host: "0.0.0.0", ...settings };
  const started = await new GenericContainer(IMAGE)
    .withCopyContentToContainer([{ content: JSON.stringify(config), target: CONFIG }])
    .withCommand(["-c", CONFIG])
    .withExposedPorts({ container: PORT, host: host! })
    .withWaitStrategy(Wait.forLogMessage("Server is ready"))
    .start();
  const container = engine.container.getById(started.getId());
  const url = `nats://${started.getHost()}:${host}`;
  const answers = () => until(() => awaitJetStream(url, 2_000), `JetStream at ${url}`, 30_000);
  await answers();

  async function resume(): Promise<void> {
    const { State } = await container.inspect();
    if (State.Paused) await container.unpause();
  }
  async function kill(): Promise<void> {
    await resume();
    const { State } = await container.inspect();
    if (!State.Running) return;
    await container.kill();
    await container.wait();
  }
  return {
    url,
    kill,
    async restart() {
      await kill();
      await container.start();
      await answers();
    },
    pause: async () => void (await container.pause()),
    resume,
    [Symbol.asyncDispose]: async () => void (await container.remove({ force: true, v: true })),
  };
}

/** An image of nothing but the packaged binary: what a registry would have to be asked for. */
async function buildImage(): Promise<void> {
  await using context = await tempDir();
  await copyFile(await findBrokerBinary(), join(context.path, "nats-server"));
  const lines = ["FROM scratch", "COPY nats-server /nats-server", 'ENTRYPOINT ["/nats-server"]'];
  await writeFile(join(context.path, "Dockerfile"), lines.join("\n"));
  await GenericContainer.fromDockerfile(context.path).build(IMAGE, { deleteOnExit: false });
}
