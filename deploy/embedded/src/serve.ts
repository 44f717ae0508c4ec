import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { endOnBugs } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import { createLogger, logLevelOf } from '@sluice/shared/log.ts';
import { createHideSecrets, secretsOf } from '@sluice/shared/secrets.ts';
import type { Arguments } from './arguments.ts';
import { openDataFolder } from './data-folder.ts';
import { demoConfig, hasOciCredentials } from './demo-config.ts';
import { openEmbeddedPostgres } from './embedded-postgres.ts';
import { openEmbeddedGateway } from './gateway.ts';
import { openSimulator } from './simulator.ts';
import { ensureVirtualKey } from './virtual-key.ts';
import { welcome } from './welcome.ts';

/**
 * Opens the gateway and keeps it open until a signal ends it.
 *
 * @param fromFile null without a configuration file: then the demonstration is made up
 */
export async function serve(
  args: Arguments,
  fromFile: GatewayConfig | null,
  {
    env,
    say,
    warn,
  }: {
    env: Readonly<Record<string, string | undefined>>;
    say: (text: string) => void;
    warn: (message: string) => void;
  },
): Promise<void> {
  await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
  const folder = await openDataFolder(args.dataDir);
  const simulated = args.configFile === null && !hasOciCredentials(env);
  const simulator = simulated ? resources.use(await openSimulator(folder.simulatorIdentityFile)) : null;
  const config = fromFile ?? (await loadGatewayConfig({ file: null, values: demoConfig(simulator), env, warn }));

  const { masterKey: madeMasterKey, postgresPassword } = folder.state;
  const hideSecrets = createHideSecrets([...secretsOf(env, config), madeMasterKey, postgresPassword]);
  const log = createLogger({ service: 'sluice', level: logLevelOf(env['LITELLM_LOG'], 'warn'), hideSecrets });
  endOnBugs(log);

  const databaseUrl =
    config.databaseUrl ?? resources.use(await openEmbeddedPostgres(folder.postgresDir, postgresPassword)).url;
  const masterKey = config.masterKey ?? madeMasterKey;
  const { host, port } = args;
  const gateway = resources.use(await openEmbeddedGateway({ config, databaseUrl, masterKey, host, port, log, env }));

  const address = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${gateway.port}`;
  const virtualKey = args.configFile === null ? await ensureVirtualKey(address, masterKey, folder) : null;
  const [firstAlias = null] = config.aliases.keys();
  const madeKey = config.masterKey === null ? masterKey : null;
  say(welcome({ address, masterKey: madeKey, virtualKey, firstAlias, simulated, dataDir: folder.path }));
  await untilSignal({ deadlineMs: config.sluice.drainMs });
}
