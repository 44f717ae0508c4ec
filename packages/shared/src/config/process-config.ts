import { z } from 'zod';
import { logLevelOf } from '../log.ts';
import type { MetricsAccess } from '../metrics-access.ts';
import type { ConfigNeeds } from './config-needs.ts';
import { ConfigError } from './config-error.ts';
import type { GatewayConfig } from './gateway-config.ts';
import { loadGatewayConfig } from './load-config.ts';
import type { Environment } from './substitute-environment.ts';

/** What a process of the distributed mode is told from outside, complete: nothing else reads the environment. */
export interface ProcessConfig {
  readonly gateway: GatewayConfig;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
  readonly masterKey: string;
  readonly port: number;
  readonly host: string;
  readonly logLevel: string;
  readonly metricsAccess: MetricsAccess;
}

const Port = z.coerce.number().int().min(0).max(65_535);

/**
 * Reads `DATABASE_URL`, `REDIS_URL`, `NATS_URL`, `SLUICE_CONFIG`, `LITELLM_MASTER_KEY` or `SLUICE_MASTER_KEY`,
 * `SLUICE_METRICS_TOKEN`, `PORT`, `HOST` and `LITELLM_LOG`.
 *
 * @param options.needs which secrets it reads
 * @throws ConfigError naming everything that is missing or wrong
 */
export async function loadProcessConfig(
  env: Environment,
  options: { defaultPort: number; needs: ConfigNeeds; warn: (message: string) => void },
): Promise<ProcessConfig> {
  const { needs } = options;
  const gateway = await loadGatewayConfig({ file: env['SLUICE_CONFIG'] || null, env, needs, warn: options.warn });
  const problems: string[] = [];
  const required = (name: string, value: string | null | undefined): string => {
    if (!value) problems.push(`${name} is not set`);
    return value ?? '';
  };
  const port = Port.safeParse(env['PORT'] || options.defaultPort);
  if (!port.success) problems.push(`PORT: expected a port number, got ${JSON.stringify(env['PORT'])}`);
  const config: ProcessConfig = {
    gateway,
    databaseUrl: required('DATABASE_URL', gateway.databaseUrl),
    redisUrl: required('REDIS_URL', env['REDIS_URL']),
    natsUrl: required('NATS_URL', env['NATS_URL']),
    masterKey: needs.masterKey
      ? required('LITELLM_MASTER_KEY (or SLUICE_MASTER_KEY)', gateway.masterKey)
      : (gateway.masterKey ?? ''),
    port: port.success ? port.data : 0,
    host: env['HOST'] || '0.0.0.0',
    logLevel: logLevelOf(env['LITELLM_LOG'], 'info'),
    metricsAccess: metricsAccessOf(gateway),
  };
  if (config.metricsAccess.authenticated && !config.metricsAccess.tokens.some(Boolean)) {
    options.warn('/metrics can be read by nobody: neither SLUICE_METRICS_TOKEN nor a master key is set');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** @param masterKey where it does not come from the configuration */
export function metricsAccessOf(
  { metrics, masterKey: configured }: Pick<GatewayConfig, 'metrics' | 'masterKey'>,
  masterKey = configured,
): MetricsAccess {
  return { authenticated: metrics.authenticated, tokens: [metrics.token, masterKey] };
}
