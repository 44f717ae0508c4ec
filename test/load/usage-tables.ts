import { arms } from './arms.ts';
import { cpuOf } from './figures.ts';
import { number, table } from './markdown.ts';
import { growthPerMinute } from './memory.ts';
import type { Report } from './report.ts';
import { sum } from './statistics.ts';

/** MiB per minute that are taken for noise. */
const flatBelow = 1;

export function cpuTable({ measurements, idle }: Report): string {
  const names = [...(measurements.find(({ side }) => side === 'gateway')?.cpuMsPerRequest.keys() ?? [])];
  const rows = names.map((name) => [
    name,
    ...arms.map(({ id }) => cpuOf(measurements, id, name).toFixed(3)),
    idle.has(name) ? number(idle.get(name) ?? 0) : '',
  ]);
  const all = [
    'all',
    ...arms.map(({ id }) => sum(names.map((name) => cpuOf(measurements, id, name))).toFixed(3)),
    number(sum([...idle.values()])),
  ];
  return table(['process', ...arms.map(({ title }) => title), 'idle, ms per s'], [...rows, all]);
}

export function largePromptTable({ measurements, largePrompts: { provider, hand } }: Report): string {
  return table(
    ['what', 'ms', 'against node:http'],
    [
      ['node:http, signed by hand', number(hand), '1'],
      ["the worker's OCI provider", number(provider), number(provider / hand)],
      ['the whole worker: queue, provider, frames, usage', ...workerRow()],
    ],
  );

  function workerRow(): string[] {
    const worker = cpuOf(measurements, 'whole-large', 'worker');
    return [number(worker), number(worker / hand)];
  }
}

export function memoryTable({ memory, residentAtStart, residentAtEnd }: Report): string {
  const rows = [...residentAtEnd].map(([name, atEnd]) => {
    const samples = memory?.samples.get(name) ?? [];
    const growth = growthPerMinute(samples);
    const tenths = Array.from({ length: 11 }, (_, index) => samples[Math.round((index / 10) * (samples.length - 1))]);
    return [
      name,
      number(residentAtStart.get(name) ?? Number.NaN),
      number(atEnd),
      growth === null ? 'too short to say' : `${growth.toFixed(2)} per min: ${growth < flatBelow ? 'flat' : 'grows'}`,
      tenths.map((value) => (value === undefined ? '' : value.toFixed(0))).join(' '),
    ];
  });
  return table(
    [
      'process',
      'before load',
      'at the end',
      'steady load: last third against the middle third',
      'steady load, from start to end',
    ],
    rows,
  );
}
