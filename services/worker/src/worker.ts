import { setTimeout as wait } from 'node:timers/promises';
import { deploymentsOf, queuesOf } from '@sluice/shared/config/resolve-alias.ts';
import { laneQueues } from '@sluice/shared/contracts/lane-queue.ts';
import type { CooldownStore } from '@sluice/shared/ports/cooldown-store.ts';
import type { JobDelivery, JobSource } from '@sluice/shared/ports/job-queue.ts';
import { createFlow } from './flow/flow.ts';
import { isOfEarlierProcess } from './pipeline/job-context.ts';
import type { CallWatch } from './pipeline/call-series.ts';
import type { JobDeps, StopReason } from './pipeline/job-context.ts';
import { processJob } from './pipeline/process-job.ts';
import { openCooldowns } from './routing/cooldowns.ts';
import { createDeploymentStats } from './routing/deployment-stats.ts';

export interface WorkerOptions extends Omit<JobDeps, 'pause' | 'cooldowns' | 'stats' | 'flow'> {
  readonly source: JobSource;
  readonly cooldownStore: CooldownStore;
}

/** How long a cancel is remembered for a job that has not arrived yet. */
const cancelMemoryMs = 10_000;
const cancelsRemembered = 10_000;

class RunningJob implements CallWatch {
  readonly stop = new AbortController();
  #isCalled = false;
  #isLeft = false;

  callBegan(): void {
    this.#isCalled = true;
  }

  callEnded(): void {
    this.#isCalled = false;
    if (this.#isLeft) this.#abort();
  }

  /**
   * Nobody waits for it any more.
   *
   * @param finishes a call that runs goes on, as the last one
   * @returns whether it is stopped
   */
  leave(finishes: boolean): boolean {
    this.#isLeft = this.#isCalled && finishes;
    if (!this.#isLeft) this.#abort();
    return !this.#isLeft;
  }

  #abort(): void {
    this.stop.abort('client-gone' satisfies StopReason);
  }
}

/** Takes jobs and answers them until disposed; disposing finishes what runs and takes nothing new. */
export async function openWorker({ source, cooldownStore, ...options }: WorkerOptions): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const { config, log, now, metrics } = options;
  const { cooldowns: settings, latencyTtlMs } = config.router;
  const cooldowns = opening.use(
    await openCooldowns({ store: cooldownStore, settings, log, now, onCooldown: (id) => metrics.cooldown(id) }),
  );
  const stats = createDeploymentStats({ now, latencyTtlMs });
  const flow = createFlow({
    ...options,
    stats,
    pause,
    onThrottled: ({ alias, model }, by) => metrics.throttled({ alias, model, by }),
    onError: (error) => log.warn({ err: error }, 'a call was not counted, or not corrected; that mends itself'),
  });
  opening.use(flow);
  metrics.expect(deploymentsOf(config, [...config.aliases.keys()]));
  metrics.watchFlow(() => flow.states());
  const deps: JobDeps = { ...options, pause, cooldowns, stats, flow };
  const running = new Map<string, RunningJob>();
  const cancelled = new Map<string, number>();

  opening.use(
    await deps.bus.onCancel((requestIds, { unlessCalled }) => {
      const finishes = unlessCalled || config.sluice.onClientGone === 'finish';
      for (const requestId of requestIds) cancel(requestId, finishes);
    }),
  );
  const concurrency = (queue: string) => flow.concurrencyOf(queue);
  const consumer = opening.use(await source.consume(laneQueues(queuesOf(deps.config)), { concurrency }, run));
  flow.onConcurrency((queue, atATime) => consumer.setConcurrency(queue, atATime));
  return opening.move();

  async function run(delivery: JobDelivery): Promise<void> {
    const { job } = delivery;
    const mine = new RunningJob();
    const { stop } = mine;
    // By hand: `AbortSignal.any` costs as much as ten of these, and weak references that every collection looks at.
    const lockLost = () => stop.abort(delivery.signal.reason);
    delivery.signal.addEventListener('abort', lockLost, { once: true });
    if (delivery.signal.aborted) lockLost();
    // Whoever still has an earlier delivery of it here has lost it.
    running.get(job.requestId)?.stop.abort('lock-lost' satisfies StopReason);
    running.set(job.requestId, mine);
    const deadline = setTimeout(
      () => stop.abort('deadline' satisfies StopReason),
      Math.max(0, job.deadlineAt - deps.now()),
    );
    if (cancelled.has(job.requestId) || (job.keepAnswerAs === undefined && isOfEarlierProcess(job, deps)))
      stop.abort('client-gone' satisfies StopReason);
    deps.metrics.jobStarted(job.queue ?? job.alias);
    try {
      await processJob(delivery, deps, stop.signal, mine);
    } catch (error) {
      deps.log.error({ requestId: job.requestId, attempt: delivery.attempt, err: error }, 'job given back');
      throw error;
    } finally {
      clearTimeout(deadline);
      delivery.signal.removeEventListener('abort', lockLost);
      if (running.get(job.requestId) === mine) running.delete(job.requestId);
      deps.metrics.jobEnded(job.queue ?? job.alias);
    }
    if ('claim' in job.body) {
      await deps.bodies.delete(job.body.claim).catch((error: unknown) => {
        deps.log.warn({ requestId: job.requestId, err: error }, 'request body not deleted; it expires by itself');
      });
    }
  }

  /** @param finishes a call that runs goes on; one that has not begun is not made in any case */
  function cancel(requestId: string, finishes: boolean): void {
    const isStopped = running.get(requestId)?.leave(finishes) ?? true;
    if (isStopped) remember(requestId);
  }

  /** A cancel may overtake its job on the way here. */
  function remember(requestId: string): void {
    const heardAt = now();
    cancelled.delete(requestId); // so that the oldest stay first
    cancelled.set(requestId, heardAt);
    for (const [id, at] of cancelled) {
      if (cancelled.size <= cancelsRemembered && heardAt - at < cancelMemoryMs) break;
      cancelled.delete(id);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}
