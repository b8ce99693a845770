/** `/metrics` and `/healthz` over HTTP, for whoever watches a daemon that serves nothing else. */
import { createServer, type Server } from "node:http";

export interface MetricsServer {
  readonly url: string;
  close(): void;
}

/** Listens there; without a host at every address. */
export async function serveMetrics(
  { host, port }: { readonly host: string | undefined; readonly port: number },
  text: () => string,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url === "/metrics")
      response.setHeader("content-type", "text/plain; version=0.0.4").end(text());
    else if (request.url === "/healthz") response.end("ok\n");
    else response.writeHead(404).end("Try /metrics or /healthz\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
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
