/** How many may do something at once; the others queue in the order they came. */
export class Slots {
    #free;
    #queue = [];
    constructor(count) {
        this.#free = count;
    }
    /** Runs `work` once a slot is free. */
    async run(work) {
        if (this.#free > 0)
            this.#free -= 1;
        else
            await new Promise((resolve) => this.#queue.push(resolve));
        try {
            return await work();
        }
        finally {
            // A slot that someone waits for is handed over, never freed: else a newcomer could take it first.
            const next = this.#queue.shift();
            if (next)
                next();
            else
                this.#free += 1;
        }
    }
}
//# sourceMappingURL=slots.js.map