/**
 * Says when nobody has needed a server for a while. A socket that systemd holds starts deis-api when someone connects, so on the hosts
 * where nobody does it costs neither memory nor a watch on the store.
 */
import type { Server } from "node:net";

/** Resolves once the server has had no connection for `idleMs`; never rejects, and keeps no process alive. */
export function idle(server: Server, idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    let connections = 0;
    const timer = setTimeout(() => {
      if (connections === 0) resolve();
    }, idleMs);
    timer.unref();
    server.on("connection", (socket) => {
      connections += 1;
      socket.once("close", () => {
        connections -= 1;
        timer.refresh();
      });
    });
  });
}
