import { parseArgs } from 'node:util';
import { wrongUsage } from './failure.ts';

export const usage = `Usage: sluice batch submit FILE [--endpoint /v1/chat/completions] [--window 24h] [--metadata KEY=VALUE …]
                                [--dry-run] [--watch]
       sluice batch status ID [--watch]
       sluice batch list [--limit 20]
       sluice batch cancel ID
       sluice batch download ID [--output FILE] [--errors FILE]

  --url URL    the gateway (default: SLUICE_URL, OPENAI_BASE_URL, or http://127.0.0.1:4000)
The key is taken from SLUICE_API_KEY or OPENAI_API_KEY.
Exit codes: 0 completed (or done), 1 failed, expired or cancelled (or an error), 2 wrong usage.
`;

export type Command =
  | {
      readonly name: 'submit';
      readonly file: string;
      readonly endpoint: string;
      readonly window: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly dryRun: boolean;
      readonly watch: boolean;
    }
  | { readonly name: 'status'; readonly id: string; readonly watch: boolean }
  | { readonly name: 'list'; readonly limit: number }
  | { readonly name: 'cancel'; readonly id: string }
  | { readonly name: 'download'; readonly id: string; readonly output: string; readonly errors: string };

export interface Arguments {
  readonly command: Command;
  readonly url: string | undefined;
}

const options = {
  endpoint: { type: 'string' },
  window: { type: 'string' },
  metadata: { type: 'string', multiple: true },
  'dry-run': { type: 'boolean' },
  watch: { type: 'boolean' },
  limit: { type: 'string' },
  output: { type: 'string' },
  errors: { type: 'string' },
  url: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;
type Option = keyof typeof options;

/** What belongs to which command, besides `--url` and `--help`. */
const optionsOf = {
  submit: ['endpoint', 'window', 'metadata', 'dry-run', 'watch'],
  status: ['watch'],
  list: ['limit'],
  cancel: [],
  download: ['output', 'errors'],
} as const satisfies Record<Command['name'], readonly Option[]>;

/** @throws Failure that says what is wrong */
export function readArguments(args: readonly string[]): Arguments | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help || args.length === 0) return 'help';
  const [group, name, subject, ...more] = positionals;
  if (group !== 'batch') throw wrongUsage(`unknown command ${group ?? ''}`.trimEnd());
  if (name === undefined || !isCommand(name)) throw wrongUsage(`unknown command batch ${name ?? ''}`.trimEnd());
  const allowed: ReadonlySet<string> = new Set([...optionsOf[name], 'url']);
  const foreign = Object.keys(values).find((option) => !allowed.has(option));
  if (foreign !== undefined) throw wrongUsage(`--${foreign} does not belong to batch ${name}`);
  const extra = name === 'list' ? subject : more[0];
  if (extra !== undefined) throw wrongUsage(`unexpected argument ${extra}`);
  return { command: commandOf(name, subject, values), url: values.url };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw wrongUsage(error instanceof Error ? error.message : 'wrong arguments');
  }
}

function isCommand(name: string): name is Command['name'] {
  return Object.hasOwn(optionsOf, name);
}

function commandOf(
  name: Command['name'],
  subject: string | undefined,
  values: ReturnType<typeof parsed>['values'],
): Command {
  if (name === 'list') return { name, limit: limitOf(values.limit ?? '20') };
  if (subject === undefined) throw wrongUsage(`batch ${name}: ${name === 'submit' ? 'FILE' : 'ID'} is missing`);
  const watch = values.watch ?? false;
  if (name === 'submit') {
    return {
      name,
      file: subject,
      endpoint: values.endpoint ?? '/v1/chat/completions',
      window: values.window ?? '24h',
      metadata: Object.fromEntries((values.metadata ?? []).map(pairOf)),
      dryRun: values['dry-run'] ?? false,
      watch,
    };
  }
  if (!/^[\w-]{1,200}$/.test(subject)) throw wrongUsage(`not the ID of a batch: ${subject}`);
  if (name === 'status') return { name, id: subject, watch };
  if (name === 'cancel') return { name, id: subject };
  const { output = `${subject}_output.jsonl`, errors = `${subject}_error.jsonl` } = values;
  return { name, id: subject, output, errors };
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw wrongUsage(`--metadata: expected KEY=VALUE, got ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= 100) return limit;
  throw wrongUsage(`--limit: expected a number from 1 to 100, got ${text}`);
}
