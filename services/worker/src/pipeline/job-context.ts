import type { GatewayConfig, Target } from '@sluice/shared/config/gateway-config.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';
import type { BodyStore } from '@sluice/shared/ports/body-store.ts';
import type { IdempotencyStore } from '@sluice/shared/ports/idempotency-store.ts';
import type { FairShare } from '@sluice/shared/ports/fair-share.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';
import type { UsageLog } from '@sluice/shared/ports/usage-log.ts';
import type { Flow } from '../flow/flow.ts';
import type { Provider } from '../providers/provider.ts';
import type { Cooldowns } from '../routing/cooldowns.ts';
import type { DeploymentStats } from '../routing/deployment-stats.ts';
import type { WorkerMetrics } from '../worker-metrics.ts';

/** What the pipeline's steps share; the same for every job. */
export interface JobDeps {
  readonly config: GatewayConfig;
  readonly providers: Readonly<Record<Target['api'], Provider>>;
  readonly bus: TokenBus;
  readonly usage: UsageLog;
  readonly admission: Admission;
  readonly fairShare: Pick<FairShare, 'correct'>;
  readonly bodies: BodyStore;
  readonly idempotency: Pick<IdempotencyStore, 'finish' | 'forget' | 'isFinished'>;
  readonly cooldowns: Cooldowns;
  readonly stats: DeploymentStats;
  readonly flow: Flow;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  /**
   * Where ingress, admission and worker are one process: when that began, epoch ms. Of jobs admitted before it the
   * client has left and the reservation is gone. They are closed, not called for, unless their answer is kept.
   */
  readonly startedAt?: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Waits `ms` milliseconds; ends early, without an error, when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Whether its client and its reservation ended with the process that admitted it. */
export function isOfEarlierProcess(
  job: Pick<InferenceJob, 'admittedAt'>,
  { startedAt = 0 }: Pick<JobDeps, 'startedAt'>,
) {
  return job.admittedAt < startedAt;
}

/** Why a job is stopped from outside. */
export type StopReason = 'client-gone' | 'deadline' | 'lock-lost';

/** The reason a signal was aborted with, if it was one of ours. */
export function stopReasonOf(signal: AbortSignal): StopReason | null {
  if (!signal.aborted) return null;
  const reason: unknown = signal.reason;
  return reason === 'client-gone' || reason === 'deadline' ? reason : 'lock-lost';
}
