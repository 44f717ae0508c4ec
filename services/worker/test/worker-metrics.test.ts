import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTelemetry } from '@sluice/shared/adapters/opentelemetry/open-telemetry.ts';
import { createWorkerMetrics } from '../src/worker-metrics.ts';

test("a worker's page shows for each deployment what it may call, calls, and makes wait", async () => {
  await using telemetry = await openTelemetry({ service: 'sluice-worker', env: {} });
  const metrics = createWorkerMetrics(telemetry.meter);
  const deployment = { id: 'd1', alias: 'sample', model: 'oci/xai.grok-4' };
  const lanes = { interactive: { inFlight: 3, waiting: 2 }, batch: { inFlight: 9, waiting: 1 } };
  let limit = 20;
  metrics.watchFlow(() => [{ deployment, limit, lanes }]);
  metrics.expect([{ ...deployment, alias: 'other' }]);
  metrics.throttled({ alias: 'sample', model: 'oci/xai.grok-4', by: 'provider' });
  for (let jobs = 0; jobs < 3; jobs += 1) metrics.jobStarted('sample');
  metrics.jobEnded('sample');
  const ofDeployment = 'alias="sample",model="oci/xai.grok-4",deployment="d1"';
  const labels = `${ofDeployment},otel_scope_name="sluice"`;
  const ofLane = (lane: string) => `${ofDeployment},lane="${lane}",otel_scope_name="sluice"`;
  const before = await telemetry.prometheusText();
  for (const line of [
    'sluice_worker_jobs_running{alias="sample",otel_scope_name="sluice"} 2',
    'sluice_worker_jobs_running{alias="other",otel_scope_name="sluice"} 0',
    '# TYPE sluice_worker_jobs_running gauge',
    `sluice_worker_adaptive_limit{${labels}} 20`,
    `sluice_worker_calls_in_flight{${ofLane('interactive')}} 3`,
    `sluice_worker_calls_waiting{${ofLane('interactive')}} 2`,
    `sluice_worker_calls_in_flight{${ofLane('batch')}} 9`,
    `sluice_worker_calls_waiting{${ofLane('batch')}} 1`,
  ]) {
    assert.ok(before.includes(line), before);
  }
  assert.match(
    before,
    /^sluice_worker_throttles\w*\{alias="sample",model="oci\/xai\.grok-4",by="provider",otel_scope_name="sluice"\} 1$/m,
  );
  assert.match(before, /^sluice_worker_throttles_total\{alias="other",[^}]*by="ceiling",[^}]*\} 0$/m);
  limit = 7;
  assert.ok((await telemetry.prometheusText()).includes(`sluice_worker_adaptive_limit{${labels}} 7`));
});
