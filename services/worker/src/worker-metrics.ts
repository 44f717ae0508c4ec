import type { Meter } from '@opentelemetry/api';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { Lane } from '@sluice/shared/contracts/turn.ts';
import type { FlowState } from './flow/flow.ts';

/** What a worker counts. */
export interface WorkerMetrics {
  /** Counters of these begin at 0: one that begins with its first count has no rate then. */
  expect(deployments: Iterable<Pick<Deployment, 'id' | 'alias' | 'model'>>): void;
  jobStarted(alias: string): void;
  jobEnded(alias: string): void;
  call(labels: { alias: string; model: string; outcome: string; code: string }, seconds: number): void;
  firstToken(labels: { alias: string; model: string }, seconds: number): void;
  takeover(alias: string): void;
  /** Of a deployment, by what this worker has seen of it. */
  cooldown(deploymentId: string): void;
  /** A call that had to wait for another turn: the provider refused it, or a ceiling did. */
  throttled(labels: { alias: string; model: string; by: 'provider' | 'ceiling' }): void;
  /** Shows what `read` says whenever metrics are asked for. */
  watchFlow(read: () => readonly FlowState[]): void;
}

/** GenAI operation durations in seconds, as OpenTelemetry's semantic conventions advise. */
const durationBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

export function createWorkerMetrics(meter: Meter): WorkerMetrics {
  const running = meter.createObservableUpDownCounter('sluice_worker_jobs_running', {
    description: 'Jobs that this worker runs now',
  });
  /** By alias or, for those of a wildcard, its queue: kept here, since every job would be two looks into the SDK. */
  const runningJobs = new Map<string, number>();
  const changeRunning = (alias: string, by: number) => runningJobs.set(alias, (runningJobs.get(alias) ?? 0) + by);
  running.addCallback((observer) => {
    for (const [alias, jobs] of runningJobs) observer.observe(jobs, { alias });
  });
  const advice = { explicitBucketBoundaries: durationBuckets };
  const calls = meter.createHistogram('gen_ai_client_operation_duration_seconds', {
    description: 'Model calls, from the request sent to the answer ended',
    unit: 's',
    advice,
  });
  const firstTokens = meter.createHistogram('gen_ai_client_operation_time_to_first_chunk_seconds', {
    description: 'Model calls, from the request sent to the first content',
    unit: 's',
    advice,
  });
  const takeovers = meter.createCounter('sluice_worker_takeovers', {
    description: 'Jobs taken over from another attempt',
  });
  const throttles = meter.createCounter('sluice_worker_throttles', {
    description:
      'Calls that were refused for now, by the provider or by a configured ceiling, and waited for another turn',
  });
  const limits = meter.createObservableGauge('sluice_worker_adaptive_limit', {
    description: 'Calls at a time that this worker makes to a deployment, as far as it has found out',
  });
  const inFlight = meter.createObservableGauge('sluice_worker_calls_in_flight', {
    description: 'Calls that this worker makes to a deployment now',
  });
  const waiting = meter.createObservableGauge('sluice_worker_calls_waiting', {
    description: 'Jobs in this worker whose call waits for its turn',
  });
  const cooldowns = meter.createCounter('sluice_worker_cooldowns', {
    description: 'Deployments left alone for a time because their calls failed, each where it was decided',
  });
  return {
    expect(deployments) {
      for (const { id: deployment, alias, model } of deployments) {
        changeRunning(alias, 0);
        takeovers.add(0, { alias });
        cooldowns.add(0, { deployment });
        for (const by of ['provider', 'ceiling']) throttles.add(0, { alias, model, by });
      }
    },
    throttled: (labels) => throttles.add(1, labels),
    watchFlow: (read) => {
      meter.addBatchObservableCallback(
        (observer) => {
          for (const { deployment, ...state } of read()) {
            const labels = { alias: deployment.alias, model: deployment.model, deployment: deployment.id };
            observer.observe(limits, state.limit, labels);
            for (const lane of Lane.options) {
              observer.observe(inFlight, state.lanes[lane].inFlight, { ...labels, lane });
              observer.observe(waiting, state.lanes[lane].waiting, { ...labels, lane });
            }
          }
        },
        [limits, inFlight, waiting],
      );
    },
    jobStarted: (alias) => void changeRunning(alias, 1),
    jobEnded: (alias) => void changeRunning(alias, -1),
    call: (labels, seconds) => calls.record(seconds, labels),
    firstToken: (labels, seconds) => firstTokens.record(seconds, labels),
    takeover: (alias) => takeovers.add(1, { alias }),
    cooldown: (deployment) => cooldowns.add(1, { deployment }),
  };
}
