import type { LedgerReport } from './ledger.ts';

export function ledgerTable({ events, perSecond, cpuUs, halfLoad, lagMs }: LedgerReport): string {
  const cpu = [...cpuUs].map(([name, us]) => `${name} ${us.toFixed(0)}`).join(', ');
  return [
    '| usage events/s booked | CPU per event, µs | at events/s | lag p50 / p99 / most, ms |',
    '| ---: | --- | ---: | ---: |',
    `| ${Math.round(perSecond).toLocaleString('en-US')} | ${cpu} | ${halfLoad.toLocaleString('en-US')} ` +
      `| ${[lagMs.p50, lagMs.p99, lagMs.max].map((ms) => ms.toFixed(0)).join(' / ')} |`,
    '',
    `One ledger books ${events.toLocaleString('en-US')} stored events, each on eight accounts, of 50 keys in 10 teams, ` +
      'with the disk synced; then the same kind at half that rate, where the lag is from the publication to the first ' +
      'look that finds the row. Publisher, NATS, Redis and PostgreSQL share the machine.',
  ].join('\n');
}
