import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTelemetry } from '../../src/adapters/opentelemetry/open-telemetry.ts';

const cases = [
  { env: {}, why: 'without exporters' },
  { env: { OTEL_TRACES_EXPORTER: 'none' }, why: 'with the Node SDK, which the variables ask for' },
];

for (const { env, why } of cases) {
  test(`telemetry: what is counted stands in Prometheus's text, ${why}`, async () => {
    await using telemetry = await openTelemetry({ service: 'sluice-test', env });
    telemetry.meter.createCounter('sluice_test_events').add(3, { kind: 'seen' });
    const text = await telemetry.prometheusText();
    assert.match(text, /^sluice_test_events_total\{[^}]*kind="seen"[^}]*\} 3$/m);
    assert.match(text, /sluice-test/);
  });
}

test('telemetry: a gauge that is not known any more is left out, not shown as it was', async () => {
  await using telemetry = await openTelemetry({ service: 'sluice-test', env: {} });
  let wait = 5;
  telemetry.meter.createObservableGauge('sluice_test_wait').addCallback((observer) => {
    observer.observe(wait, { alias: 'sample' });
    observer.observe(1, { alias: 'other' });
  });
  assert.match(await telemetry.prometheusText(), /^sluice_test_wait\{alias="sample".*\} 5$/m);
  wait = Number.NaN;
  const text = await telemetry.prometheusText();
  assert.doesNotMatch(text, /alias="sample"/);
  assert.match(text, /^sluice_test_wait\{alias="other".*\} 1$/m);
});
