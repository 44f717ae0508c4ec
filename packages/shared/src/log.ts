import { pino, type Logger as PinoLogger } from 'pino';
import { createHideSecrets, type HideSecrets } from './secrets.ts';

/** One JSON line per event, with ids; never prompts, never secrets. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The level that `LITELLM_LOG` names, in pino's words or Python's; `fallback` for none and for what neither knows. */
export function logLevelOf(name: string | undefined, fallback: (typeof levels)[number]): string {
  const asked = (name ?? '')
    .toLowerCase()
    .replace(/^warning$/, 'warn')
    .replace(/^critical$/, 'error');
  return levels.find((level) => level === asked) ?? fallback;
}

/** Paths that hold secrets wherever an object with them is logged by mistake. */
const secretPaths = ['authorization', 'apiKey', 'key', 'masterKey', 'privateKeyPem', 'passphrase', 'password', 'url'];

export interface LoggerOptions {
  readonly service: string;
  /** pino's level names; `silent` for tests. */
  readonly level?: string;
  /** Of what this process was given. Absent: only what looks like a key. */
  readonly hideSecrets?: HideSecrets;
}

export function createLogger({ service, level = 'info', hideSecrets = onlyKeys }: LoggerOptions): Logger {
  const output = pino.destination({ fd: 1, sync: true });
  return pino(
    {
      name: service,
      level,
      base: { service },
      serializers: { err: describeError },
      redact: { paths: [...secretPaths, ...secretPaths.map((path) => `*.${path}`)], censor: '[secret]' },
    },
    { write: (line: string) => void output.write(hideSecrets(line)) },
  );
}

/**
 * pino's description of an error without what libraries hang on it: `pg` its whole connection, others the request that
 * failed. Of its own fields the plain ones stay, such as `code`.
 */
export function describeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const plain = Object.entries(pino.stdSerializers.err(thrown)).filter(([, value]) => Object(value) !== value);
  return Object.fromEntries(plain);
}

const onlyKeys = createHideSecrets([]);

/** For parts that are opened without a logger. */
export const silentLogger: Logger = pino({ level: 'silent' });
