import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import { version } from '@sluice/shared/version.ts';
import { openIngress } from './ingress.ts';
import { openAdapters } from './open-adapters.ts';

const name = 'sluice-ingress';
const { config, log } = await startProcess(process.env, {
  service: 'ingress',
  defaultPort: 4000,
  needs: { models: 'places', masterKey: true, files: true },
});
const { port, host, gateway, masterKey } = config;
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: name, env: process.env }));
const adapters = resources.use(await openAdapters(config, { name, isAskedByClients: true, onError }));
const ingress = resources.use(
  await openIngress({
    ...adapters,
    port,
    host,
    version,
    masterKey,
    shutdownDelayMs: gateway.sluice.shutdownDelayMs,
    config: gateway,
    log,
    meter: telemetry.meter,
    metrics: () => telemetry.prometheusText(),
  }),
);
log.info({ port: ingress.port, host, version, aliases: gateway.aliases.size }, 'ingress is listening');

const signal = await untilSignal({ deadlineMs: gateway.sluice.drainMs });
log.info({ signal }, 'ingress is draining');
