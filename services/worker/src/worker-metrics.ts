import type { Meter } from '@opentelemetry/api';

/** What a worker counts. */
export interface WorkerMetrics {
  jobStarted(alias: string): void;
  jobEnded(alias: string): void;
  call(labels: { alias: string; model: string; outcome: string; code: string }, seconds: number): void;
  firstToken(labels: { alias: string; model: string }, seconds: number): void;
  takeover(alias: string): void;
  /** Of a deployment, by what this worker has seen of it. */
  cooldown(deploymentId: string): void;
}

/** GenAI operation durations in seconds, as OpenTelemetry's semantic conventions advise. */
const durationBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

export function createWorkerMetrics(meter: Meter): WorkerMetrics {
  const running = meter.createUpDownCounter('sluice_worker_jobs_running', {
    description: 'Jobs that this worker runs now',
  });
  const advice = { explicitBucketBoundaries: durationBuckets };
  const calls = meter.createHistogram('gen_ai_client_operation_duration', {
    description: 'Model calls, from the request sent to the answer ended',
    unit: 's',
    advice,
  });
  const firstTokens = meter.createHistogram('gen_ai_client_operation_time_to_first_chunk', {
    description: 'Model calls, from the request sent to the first content',
    unit: 's',
    advice,
  });
  const takeovers = meter.createCounter('sluice_worker_takeovers', {
    description: 'Jobs taken over from another attempt',
  });
  const cooldowns = meter.createCounter('sluice_worker_cooldowns', {
    description: 'Deployments left alone for a time because their calls failed, each where it was decided',
  });
  return {
    jobStarted: (alias) => running.add(1, { alias }),
    jobEnded: (alias) => running.add(-1, { alias }),
    call: (labels, seconds) => calls.record(seconds, labels),
    firstToken: (labels, seconds) => firstTokens.record(seconds, labels),
    takeover: (alias) => takeovers.add(1, { alias }),
    cooldown: (deployment) => cooldowns.add(1, { deployment }),
  };
}
