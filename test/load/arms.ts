import { largePromptBytes, type Question } from './requests.ts';
import type { LoadSpec } from './load-spec.ts';

/** One kind of load; it is put on the simulator directly and on the gateway, one after the other. */
export interface Arm {
  readonly id: 'whole-1' | 'whole-32' | 'whole-128' | 'whole-rate' | 'whole-large' | 'streams' | 'streams-paced';
  readonly title: string;
  readonly question: Question;
  readonly connections: number;
  readonly ratePerSecond: number | null;
  /** Until as many run as there should be. */
  readonly rampUpMs: number;
}

const whole: Question = { streamed: false, outputTokens: 40, gapMs: 0 };

export const arms: readonly Arm[] = [
  { id: 'whole-1', title: 'whole, 1 connection', question: whole, connections: 1, ratePerSecond: null, rampUpMs: 0 },
  {
    id: 'whole-32',
    title: 'whole, 32 connections',
    question: whole,
    connections: 32,
    ratePerSecond: null,
    rampUpMs: 0,
  },
  {
    id: 'whole-128',
    title: 'whole, 128 connections',
    question: whole,
    connections: 128,
    ratePerSecond: null,
    rampUpMs: 0,
  },
  {
    id: 'whole-rate',
    title: 'whole, 200/s on 32 connections',
    question: whole,
    connections: 32,
    ratePerSecond: 200,
    rampUpMs: 0,
  },
  {
    id: 'whole-large',
    title: 'whole, 100 KB prompts, 16 connections',
    question: { ...whole, promptBytes: largePromptBytes },
    connections: 16,
    ratePerSecond: null,
    rampUpMs: 0,
  },
  {
    id: 'streams',
    title: '64 streams of 200 tokens, unpaced',
    question: { streamed: true, outputTokens: 200, gapMs: 0 },
    connections: 64,
    ratePerSecond: null,
    rampUpMs: 0,
  },
  {
    id: 'streams-paced',
    title: '50 streams/s of 50 tokens, one per 20 ms',
    question: { streamed: true, outputTokens: 50, gapMs: 20 },
    connections: 64,
    ratePerSecond: 50,
    rampUpMs: 1_300,
  },
];

export type Side = 'direct' | 'gateway';

/** What a whole answer looks like on each side, [DONE] aside. */
export function expectedOf(side: Side, { streamed, outputTokens }: Question): LoadSpec['expected'] {
  if (!streamed) {
    const field = side === 'direct' ? '"completionTokens"' : '"completion_tokens"';
    return { type: 'whole', includes: `${field}:${outputTokens}` };
  }
  // The provider's stream begins with an event without text.
  const leading = side === 'direct' ? 1 : 0;
  return { type: 'stream', leading, frames: leading + outputTokens + framesAfterTokens };
}

/** One with the finish reason, one with the usage. */
const framesAfterTokens = 2;
