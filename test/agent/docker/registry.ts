/**
 * A registry with one tiny image, `<address>/tiny:1`, that counts what it is asked: enough of the distribution API for a pull.
 * Unlike a real one it can be told to hang.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";

export class TinyRegistry {
  readonly #server: Server;
  readonly #blobs: ReadonlyMap<string, Buffer>;
  readonly #manifest: Buffer;
  /** How often the layer was fetched. */
  pulls = 0;
  hangs = false;

  private constructor(layer: Buffer) {
    const zipped = gzipSync(layer);
    const config = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Cmd: ["/hello"] },
        rootfs: { type: "layers", diff_ids: [digest(layer)] },
      }),
    );
    const entry = (mediaType: string, blob: Buffer) => ({
      mediaType,
      size: blob.length,
      digest: digest(blob),
    });
    this.#manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: entry("application/vnd.docker.container.image.v1+json", config),
        layers: [entry("application/vnd.docker.image.rootfs.diff.tar.gzip", zipped)],
      }),
    );
    this.#blobs = new Map([config, zipped].map((blob) => [digest(blob), blob]));
    this.#server = createServer((request, response) => this.#answer(request, response, digest(zipped)));
  }

  /** Listens on an address of this machine that the host under test reaches. */
  static async listen(address: string): Promise<TinyRegistry> {
    const directory = await mkdtemp(join(tmpdir(), "deis-image-"));
    try {
      await writeFile(join(directory, "hello"), "hello");
      const { stdout } = await promisify(execFile)("tar", ["-C", directory, "-c", "hello"], {
        encoding: "buffer",
      });
      const registry = new TinyRegistry(stdout);
      await new Promise<void>((resolve) => registry.#server.listen(0, address, resolve));
      return registry;
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  /** `10.0.0.1:12345`. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse, layer: string): void {
    const [, , name = "", kind, reference = ""] = (request.url ?? "").split("/");
    const manifest = digest(this.#manifest);
    if (name === "") {
      send(response, 200, "application/json", Buffer.from("{}"));
    } else if (this.hangs) {
      // Neither an answer nor an end: that is what hanging means.
    } else if (kind === "blobs") {
      if (reference === layer) this.pulls += 1;
      send(response, 200, "application/octet-stream", this.#blobs.get(reference) ?? Buffer.alloc(0));
    } else if (name === "tiny" && (reference === "1" || reference === manifest)) {
      response.setHeader("Docker-Content-Digest", manifest);
      send(response, 200, manifestType, this.#manifest);
    } else {
      const unknown = { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] };
      send(response, 404, "application/json", Buffer.from(JSON.stringify(unknown)));
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length });
  response.end(body);
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
