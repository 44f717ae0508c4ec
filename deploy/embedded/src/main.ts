import { describeConfig } from '@sluice/shared/config/check-config.ts';
import { ConfigError } from '@sluice/shared/config/config-error.ts';
import { identityWarnings } from '@sluice/shared/config/identity-warnings.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { endOnBugs } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import { createLogger, logLevelOf } from '@sluice/shared/log.ts';
import { createHideSecrets, secretsOf } from '@sluice/shared/secrets.ts';
import { startCompiled } from '@sluice/shared/start-compiled.ts';
import { readArguments, usage } from './arguments.ts';
import { checkAddress } from './check-address.ts';
import { openDataFolder } from './data-folder.ts';
import { demoConfig, hasOciCredentials } from './demo-config.ts';
import { openEmbeddedPostgres } from './embedded-postgres.ts';
import { openEmbeddedGateway } from './gateway.ts';
import { openSimulator } from './simulator.ts';
import { ensureVirtualKey } from './virtual-key.ts';
import { welcome } from './welcome.ts';

const env = process.env;
const say = (text: string) => process.stdout.write(text);

try {
  await start();
} catch (error) {
  // What an operator can mend is said without a stack; the rest is a bug and keeps it.
  const known = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  const text = known ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${createHideSecrets(secretsOf(env, null))(text ?? '')}\n`);
  process.exitCode = 1;
}

async function start(): Promise<void> {
  const args = readArguments(process.argv.slice(2), env);
  if (args === 'help') {
    say(`${usage}\n`);
    return;
  }
  if (!args.checkConfig) startCompiled(env);
  const warn = (message: string) => void process.stderr.write(`warning: ${message}\n`);
  if (args.checkConfig) {
    const config = await loadGatewayConfig({ file: args.configFile, env, warn });
    for (const warning of identityWarnings(config, env)) warn(warning);
    say(`${describeConfig(config)}\nThe configuration is valid.\n`);
    return;
  }
  // Read before anything is opened: a wrong file must not leave half a start behind.
  const fromFile = args.configFile === null ? null : await loadGatewayConfig({ file: args.configFile, env, warn });

  await checkAddress(args.host, args.port);

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
