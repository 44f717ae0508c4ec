import { bothOf, cpuOf } from './figures.ts';
import { number, table } from './markdown.ts';
import type { Report } from './report.ts';

/** The figures that the project promises. */
const targets = {
  addedP50Ms: 3,
  embeddedAddedP50Ms: 8,
  requestsPerSecond: 1_000,
  chunksPerSecond: 50_000,
  workerCpuMs: 1,
  residentMb: 150,
  largePromptRatio: 2,
  eventsBookedPerSecond: 5_000,
};
const services = ['ingress', 'worker', 'ledger'];

export function targetTable(report: Report): string {
  const { measurements, embedded } = report;
  const added = (found: ReturnType<typeof bothOf>) => (found ? found.gateway.p50 - found.direct.p50 : Number.NaN);
  const most = Math.max(...services.map((name) => report.residentAtEnd.get(name) ?? Number.NaN));
  const minutes = report.memory?.minutes ?? 0;
  const rows = [
    atMost('added latency p50, 1 connection, ms', added(bothOf(measurements, 'whole-1')), targets.addedP50Ms),
    ...(embedded === null
      ? []
      : [
          atMost('the same, embedded, ms', added(bothOf(embedded.measurements, 'whole-1')), targets.embeddedAddedP50Ms),
        ]),
    atLeast(
      'requests/s, 128 connections',
      bothOf(measurements, 'whole-128')?.gateway.perSecond ?? Number.NaN,
      targets.requestsPerSecond,
    ),
    atLeast(
      'streamed chunks/s, 64 streams',
      bothOf(measurements, 'streams')?.gateway.chunksPerSecond ?? Number.NaN,
      targets.chunksPerSecond,
    ),
    atMost(
      'worker CPU per whole call, signing included, ms',
      cpuOf(measurements, 'whole-128', 'worker'),
      targets.workerCpuMs,
    ),
    atMost(
      'provider CPU for a 100 KB prompt, node:http signed by hand = 1',
      report.largePrompts.provider / report.largePrompts.hand,
      targets.largePromptRatio,
    ),
    ...(report.ledger === null
      ? []
      : [atLeast('usage events/s booked by one ledger', report.ledger.perSecond, targets.eventsBookedPerSecond)]),
    atMost(`largest service, resident, after ${minutes} min of steady load, MiB`, most, targets.residentMb),
  ];
  return table(['figure', 'measured', 'target', ''], rows);
}

function atMost(name: string, value: number, target: number): string[] {
  const by = (value / target - 1) * 100;
  return [name, number(value), `≤ ${target}`, value <= target ? 'met' : `missed by ${by.toFixed(0)} %`];
}

function atLeast(name: string, value: number, target: number): string[] {
  const by = (1 - value / target) * 100;
  return [name, number(value), `≥ ${target}`, value >= target ? 'met' : `missed by ${by.toFixed(0)} %`];
}
