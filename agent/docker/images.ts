/**
 * Sees to it that an image is on this host before a container is made of it. Units that want the same image at the
 * same time share one pull.
 */
import type { PullPolicy } from "../../cluster/container-values.ts";
import { PlatformError } from "../../cluster/errors.ts";
import type { DockerClient } from "./client.ts";
import { withDeadline } from "./deadline.ts";
import { meaningOf } from "./failure.ts";

/** How a pull goes, for logs: the registry's status lines without the byte counts. */
export interface PullEvent {
  readonly image: string;
  readonly status: string;
}

export interface ImagesOptions {
  /** Deadline of a whole pull in ms. Default 15 minutes. */
  readonly pullTimeoutMs?: number;
  readonly onPull?: (event: PullEvent) => void;
}

export class Images {
  readonly #client: DockerClient;
  readonly #options: ImagesOptions;
  readonly #pulls = new Map<string, SharedPull>();

  constructor(client: DockerClient, options: ImagesOptions = {}) {
    this.#client = client;
    this.#options = options;
  }

  /** Resolves when the image (with tag or digest) is here. Rejects with `image-missing` or with what the registry says. */
  async ensure(image: string, policy: PullPolicy, signal: AbortSignal): Promise<void> {
    if (policy !== "always" && (await this.#client.hasImage(image, signal))) return;
    if (policy === "never") {
      throw new PlatformError("image-missing", `Image "${image}" is not on this host and Pull=never`, {
        hint: "Build or load it here (docker load), or remove Pull=never",
      });
    }
    await this.#pull(image).join(signal);
  }

  #pull(image: string): SharedPull {
    const running = this.#pulls.get(image);
    if (running && !running.givenUp) return running;
    const pull = new SharedPull((signal) => this.#fetch(image, signal));
    this.#pulls.set(image, pull);
    pull.onEnd(() => {
      if (this.#pulls.get(image) === pull) this.#pulls.delete(image);
    });
    return pull;
  }

  async #fetch(image: string, signal: AbortSignal): Promise<void> {
    const timeoutMs = this.#options.pullTimeoutMs ?? 900_000;
    await withDeadline(`pull image "${image}"`, timeoutMs, signal, async (over) => {
      for await (const message of await this.#client.pull(image, over)) {
        const { error, status, id } = message as { error?: string; status?: string; id?: string };
        if (error !== undefined) throw meaningOf(`pull image "${image}"`, error);
        // Only whole steps: a layer's byte counts would be thousands of lines.
        if (status !== undefined && status !== "Downloading" && status !== "Extracting") {
          this.#options.onPull?.({ image, status: id ? `${id}: ${status}` : status });
        }
      }
    });
  }
}

/** One pull for all who wait for it; it is given up when none of them does any more. */
class SharedPull {
  readonly #over = new AbortController();
  readonly #done: Promise<void>;
  #waiting = 0;

  constructor(run: (signal: AbortSignal) => Promise<void>) {
    this.#done = run(this.#over.signal);
  }

  get givenUp(): boolean {
    return this.#over.signal.aborted;
  }

  onEnd(ended: () => void): void {
    // Those who wait see a failure; with nobody waiting it is of no interest.
    this.#done.then(ended, ended);
  }

  async join(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#waiting += 1;
    let leave: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        leave = () => reject(signal.reason);
        signal.addEventListener("abort", leave, { once: true });
        this.#done.then(resolve, reject);
      });
    } finally {
      if (leave) signal.removeEventListener("abort", leave);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#over.abort(new Error("nobody waits for this image any more"));
    }
  }
}
