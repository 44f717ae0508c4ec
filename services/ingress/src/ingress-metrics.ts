import type { Meter } from '@opentelemetry/api';

/** Whose soft budgets there are: what their accounts' ids begin with. */
const softBudgetKinds = [
  'key',
  'team',
  'member',
  'user',
  'organization',
  'organization-member',
  'customer',
  'tag',
  'proxy',
];

/** What an ingress counts. */
export interface IngressMetrics {
  request(labels: { route: string; model: string; status: number; stream: boolean }, seconds: number): void;
  firstByte(labels: { model: string }, seconds: number): void;
  waiting(change: 1 | -1): void;
  softBudgetReached(labels: { kind: string }): void;
}

/** Seconds; the fine end is where the gateway's own time lies. */
const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createIngressMetrics(meter: Meter): IngressMetrics {
  const advice = { explicitBucketBoundaries: buckets };
  const durations = meter.createHistogram('http_server_request_duration_seconds', {
    description: 'Inference requests, from the head read to the last byte written',
    unit: 's',
    advice,
  });
  const firstBytes = meter.createHistogram('sluice_time_to_first_byte_seconds', {
    description: 'Streamed requests, from the head read to the first content written',
    unit: 's',
    advice,
  });
  const inFlight = meter.createUpDownCounter('litellm_in_flight_requests', {
    description: 'Inference requests that this ingress serves now',
  });
  const softBudgets = meter.createCounter('sluice_soft_budgets_reached', {
    description: 'Alerts for soft budgets: one for each account and window',
  });
  // From 0, so that `rate` sees the first one.
  for (const kind of softBudgetKinds) softBudgets.add(0, { kind });
  return {
    request: ({ route, model, status, stream }, seconds) =>
      durations.record(seconds, {
        http_route: route,
        gen_ai_request_model: model,
        http_response_status_code: status,
        stream,
      }),
    firstByte: ({ model }, seconds) => firstBytes.record(seconds, { gen_ai_request_model: model }),
    waiting: (change) => inFlight.add(change),
    softBudgetReached: ({ kind }) => softBudgets.add(1, { kind }),
  };
}
