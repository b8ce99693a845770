/**
 * An app for the routers: a small HTTP server that keeps connections, in the container of a unit. It answers with the name of its unit,
 * so that a test sees who answered; asked for `/slow?ms=500` it takes its time.
 *
 * Told to stop, it finishes what it has begun, as a good server does; the naive one ends at once, as most do.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cluster, shareInHost } from "../../hosts/cluster.ts";
import { imageTag } from "../../hosts/images.ts";

const program = `
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://app");
  if (url.pathname === "/slow") await delay(Number(url.searchParams.get("ms")));
  response.end(process.env.UNIT + "\\n");
});
server.keepAliveTimeout = 60_000;
server.listen(8080);
process.on("SIGTERM", () => {
  if (process.env.NAIVE) process.exit(143);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
`;

const file = "web-app.mjs";

/** Puts the app's program where every host of the cluster sees it. */
export async function shareWebApp(cluster: Cluster): Promise<void> {
  await writeFile(join(cluster.share, file), program);
}

export interface WebAppOptions {
  /** The service, and so the name before the domain. */
  readonly service: string;
  /** Ends at once when it is told to stop. */
  readonly naive?: boolean;
  /** Lines for [X-Fleet]. */
  readonly fleet?: string;
}

/** The unit file of the app: a template, or one unit. The image is the router's, because it has Node.js in it. */
export function webApp({ service, naive = false, fleet }: WebAppOptions): string {
  return `[Container]
Image=${imageTag("router")}
Exec=node /app/${file}
Volume=${shareInHost}:/app:ro
PublishPort=8080
Environment=UNIT=%N${naive ? " NAIVE=1" : ""}

[Service]
TimeoutStopSec=15

[X-Publish]
Service=${service}
Port=8080
HealthPath=/healthz
${fleet === undefined ? "" : `\n[X-Fleet]\n${fleet}\n`}`;
}
