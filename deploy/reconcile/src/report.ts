import type { DayReconciliation, Finding } from '@sluice/shared/contracts/reconciliation.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';

const shownMax = 10;

/** A day in a few lines, for people. */
export function dayLines({ day, admissions, books, chain, findings }: DayReconciliation): string {
  const lost = admissions?.lost ? `, ${admissions.lost} lost` : '';
  const admitted =
    admissions === null
      ? 'admissions not counted'
      : `${admissions.admitted} admitted = ${admissions.booked} booked + ${admissions.voided} voided + ` +
        `${admissions.expired} expired + ${admissions.open} open${lost}`;
  const rows = `${books.rows} rows (${books.refusals} refusals), ${nanoUsdToUsd(Number(books.costNanoUsd))} USD`;
  const verified = chain === null ? '' : `; chain ${chain.status}, ${chain.blocks} blocks`;
  return [`${day}  ${admitted}; ${rows}${verified}`, ...findingLines(findings)].join('\n');
}

export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ level, check, message, items }) => [
    `  ${level === 'off' ? 'OFF ' : 'note'} ${check}: ${message}`,
    ...items.slice(0, shownMax).map((item) => `         ${item}`),
    ...(items.length > shownMax ? [`         … and ${items.length - shownMax} more (--json has up to 100)`] : []),
  ]);
}
