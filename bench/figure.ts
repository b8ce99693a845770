/** What a benchmark tells: figures, each beside a peer or a limit of the same run where there is one. A benchmark measures and never judges. */
import { loadavg } from "node:os";

export interface Amount {
  readonly value: number;
  /** `ms`, `s`, `MiB`, `1/s`, `writes/unit`, … */
  readonly unit: string;
}

export interface Figure {
  /** What was measured, such as `one container, submitted to reported`. */
  readonly name: string;
  readonly ours: Amount;
  /** The same work done by a peer, or the least that is possible, measured in the same run and in the same unit. */
  readonly against?: { readonly name: string; readonly value: number };
  /** What we want it to be, for the reader: `≤ 1.10x`. */
  readonly goal?: string;
  /** Whatever helps to understand the figure: rounds, a breakdown. */
  readonly note?: string;
}

/** A figure with the one-minute load average of the machine when it was told: on a busy machine only ratios mean something. */
export interface TakenFigure extends Figure {
  readonly benchmark: string;
  readonly load: number;
}

export interface BenchmarkOptions {
  /** Fewer rounds and smaller sizes, to see that it runs. */
  readonly quick: boolean;
}

export type Tell = (figure: Figure) => void;

export interface Benchmark {
  /** One sentence about what is measured and against what. */
  readonly about: string;
  /** Measures and tells each figure as soon as it is known. Rejects only if it could not run. Leaves nothing behind. */
  run(options: BenchmarkOptions, tell: Tell): Promise<void>;
}

export function taken(benchmark: string, figure: Figure): TakenFigure {
  return { benchmark, ...figure, load: Math.round((loadavg()[0] ?? 0) * 10) / 10 };
}

/** Ours by the peer's; undefined without a peer. */
export function ratioOf({ ours, against }: Figure): number | undefined {
  return against === undefined ? undefined : ours.value / against.value;
}
