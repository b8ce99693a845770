import { expect } from "chai";
import { DockerClient } from "../../../agent/docker/client.ts";
import { Images, type PullEvent } from "../../../agent/docker/images.ts";
import { hasCode } from "../../../cluster/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { useHost } from "../../support/host.ts";
import { TinyRegistry } from "./registry.ts";

const signal = new AbortController().signal;

describe("An image on a real Docker engine", function () {
  this.timeout(30_000);
  const the = useHost({ images: "foundation" });
  let registry: TinyRegistry;
  let client: DockerClient;
  let image: string;

  beforeEach(async () => {
    registry = await TinyRegistry.listen(the.host.address.replace(/\d+$/, "1"));
    client = new DockerClient(the.host.dockerSocket);
    image = `${registry.address}/tiny:1`;
  });

  afterEach(async () => {
    await the.host.attempt(["docker", "rmi", "-f", image]);
    await registry.close();
  });

  async function failing(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => expect.fail("expected a rejection"),
      (error: unknown) => error,
    );
  }

  it("is pulled if it is missing, once for all who want it, and not again", async () => {
    const events: PullEvent[] = [];
    const images = new Images(client, { onPull: (event) => events.push(event) });
    await Promise.all([1, 2, 3].map(() => images.ensure(image, "missing", signal)));
    await images.ensure(image, "missing", signal);
    await images.ensure(image, "never", signal);
    expect(registry.pulls).to.equal(1);
    expect(await client.hasImage(image, signal)).to.equal(true);
    expect(events.map(({ status }) => status)).to.include(`Status: Downloaded newer image for ${image}`);
  });

  it("is asked for again with Pull=always", async () => {
    const events: PullEvent[] = [];
    const images = new Images(client, { onPull: (event) => events.push(event) });
    await images.ensure(image, "always", signal);
    await images.ensure(image, "always", signal);
    expect(events.map(({ status }) => status)).to.include(`Status: Image is up to date for ${image}`);
  });

  it("is called missing when its registry does not know it", async () => {
    const error = await failing(
      new Images(client).ensure(image.replace(/tiny:1$/, "tiny:2"), "missing", signal),
    );
    expect(hasCode(error, "image-missing"), String(error)).to.equal(true);
  });

  it("is given up at the deadline when its registry hangs, as something to try again", async () => {
    registry.hangs = true;
    const error = await failing(new Images(client, { pullTimeoutMs: 300 }).ensure(image, "missing", signal));
    expect(hasCode(error, "docker-timeout") && error.retryable, String(error)).to.equal(true);
  });

  it("is waited for no longer than each caller wants, and pulled on for the others", async () => {
    registry.hangs = true;
    const images = new Images(client);
    const abort = new AbortController();
    const impatient = failing(images.ensure(image, "missing", abort.signal));
    const patient = images.ensure(image, "missing", signal);
    abort.abort(new Error("changed our mind"));
    expect(String(await impatient)).to.include("changed our mind");
    registry.hangs = false;
    await registry.close();
    const error = await failing(patient);
    expect(hasCode(error, "registry-unreachable"), String(error)).to.equal(true);
  });

  it("can be wanted again after nobody wanted it any more", async () => {
    registry.hangs = true;
    const images = new Images(client);
    const abort = new AbortController();
    const impatient = failing(images.ensure(image, "missing", abort.signal));
    abort.abort(new Error("changed our mind"));
    await impatient;
    registry.hangs = false;
    await eventually(() => images.ensure(image, "missing", signal).then(() => true));
    expect(await client.hasImage(image, signal)).to.equal(true);
  });
});
