import { signal } from "@preact/signals";

const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 30_000);

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

const steps: [Intl.RelativeTimeFormatUnit, number, number][] = [
  ["minute", 60, 60],
  ["hour", 3600, 24],
  ["day", 86400, 7],
];

function words(time: number, at: number): string {
  const seconds = Math.max(0, (at - time) / 1000);
  if (seconds < 60) return "just now";
  for (const [unit, size, count] of steps) {
    if (seconds / size < count) return relative.format(-Math.floor(seconds / size), unit);
  }
  return day.format(time);
}

export function Time({ at, prefix = "" }: { at: string; prefix?: string }) {
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={absolute.format(time)}>
      {prefix}
      {words(time, now.value)}
    </time>
  );
}
