const dayMs = 86_400_000;

/** The calendar day that a clock in `timeZone` shows at `time`: days since 1970-01-01. */
export function localDayOf(time: number, timeZone: string): number {
  return Math.floor((time + offsetMs(time, timeZone)) / dayMs);
}

/**
 * The first instant of a calendar day in `timeZone`. Where clocks skip midnight the day starts later, and where
 * they show it twice, at the first. Never falls with growing `day`.
 */
export function startOfLocalDay(day: number, timeZone: string): number {
  const wall = day * dayMs;
  // The clocks change at most once in the two days around a midnight: it has the offset before, or the one after.
  const before = wall - offsetMs(wall - dayMs, timeZone);
  const after = wall - offsetMs(wall + dayMs, timeZone);
  const starts = [before, after].filter((start) => localDayOf(start, timeZone) >= day);
  return starts.length > 0 ? Math.min(...starts) : Math.max(before, after);
}

/** What a clock in `timeZone` is ahead of UTC. */
function offsetMs(time: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const seconds = Math.floor(time / 1000) * 1000;
  const part = Object.fromEntries(
    clockOf(timeZone)
      .formatToParts(seconds)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - seconds;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Making one takes about a tenth of a millisecond. There are as many as time zones in the configuration: few. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  clocks.set(timeZone, clock);
  return clock;
}
