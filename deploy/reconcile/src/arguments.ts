import { parseArgs } from 'node:util';
import type { KnownBlock } from '@sluice/ledger/chain/judge-day.ts';

export interface Arguments {
  readonly command: 'reconcile' | 'verify';
  /** `YYYY-MM-DD`; from ≤ day < to. */
  readonly from: string;
  readonly to: string;
  readonly verify: boolean;
  readonly repair: boolean;
  readonly json: boolean;
  readonly witnesses: readonly KnownBlock[];
}

export const usage = `usage: npm run reconcile -- [--from YYYY-MM-DD] [--to YYYY-MM-DD] [--verify] [--repair] [--json]
       npm run verify -- [--from YYYY-MM-DD] [--to YYYY-MM-DD] [--expect DAY:SEQ:HASH …] [--json]
Days are UTC, of admission, the last one included. Without --from: from the first; without --to: to today.
`;

/** @throws Error that says what is wrong */
export function readArguments(args: readonly string[], now: number): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      verify: { type: 'boolean', default: false },
      repair: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      expect: { type: 'string', multiple: true, default: [] },
    },
  });
  const [command, ...others] = positionals;
  if (others.length > 0) throw new Error(`unexpected argument ${others[0]}`);
  if (command !== 'reconcile' && command !== 'verify') throw new Error('no command');
  const { verify, repair, json, expect } = values;
  if (command === 'verify' && (verify || repair)) throw new Error('--verify and --repair belong to reconcile');
  if (command === 'reconcile' && expect.length > 0) throw new Error('--expect belongs to verify');
  const from = values.from === undefined ? '1970-01-01' : dayOf('--from', values.from);
  const last = values.to === undefined ? isoDay(now) : dayOf('--to', values.to);
  if (from > last) throw new Error('--from is after --to');
  return {
    command,
    from,
    to: isoDay(Date.parse(last) + 86_400_000),
    verify,
    repair,
    json,
    witnesses: expect.map(blockOf),
  };
}

function dayOf(name: string, text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text) && isoDay(Date.parse(text)) === text) return text;
  throw new Error(`${name}: not a day YYYY-MM-DD: ${text}`);
}

function blockOf(text: string): KnownBlock {
  const [, day = '', seq, hash = ''] = /^(\d{4}-\d\d-\d\d):([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined) throw new Error(`--expect: not DAY:SEQ:HASH: ${text}`);
  return { day: dayOf('--expect', day), seq: Number(seq), hash };
}

function isoDay(epochMs: number): string {
  return Number.isNaN(epochMs) ? '' : new Date(epochMs).toISOString().slice(0, 10);
}
