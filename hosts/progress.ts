/** Telling the person at the terminal what is being done and how long it took. Talk goes to standard error. */
import pc from "picocolors";

/** Something that takes a while, and is shown while it lasts. */
export interface Progress {
  /** Runs `work` under this title and resolves to its result; the title and the duration are shown. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
}

/** Says nothing: for libraries and tests. */
export const silent: Progress = { step: (_title, work) => work() };

/** One line per finished step, with its duration; on a terminal also the step that is going on. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  // Not where picocolors would: CI sets variables that promise colours to a log file.
  const { dim, green, red } = pc.createColors(stream.isTTY);
  return {
    async step(title, work) {
      const started = performance.now();
      if (stream.isTTY) stream.write(`  ${dim("…")} ${title}`);
      else stream.write(`  … ${title}\n`);
      const finish = (mark: string) => {
        const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
        stream.write(`${stream.isTTY ? "\r" : ""}  ${mark} ${title} ${dim(took)}\n`);
      };
      try {
        const result = await work();
        finish(green("✓"));
        return result;
      } catch (error) {
        finish(red("✗"));
        throw error;
      }
    },
  };
}
