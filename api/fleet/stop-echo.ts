/**
 * Lets `fleetctl restart` of 1.0 end. It asks for `loaded`, then waits until it reads `launched`, and only then asks for `launched`: with
 * an agent that stops a unit before fleetctl has looked for the first time (250 ms) it waits for ever, and the unit stays stopped. So a
 * unit that was launched is told as `launched` for a moment after `loaded` was asked for, at least once, as by fleetd, which was slower.
 */

export interface StopEchoOptions {
  /** Milliseconds on a clock that does not go back. */
  readonly monotonic: () => number;
  /** How long it is told in any case, in ms: past fleetctl's first look, whoever else looks. Default 400. */
  readonly leastMs?: number;
  /** When it is no longer told, though nobody has looked, in ms. Default 5 000. */
  readonly mostMs?: number;
}

export class StopEcho {
  readonly #monotonic: () => number;
  readonly #leastMs: number;
  readonly #mostMs: number;
  readonly #stops = new Map<string, { readonly since: number; told: boolean }>();

  constructor({ monotonic, leastMs = 400, mostMs = 5_000 }: StopEchoOptions) {
    this.#monotonic = monotonic;
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
  }

  /** A unit that was launched is to be loaded only. */
  stopped(unit: string): void {
    for (const [known, { since }] of this.#stops) {
      if (this.#monotonic() - since > this.#mostMs) this.#stops.delete(known);
    }
    this.#stops.set(unit, { since: this.#monotonic(), told: false });
  }

  /** Something else was asked of the unit. */
  forget(unit: string): void {
    this.#stops.delete(unit);
  }

  /** Whether whoever looks now is to be told that the unit is launched. */
  tell(unit: string): boolean {
    const stop = this.#stops.get(unit);
    if (!stop) return false;
    const age = this.#monotonic() - stop.since;
    const telling = age <= this.#mostMs && (age <= this.#leastMs || !stop.told);
    stop.told = true;
    if (!telling) this.#stops.delete(unit);
    return telling;
  }
}
