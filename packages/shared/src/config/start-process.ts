import { createLogger } from '../log.ts';
import type { Logger } from '../log.ts';
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
  const warnings: string[] = [];
  try {
    const config = await loadProcessConfig(env, { ...options, warn: (message) => warnings.push(message) });
    const log = createLogger({ service: options.service, level: config.logLevel });
    for (const warning of warnings) log.warn(warning);
    return { config, log };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
