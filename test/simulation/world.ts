import type { Logger } from '@sluice/shared/log.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How often what goes wrong, of what may. Probabilities per message, or per chance that a fault gets. */
export interface FaultRates {
  /** A request to a server, or its reply, is lost. */
  readonly lost: number;
  /** A message takes up to three seconds. */
  readonly slow: number;
  /** A frame or a cancel is lost, comes twice, or overtakes another. */
  readonly busLost: number;
  readonly busTwice: number;
  readonly busReordered: number;
  /** A usage event is offered to the ledger again though it is booked; or out of turn. */
  readonly usageTwice: number;
  readonly usageReordered: number;
  /** A worker dies within the step that it has just made. */
  readonly workerDies: number;
}

/** What all parts of one simulation share. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  /** All zero once everything is to come to its end. */
  rates: FaultRates;
  /** A line of the trace. */
  note(text: string): void;
  /** A rule is broken: ends the simulation. */
  fail(text: string): void;
}

export const noFaults: FaultRates = {
  lost: 0,
  slow: 0,
  busLost: 0,
  busTwice: 0,
  busReordered: 0,
  usageTwice: 0,
  usageReordered: 0,
  workerDies: 0,
};

/** How long a message is on its way, ms. */
export function latencyMs({ random, rates }: World): number {
  return random.chance(rates.slow) ? random.int(20, 3_000) : random.int(0, 3);
}

/** Warnings and errors become lines of the trace. */
export function loggerOf(world: World, name: string): Logger {
  const say = (fields: unknown, text?: string) => {
    const { err, ...ids } = (typeof fields === 'object' && fields !== null ? fields : {}) as { err?: unknown };
    const cause = err instanceof Error ? `: ${err.message}` : '';
    world.note(`${name} says: ${text ?? ''} ${JSON.stringify(ids)}${cause}`);
  };
  const log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> = {
    debug: () => {},
    info: () => {},
    warn: say,
    error: say,
  };
  return log;
}
