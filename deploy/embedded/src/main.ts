import { describeConfig } from '@sluice/shared/config/check-config.ts';
import { ConfigError } from '@sluice/shared/config/config-error.ts';
import { identityWarnings } from '@sluice/shared/config/identity-warnings.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { createHideSecrets, secretsOf } from '@sluice/shared/secrets.ts';
import { startCompiled } from '@sluice/shared/start-compiled.ts';
import { readArguments, usage, type Arguments } from './arguments.ts';
import { checkAddress } from './check-address.ts';

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
  const warn = (message: string) => void process.stderr.write(`warning: ${message}\n`);
  if (args.checkConfig) {
    const config = await loadGatewayConfig({ file: args.configFile, env, warn });
    for (const warning of identityWarnings(config, env)) warn(warning);
    say(`${describeConfig(config)}\nThe configuration is valid.\n`);
    return;
  }
  const { fromFile, serve } = await load(args, warn);
  await serve(args, fromFile, { env, say, warn });
}

/**
 * Reads the configuration before anything is opened: a wrong file must not leave half a start behind. And before what
 * serves is even loaded, which takes most of a start. What a second start reads again, only that one warns of.
 */
async function load({ configFile, host, port }: Arguments, warn: (message: string) => void) {
  const warnings: string[] = [];
  try {
    const keep = (message: string) => void warnings.push(message);
    const fromFile = configFile === null ? null : await loadGatewayConfig({ file: configFile, env, warn: keep });
    await checkAddress(host, port);
    const { serve } = await import('./serve.ts');
    startCompiled(env);
    return { fromFile, serve };
  } finally {
    for (const warning of warnings) warn(warning);
  }
}
