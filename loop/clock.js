/** Time as a port: passes and sessions never touch the global clock, so tests can own it. */
import { setTimeout as delay } from "node:timers/promises";
/** The machine's own clocks. */
export const systemClock = {
    monotonic: () => performance.now(),
    now: () => new Date(),
    sleep: async (ms, signal) => {
        try {
            await delay(ms, undefined, signal ? { signal } : {});
        }
        catch (error) {
            // Node rejects with an AbortError of its own and hides the reason in its cause.
            signal?.throwIfAborted();
            throw error;
        }
    },
};
//# sourceMappingURL=clock.js.map