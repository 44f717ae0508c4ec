const dayMs = 86_400_000;

/** Start of the reports over the last 30 days: a whole UTC day, as sums are kept by day. */
export function thirtyDaysBefore(now: number): number {
  return (Math.floor(now / dayMs) - 30) * dayMs;
}
