/**
 * Says when nobody has needed a server for a while. A socket that systemd holds starts deis-api when someone connects, so on the hosts
 * where nobody does it costs neither memory nor a watch on the store.
 */
import type { Server } from "node:net";
import { type Clock, systemClock } from "../loop/clock.ts";

/** Resolves once the server has had no connection for `idleMs`; never rejects. */
export async function idle(server: Server, idleMs: number, clock: Clock = systemClock): Promise<void> {
  let connections = 0;
  let disturbed = new AbortController();
  let left: () => void = () => undefined;
  server.on("connection", (socket) => {
    connections += 1;
    disturbed.abort(new Error("someone connected"));
    socket.once("close", () => {
      connections -= 1;
      if (connections === 0) left();
    });
  });
  for (;;) {
    if (connections > 0) {
      await new Promise<void>((resolve) => {
        left = resolve;
      });
    }
    disturbed = new AbortController();
    const wasIdle = await clock.sleep(idleMs, disturbed.signal).then(
      () => true,
      () => false,
    );
    if (wasIdle && connections === 0) return;
  }
}
