/** Times for people: `5s ago`, `3min ago`. Pure. */

const steps = [
  { seconds: 86_400, unit: "d" },
  { seconds: 3_600, unit: "h" },
  { seconds: 60, unit: "min" },
  { seconds: 1, unit: "s" },
] as const;

/** How long before `now` an RFC 3339 time was, in its largest unit; the text itself if it is no time. */
export function relativeTime(time: string, now: Date): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return time;
  const seconds = Math.max(0, Math.floor((now.getTime() - then) / 1_000));
  const step = steps.find((candidate) => seconds >= candidate.seconds);
  return step ? `${Math.floor(seconds / step.seconds)}${step.unit} ago` : "now";
}
