import { arms } from './arms.ts';
import type { Arm } from './arms.ts';
import { bothOf } from './figures.ts';
import type { Both } from './figures.ts';
import { number, table } from './markdown.ts';
import type { Measurement } from './measure.ts';

export function wholeTable(measurements: readonly Measurement[]): string {
  return table(
    [
      'load',
      'direct req/s',
      'gateway req/s (range)',
      'ratio',
      'direct p50 / p99 ms',
      'gateway p50 / p99 ms',
      'added p50 / p99 ms',
    ],
    rowsOf(measurements, { streamed: false }, (arm, { direct, gateway }) => [
      arm.title,
      number(direct.perSecond),
      `${number(gateway.perSecond)} (${gateway.perSecondRange.map(number).join('–')})`,
      number(gateway.perSecond / direct.perSecond),
      `${number(direct.p50)} / ${number(direct.p99)}`,
      `${number(gateway.p50)} / ${number(gateway.p99)}`,
      `${number(gateway.p50 - direct.p50)} / ${number(gateway.p99 - direct.p99)}`,
    ]),
  );
}

export function streamTable(measurements: readonly Measurement[]): string {
  return table(
    [
      'load',
      'direct chunks/s',
      'gateway chunks/s',
      'direct first token p50 / p99 ms',
      'gateway first token p50 / p99 ms',
      'added p50 / p99 ms',
      'whole stream, added p50 ms',
    ],
    rowsOf(measurements, { streamed: true }, (arm, { direct, gateway }) => [
      arm.title,
      number(direct.chunksPerSecond),
      number(gateway.chunksPerSecond),
      `${number(direct.firstP50)} / ${number(direct.firstP99)}`,
      `${number(gateway.firstP50)} / ${number(gateway.firstP99)}`,
      `${number(gateway.firstP50 - direct.firstP50)} / ${number(gateway.firstP99 - direct.firstP99)}`,
      number(gateway.p50 - direct.p50),
    ]),
  );
}

/** A row for each arm that was measured both directly and through the gateway. */
function rowsOf(
  measurements: readonly Measurement[],
  { streamed }: { readonly streamed: boolean },
  row: (arm: Arm, both: Both) => readonly string[],
): readonly (readonly string[])[] {
  return arms
    .filter(({ question }) => question.streamed === streamed)
    .flatMap((arm) => {
      const both = bothOf(measurements, arm.id);
      return both === null ? [] : [row(arm, both)];
    });
}
