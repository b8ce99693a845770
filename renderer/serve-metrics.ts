/** `/metrics` and `/healthz` over HTTP, for whoever watches the renderer. */
import { createServer, type Server } from "node:http";
import { PlatformError } from "../cluster/errors.ts";

export interface MetricsServer {
  readonly url: string;
  close(): void;
}

/** Listens at `address`, `host:port`. Rejects with `settings-invalid` if that is none. */
export async function serveMetrics(address: string, text: () => string): Promise<MetricsServer> {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  if (port === "") {
    throw new PlatformError("settings-invalid", `-metrics is "${address}"`, {
      hint: 'Set it to host:port, such as "127.0.0.1:9105"',
    });
  }
  const server = createServer((request, response) => {
    if (request.url === "/metrics")
      response.setHeader("content-type", "text/plain; version=0.0.4").end(text());
    else if (request.url === "/healthz") response.end("ok\n");
    else response.writeHead(404).end("Try /metrics or /healthz\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(port), host === "" ? undefined : host, resolve);
  });
  return {
    url: urlOf(server),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") return String(address);
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}
