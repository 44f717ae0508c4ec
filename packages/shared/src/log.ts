import { pino, type Logger as PinoLogger } from 'pino';

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

/** @param level pino's level names; `silent` for tests */
export function createLogger({ service, level = 'info' }: { service: string; level?: string }): Logger {
  return pino({
    name: service,
    level,
    base: { service },
    redact: { paths: [...secretPaths, ...secretPaths.map((path) => `*.${path}`)], censor: '[secret]' },
  });
}

/** For parts that are opened without a logger. */
export const silentLogger: Logger = pino({ level: 'silent' });
