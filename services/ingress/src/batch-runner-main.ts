import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { startProcess } from '@sluice/shared/config/start-process.ts';
import { untilSignal } from '@sluice/shared/lifecycle.ts';
import { openStatusServer } from '@sluice/shared/status-server.ts';
import { version } from '@sluice/shared/version.ts';
import { openBatchRunner } from './batches/batch-runner.ts';
import { openAdapters } from './open-adapters.ts';

const name = 'sluice-batch-runner';
const { config, log } = await startProcess(process.env, {
  service: 'batch-runner',
  defaultPort: 4003,
  needs: { models: 'places', masterKey: false, files: true, webhooks: true },
});
const { gateway } = config;
const onError = (error: unknown) => log.warn({ err: error }, 'dependency failed');

await using resources = new AsyncDisposableStack(); // closes in reverse order, even when a later open fails
const telemetry = resources.use(await openTelemetry({ service: name, env: process.env }));
const adapters = resources.use(await openAdapters(config, { name, onError }));
const { sql, queue, admission, usage, files } = adapters;
const status = resources.use(
  await openStatusServer({
    ...config,
    pings: {
      postgres: () => sql.query('select 1'),
      queue: () => queue.ping(),
      admission: () => admission.ping(),
      usage: () => usage.ping(),
      files: () => files.ping(),
    },
    metrics: () => telemetry.prometheusText(),
  }),
);
resources.use(await openBatchRunner({ ...adapters, config: gateway, version, meter: telemetry.meter, log }));
log.info({ port: status.port, version }, 'batch runner is running batches');

const signal = await untilSignal({ deadlineMs: gateway.sluice.drainMs });
log.info({ signal }, 'batch runner is giving back what it has');
