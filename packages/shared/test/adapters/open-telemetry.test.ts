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
