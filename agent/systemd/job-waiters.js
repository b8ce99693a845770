export class JobWaiters {
    #waiting = new Map();
    #early = new Map();
    #repliesAwaited = 0;
    /**
     * Runs `begin`, which queues a job and resolves to its path. Resolves to a wrapped promise of the job's result, which rejects with
     * the signal's reason when that aborts.
     */
    async expect(begin, signal) {
        this.#repliesAwaited += 1;
        try {
            const path = await begin();
            const early = this.#early.get(path);
            return { result: early === undefined ? this.#result(path, signal) : Promise.resolve(early) };
        }
        finally {
            this.#repliesAwaited -= 1;
            if (this.#repliesAwaited === 0)
                this.#early.clear();
        }
    }
    /** A job is over. */
    ended(path, result) {
        if (this.#repliesAwaited > 0)
            this.#early.set(path, result);
        const waiters = this.#waiting.get(path);
        this.#waiting.delete(path);
        for (const waiter of waiters ?? [])
            waiter.resolve(result);
    }
    /** Nothing will be heard of any job any more. */
    failAll(error) {
        const all = [...this.#waiting.values()];
        this.#waiting.clear();
        for (const waiters of all)
            for (const waiter of waiters)
                waiter.reject(error);
    }
    #result(path, signal) {
        const result = new Promise((resolve, reject) => {
            const waiters = this.#waiting.get(path) ?? new Set();
            this.#waiting.set(path, waiters);
            const leave = () => {
                waiters.delete(waiter);
                signal.removeEventListener("abort", onAbort);
                if (waiters.size === 0 && this.#waiting.get(path) === waiters)
                    this.#waiting.delete(path);
            };
            const onAbort = () => {
                leave();
                reject(signal.reason);
            };
            const waiter = {
                resolve: (value) => {
                    leave();
                    resolve(value);
                },
                reject: (error) => {
                    leave();
                    reject(error);
                },
            };
            waiters.add(waiter);
            signal.addEventListener("abort", onAbort, { once: true });
            if (signal.aborted)
                onAbort();
        });
        // Its owner may be busy with something else when it fails; that must not count as unhandled.
        result.catch(() => undefined);
        return result;
    }
}
//# sourceMappingURL=job-waiters.js.map