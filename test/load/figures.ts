import { arms, type Arm, type Side } from './arms.ts';
import type { Measurement } from './measure.ts';
import { median } from './statistics.ts';

/** Share of the machine that others may use before a measurement says more about them than about us. */
export const disturbedFrom = 0.1;

/** Medians over the rounds. */
export interface Figures {
  readonly perSecond: number;
  readonly perSecondRange: readonly [number, number];
  readonly p50: number;
  readonly p99: number;
  readonly firstP50: number;
  readonly firstP99: number;
  readonly chunksPerSecond: number;
}

function figuresOf(measurements: readonly Measurement[], arm: Arm, side: Side): Figures {
  const rounds = calmest(measurements, arm.id, side).map(({ load }) => load.measured);
  const rates = rounds.map(({ requests, seconds }) => requests / seconds);
  const spread = (pick: (round: (typeof rounds)[number]) => number | undefined) =>
    median(rounds.map((round) => pick(round) ?? Number.NaN));
  // Of a stream's frames those that carry a token.
  const share = arm.question.outputTokens / (arm.question.outputTokens + (side === 'direct' ? 3 : 2));
  return {
    perSecond: median(rates),
    perSecondRange: [Math.min(...rates), Math.max(...rates)],
    p50: spread(({ latencyMs }) => latencyMs?.p50),
    p99: spread(({ latencyMs }) => latencyMs?.p99),
    firstP50: spread(({ firstTokenMs }) => firstTokenMs?.p50),
    firstP99: spread(({ firstTokenMs }) => firstTokenMs?.p99),
    chunksPerSecond: spread(({ frames, seconds }) => (frames * share) / seconds),
  };
}

export type Both = Readonly<Record<Side, Figures>>;

/** Of an arm that was measured; null: it was not. */
export function bothOf(measurements: readonly Measurement[], id: Arm['id']): Both | null {
  const arm = arms.find((known) => known.id === id);
  if (arm === undefined || !measurements.some((one) => one.arm.id === id)) return null;
  return { direct: figuresOf(measurements, arm, 'direct'), gateway: figuresOf(measurements, arm, 'gateway') };
}

/** Milliseconds of a process's CPU per request of an arm, the median over the rounds. */
export function cpuOf(measurements: readonly Measurement[], id: Arm['id'], process: string): number {
  const found = calmest(measurements, id, 'gateway');
  return median(found.map(({ cpuMsPerRequest }) => cpuMsPerRequest.get(process) ?? Number.NaN));
}

/** The rounds of an arm in which the machine was ours; all of them if it never was. */
function calmest(measurements: readonly Measurement[], id: Arm['id'], side: Side): readonly Measurement[] {
  const all = measurements.filter((one) => one.arm.id === id && one.side === side);
  const calm = all.filter(({ otherLoad }) => otherLoad <= disturbedFrom);
  return calm.length > 0 ? calm : all;
}
