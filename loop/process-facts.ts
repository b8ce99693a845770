/** What this process costs, for its metrics. */
export function processFacts(): {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly startedSeconds: number;
} {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1_000_000,
    startedSeconds: performance.timeOrigin / 1_000,
  };
}
