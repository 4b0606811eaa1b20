/** Figures and dates as people say them. */

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

export function sizeWords(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  const figure = new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(size);
  return `${figure} ${units[unit]}`;
}

const number = new Intl.NumberFormat();

export function countWords(count: number, one: string, many: string): string {
  return `${number.format(count)} ${count === 1 ? one : many}`;
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

export function dayWords(at: string): string {
  return day.format(Date.parse(at));
}

export const isPast = (at: string | null): boolean => at !== null && Date.parse(at) <= Date.now();

export const lifetimes = [
  ["7", "For 7 days"],
  ["30", "For 30 days"],
  ["90", "For 90 days"],
  ["365", "For a year"],
  ["", "Until I end it"],
] as const;

/** Days as the API takes them; the last choice above is no end at all. */
export const daysOf = (value: string | undefined): number | null => (value ? Number(value) : null);

/** What stands for somebody in a circle. */
export const initial = (name: string): string => [...name.trim()][0]?.toUpperCase() ?? "?";
