/** The longest pause that a provider may ask for. */
const retryAfterSecondsMax = 3600;

/** Seconds from now; an HTTP date or a number. null when it says nothing useful. */
export function readRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds : Math.ceil((Date.parse(header) - nowMs) / 1000);
  return wait >= 0 ? Math.min(wait, retryAfterSecondsMax) : null;
}
