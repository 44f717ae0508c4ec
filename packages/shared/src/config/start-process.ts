import { createLogger } from '../log.ts';
import type { Logger } from '../log.ts';
import { createHideSecrets, secretsOf } from '../secrets.ts';
import { startCompiled } from '../start-compiled.ts';
import type { ConfigNeeds } from './config-needs.ts';
import { ConfigError } from './config-error.ts';
import { loadProcessConfig } from './process-config.ts';
import type { ProcessConfig } from './process-config.ts';

/**
 * The first thing that a process of the distributed mode does: reads its configuration and opens its log. Wrong
 * configuration is written to stderr and ends the process with status 1, before anything was opened.
 */
export async function startProcess(
  env: Readonly<Record<string, string | undefined>>,
  options: { service: string; defaultPort: number; needs: ConfigNeeds },
): Promise<{ config: ProcessConfig; log: Logger }> {
  startCompiled(env);
  const warnings: string[] = [];
  try {
    const config = await loadProcessConfig(env, { ...options, warn: (message) => warnings.push(message) });
    const hideSecrets = createHideSecrets(secretsOf(env, config.gateway));
    const log = createLogger({ service: options.service, level: config.logLevel, hideSecrets });
    endOnBugs(log);
    for (const warning of warnings) log.warn(warning);
    return { config, log };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${createHideSecrets(secretsOf(env, null))(error.message)}\n`);
    process.exit(1);
  }
}

/**
 * What nobody has caught ends the process, as it does in Node; but it is told in the log, without secrets: Node would
 * print the error with all that its library has hung on it.
 */
export function endOnBugs(log: Logger): void {
  process.once('uncaughtException', (error) => {
    log.error({ err: error }, 'ended by an error that nobody has caught');
    process.exit(1);
  });
}
