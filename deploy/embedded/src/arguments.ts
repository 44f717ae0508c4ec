import { parseArgs } from 'node:util';
import { ConfigError } from '@sluice/shared/config/config-error.ts';

export interface Arguments {
  /** A LiteLLM `config.yaml`; null: none. */
  readonly configFile: string | null;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly checkConfig: boolean;
}

export const usage = `Usage: npm start -- [options]
  --config FILE    a LiteLLM config.yaml (default: none)
  --port N         where to listen (default 4000, or PORT)
  --host HOST      on which address (default 127.0.0.1, or HOST)
  --data DIR       where the books and keys are kept (default ./.sluice)
  --check-config   read the configuration, say what is wrong with it or what it comes to, and stop
  --help`;

/** @throws ConfigError, or parseArgs's own, saying which option is wrong */
export function readArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      data: { type: 'string' },
      'check-config': { type: 'boolean' },
      help: { type: 'boolean' },
      // LiteLLM's flag, accepted so that a start script can be taken over; there is one process.
      num_workers: { type: 'string' },
    },
  });
  if (values.help) return 'help';
  const port = Number(values.port ?? (env['PORT'] || 4000));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    const name = values.port === undefined ? 'PORT' : '--port';
    throw new ConfigError([`${name}: expected a port number, got ${JSON.stringify(values.port ?? env['PORT'])}`]);
  }
  return {
    configFile: values.config ?? (env['SLUICE_CONFIG'] || null),
    port,
    host: values.host ?? (env['HOST'] || '127.0.0.1'),
    dataDir: values.data ?? './.sluice',
    checkConfig: values['check-config'] ?? false,
  };
}
