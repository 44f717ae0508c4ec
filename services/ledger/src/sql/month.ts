/** The first instant of the UTC month that is so many months after the one of `time`, ISO. */
export function monthOf(time: number, ahead: number): string {
  const date = new Date(time);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead)).toISOString();
}

/** Of the partition whose month begins at `from`, ISO. */
export function partitionName(from: string): string {
  return `spend_rows_${from.slice(0, 7).replace('-', '_')}`;
}

/** The UTC month of a partition, epoch milliseconds, `to` not included; null: not one that `partitionName` named. */
export function monthOfPartition(name: string): { from: number; to: number } | null {
  const [, year, month] = /^spend_rows_(\d{4})_(\d{2})$/.exec(name) ?? [];
  if (year === undefined || month === undefined) return null;
  return { from: Date.UTC(Number(year), Number(month) - 1), to: Date.UTC(Number(year), Number(month)) };
}
