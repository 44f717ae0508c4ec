import path from 'node:path';
import { parseArgs } from 'node:util';
import { arms, type Arm } from './arms.ts';

export interface BenchArguments {
  /** Of each arm, after `warmUpMs` that do not count. */
  readonly measureMs: number;
  readonly warmUpMs: number;
  /** Of full load before anything is measured, for V8 to have made the services' code quick. */
  readonly heatMs: number;
  readonly rounds: number;
  readonly arms: readonly Arm[];
  /** Of steady load at the end, for the memory. */
  readonly minutes: number;
  readonly embedded: boolean;
  /** Usage events that the ledger's part books; 0: it is left out. */
  readonly ledgerEvents: number;
  readonly onlyLedger: boolean;
  /** Another checkout, to be measured by turns with this one; null: none. */
  readonly against: string | null;
  readonly profile: boolean;
  /** Where profiles are kept; null: nowhere once they are read. */
  readonly profileDir: string | null;
  /** For the services' processes, to try them. */
  readonly nodeArgs: readonly string[];
  readonly outFile: string | null;
}

export const usage = `Usage: npm run bench -- [options]
  --quick            one short round of everything, no steady load (about 40 s instead of 4 minutes)
  --rounds N         interleaved rounds of direct and gateway (3)
  --arms ID,ID       only these of whole-1, whole-32, whole-128, whole-rate, whole-large, streams, streams-paced
  --seconds S        measured per arm and round (2)
  --heat S           full load before anything is measured, while V8 makes the services' code quick (20)
  --minutes N        steady load at the end, with the memory read every 5 s (0.25; 5 is what the target speaks of)
  --no-embedded      leaves the embedded gateway out
  --ledger-events N  usage events that one ledger books from a backlog, 0 leaves that out (60000)
  --only-ledger      nothing but that
  --against DIR      nothing but DIR, another checkout, and this one by turns
  --profile          measures nothing: runs the services under --cpu-prof and says where their time goes
  --profile-dir DIR  with --profile: keeps the .cpuprofile files there
  --node-args=ARGS   for Node in the services' processes, to try them, as in --node-args='--max-semi-space-size=4'
  --out FILE         writes the report to FILE as well; without it nothing is written
  --help`;

/** @throws Error saying which option is wrong */
export function readArguments(args: readonly string[]): BenchArguments | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      arms: { type: 'string' },
      seconds: { type: 'string' },
      heat: { type: 'string' },
      minutes: { type: 'string' },
      'no-embedded': { type: 'boolean', default: false },
      'ledger-events': { type: 'string' },
      'only-ledger': { type: 'boolean', default: false },
      against: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'profile-dir': { type: 'string' },
      'node-args': { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick } = values;
  return {
    rounds: numberOf('--rounds', values.rounds, { fallback: quick ? 1 : 3, min: 1, max: 100 }),
    measureMs: numberOf('--seconds', values.seconds, { fallback: quick ? 1 : 2, min: 0.2, max: 200 }) * 1_000,
    arms: values.arms === undefined ? arms : armsNamed(values.arms.split(',')),
    warmUpMs: quick ? 300 : 500,
    heatMs: numberOf('--heat', values.heat, { fallback: quick ? 0.6 : 20, min: 0.1, max: 600 }) * 1_000,
    minutes: numberOf('--minutes', values.minutes, { fallback: quick ? 0 : 0.25, min: 0, max: 60 }),
    embedded: !values['no-embedded'],
    ledgerEvents: numberOf('--ledger-events', values['ledger-events'], {
      fallback: quick ? 20_000 : 60_000,
      min: 0,
      max: 400_000,
    }),
    onlyLedger: values['only-ledger'],
    against: values.against === undefined ? null : path.resolve(values.against),
    profile: values.profile,
    profileDir: values['profile-dir'] ?? null,
    nodeArgs: values['node-args']?.split(' ') ?? [],
    outFile: values.out ?? null,
  };
}

function armsNamed(ids: readonly string[]): readonly Arm[] {
  return ids.map((id) => {
    const arm = arms.find((known) => known.id === id);
    if (!arm) throw new Error(`--arms: ${id} is none of ${arms.map((known) => known.id).join(', ')}`);
    return arm;
  });
}

function numberOf(name: string, text: string | undefined, { fallback, min, max }: Bounds): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value >= min && value <= max)) throw new Error(`${name}: expected a number from ${min} to ${max}, got ${text}`);
  return value;
}

interface Bounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}
