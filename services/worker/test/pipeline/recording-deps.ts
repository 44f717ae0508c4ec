import assert from 'node:assert/strict';
import type { Alias, Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import type { TokenEvent, TokenFrame } from '@sluice/shared/contracts/token-event.ts';
import { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import { callIdOf } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import type { ActualUse, ReservationRequest, ReservationResult } from '@sluice/shared/ports/admission.ts';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import type { CooldownStore } from '@sluice/shared/ports/cooldown-store.ts';
import type { Correction } from '@sluice/shared/ports/fair-share.ts';
import type { JobDelivery } from '@sluice/shared/ports/job-queue.ts';
import type { AwaitedPart } from '@sluice/shared/ports/token-bus.ts';
import { sampleJob } from '../../../../packages/shared/test/conformance/sample-job.ts';
import { createFlow } from '../../src/flow/flow.ts';
import type { JobDeps, StopReason } from '../../src/pipeline/job-context.ts';
import { JournalLine } from '../../src/pipeline/journal.ts';
import { processJob } from '../../src/pipeline/process-job.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import type { CallTimeouts, Provider, ProviderEvent } from '../../src/providers/provider.ts';
import { openCooldowns } from '../../src/routing/cooldowns.ts';
import type { Cooldowns } from '../../src/routing/cooldowns.ts';
import { createDeploymentStats } from '../../src/routing/deployment-stats.ts';
import type { DeploymentStats } from '../../src/routing/deployment-stats.ts';

/** What a provider does with one call: yields a batch, fails, or runs something and goes on. */
export type Step = readonly ProviderEvent[] | Error | (() => unknown) | 'silence';
export type Script = readonly Step[];

/** One call as the provider saw it. */
export interface SeenCall {
  readonly deploymentId: string;
  readonly outputTokensCap: number | null;
  readonly timeouts: CallTimeouts;
  /** Of a chat. */
  readonly messages: unknown;
}

export const price = { inputNanoUsdPerMillion: 1_000_000_000, outputNanoUsdPerMillion: 2_000_000_000 };

export function deployment(alias: string, id: string, changes: Partial<Deployment> = {}): Deployment {
  return {
    id,
    alias,
    provider: 'oci',
    model: `oci/${id}`,
    upstreamModel: id,
    target: {
      api: 'oci',
      region: 'us-chicago-1',
      endpoint: null,
      compartmentId: 'compartment',
      servingMode: { type: 'ON_DEMAND' },
      identity: { type: 'api_key', tenancy: '', user: '', fingerprint: '', privateKeyPem: '', passphrase: null },
    },
    price,
    priceSource: 'test',
    maxOutputTokens: null,
    maxInputTokens: null,
    weight: null,
    numRetries: null,
    timeoutMs: null,
    streamTimeoutMs: null,
    defaultParams: {},
    ...changes,
  };
}

const defaults = await loadGatewayConfig({ file: null, values: {}, env: {}, warn: () => undefined });

/**
 * @param aliases names of deployments by alias
 * @param router over settings with two retries and no cooldowns
 */
export function configOf(
  aliases: Readonly<Record<string, readonly (string | Deployment)[]>>,
  router: Partial<RouterSettings> = {},
): GatewayConfig {
  const entries = Object.entries(aliases).map(([name, deployments]): [string, Alias] => [
    name,
    {
      name,
      mode: 'chat',
      deployments: deployments.map((each) => (typeof each === 'string' ? deployment(name, each) : each)),
    },
  ]);
  return {
    ...defaults,
    aliases: new Map(entries),
    router: {
      ...defaults.router,
      cooldowns: { ...defaults.router.cooldowns, enabled: false },
      timeoutMs: 60_000,
      streamTimeoutMs: 60_000,
      ...router,
    },
    sluice: {
      ...defaults.sluice,
      defaultMaxTokens: 1_000,
      connectTimeoutMs: 1_000,
      betweenTokensTimeoutMs: 1_000,
      sseHeartbeatMs: 0,
      defaultPrice: price,
    },
  };
}

export const accepted = { type: 'accepted', providerRequestId: 'opc-1', headers: {} } as const;
export const text = (words: string) => ({ type: 'text-delta', choice: 0, text: words }) as const;
export const finish = { type: 'choice-end', choice: 0, finishReason: 'stop' } as const;
export const usage = (inputTokens: number, outputTokens: number) =>
  ({ type: 'usage', usage: { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 } }) as const;
/** 10 tokens in, 5 out. */
export const goodAnswer: Script = [[accepted], [text('Hello')], [text(' world'), finish, usage(10, 5)]];

export function refusal(
  code: ErrorCode,
  more: { mayBeBilled?: boolean; retryAfterSeconds?: number } = {},
): ProviderError {
  const { status } = errorCatalog[code];
  return new ProviderError(code, `OciException - ${code}`, { status, mayBeBilled: false, ...more });
}

/** A job, a provider that follows scripts, and every effect on the world in the order in which it happened. */
export class Recording {
  readonly job: InferenceJob;
  readonly deps: Omit<JobDeps, 'cooldowns'>;
  readonly cooldownStore: CooldownStore;
  #cooldowns: Promise<Cooldowns> | undefined;
  readonly effects: string[] = [];
  readonly frames: TokenFrame[] = [];
  readonly calls: SeenCall[] = [];
  readonly pauses: number[] = [];
  /** Every event that was handed to the usage log, stored or not. */
  readonly offered: UsageEvent[] = [];
  /** As the ledger would book them: the first of each callId. */
  readonly booked = new Map<string, UsageEvent>();
  readonly reserved: Set<string>;
  readonly lines: string[] = [];
  readonly takeovers: string[] = [];
  /** What its ingress says of the client. */
  awaited: AwaitedPart = 'answer';
  readonly cooledDown: string[] = [];
  readonly corrections: Correction[] = [];
  /** Calls that the provider has accepted, or may have. */
  mayBeBilled = 0;
  now = 1_000_000;
  /** Answers of `reserve`, the first first; then: admitted. */
  readonly reservations: (ReservationResult | Error)[] = [];
  readonly reserveRequests: ReservationRequest[] = [];
  /** What admission was told that calls used. */
  readonly shrunk: ActualUse[] = [];
  /** What appends do, the first first; then: they succeed. */
  readonly appends: Error[] = [];
  appendsFail = false;
  bodies = new Map<string, string>();
  /** Answers kept for idempotency keys. */
  readonly kept: (KeptAnswer | null)[] = [];
  keepingFails: Error | null = null;
  onPause: () => void = () => {};
  /** What a line of the journal takes to be written; null: nothing. */
  journalTakes: (() => Promise<void>) | null = null;
  readonly #scripts: Script[];
  #attempt = 0;
  stop = new AbortController();
  lock = new AbortController();

  constructor(
    setup: {
      config?: GatewayConfig;
      job?: Partial<InferenceJob>;
      scripts?: readonly Script[];
      cooldownStore?: CooldownStore;
      stats?: DeploymentStats;
      startedAt?: number;
    } = {},
  ) {
    const config = setup.config ?? configOf({ sample: ['A'] });
    this.#scripts = [...(setup.scripts ?? [goodAnswer])];
    this.cooldownStore = setup.cooldownStore ?? createMemoryCooldownStore();
    this.job = sampleJob({
      stream: true,
      outputTokensCap: 100,
      inputTokensEstimate: 8,
      inputTokensMax: 32,
      reservedNanoUsd: 232_000,
      admittedAt: this.now - 50,
      deadlineAt: this.now + 60_000,
      ...setup.job,
    });
    this.reserved = new Set([callIdOf(this.job.requestId, 1)]);
    const provider: Provider = {
      chat: (call, signal) => this.#call(call, call.outputTokensCap, signal),
      embed: (call, signal) => this.#call(call, null, signal),
      rerank: (call, signal) => this.#call(call, null, signal),
      [Symbol.asyncDispose]: async () => {},
    };
    const deps: Omit<JobDeps, 'flow' | 'cooldowns'> = {
      config,
      startedAt: setup.startedAt ?? 0,
      providers: { oci: provider, openai: provider, anthropic: provider },
      bus: {
        openInbox: () => Promise.reject(new Error('not for workers')),
        publish: (address, frame) => {
          assert.equal(address, this.job.replyTo);
          this.effects.push(`publish ${frame.events.map(({ type }) => type).join(' ')}`);
          this.frames.push(frame);
        },
        awaited: async () => this.awaited,
        isLive: () => true,
        cancel: async () => {},
        onCancel: async () => ({ [Symbol.asyncDispose]: async () => {} }),
      },
      usage: {
        append: async (event) => this.#append(UsageEvent.parse(event)),
        ping: async () => {},
        [Symbol.asyncDispose]: async () => {},
      },
      admission: {
        reserve: async (request) => this.#reserve(request),
        shrink: async (callId, actual) => {
          this.shrunk.push(actual);
          this.effects.push(`shrink ${callOf(callId)} ${actual.costNanoUsd}`);
        },
        settle: async () => {},
        onRoom: async () => ({ [Symbol.asyncDispose]: async () => {} }),
        ping: async () => {},
        [Symbol.asyncDispose]: async () => {},
      },
      fairShare: { correct: async (correction) => void this.corrections.push(correction) },
      bodies: {
        put: async () => 'claim',
        get: async (claim) => this.bodies.get(claim) ?? null,
        delete: async () => {},
      },
      idempotency: {
        finish: async ({ scope }, answer) => {
          assert.equal(scope, this.job.keepAnswerAs);
          this.effects.push(`keep ${answer?.events.at(-1)?.type ?? 'nothing'}`);
          if (this.keepingFails) throw this.keepingFails;
          this.kept.push(answer);
        },
        isFinished: async ({ requestId }) => this.kept.some((answer) => answer?.requestId === requestId),
        forget: async ({ scope }) => {
          assert.equal(scope, this.job.keepAnswerAs);
          this.effects.push('forget');
        },
      },
      metrics: {
        jobStarted: () => {},
        jobEnded: () => {},
        call: () => {},
        firstToken: () => {},
        takeover: (alias) => void this.takeovers.push(alias),
        cooldown: () => {},
        throttled: () => {},
        expect: () => {},
        watchFlow: () => {},
      },
      stats: setup.stats ?? createDeploymentStats({ now: () => this.now, latencyTtlMs: 3_600_000 }),
      log: silentLogger,
      now: () => this.now,
      random: () => 0,
      pause: async (ms) => {
        this.pauses.push(ms);
        this.now += ms;
        this.onPause();
      },
    };
    const flow = createFlow({ ...deps, onThrottled: () => {}, onError: (error) => assert.fail(String(error)) });
    this.deps = { ...deps, flow };
  }

  /** The next delivery of the job. */
  async run(): Promise<void> {
    this.#attempt += 1;
    const delivery: JobDelivery = {
      job: this.job,
      attempt: this.#attempt,
      signal: this.lock.signal,
      journal: async (line) => {
        const { type, call } = JournalLine.parse(JSON.parse(line));
        if (this.journalTakes) await this.journalTakes();
        this.effects.push(`journal ${type} ${call}`);
        this.lines.push(line);
      },
      readJournal: async () => [...this.lines],
    };
    const cooldowns = await (this.#cooldowns ??= openCooldowns({
      store: this.cooldownStore,
      settings: this.deps.config.router.cooldowns,
      log: silentLogger,
      now: () => this.now,
      onCooldown: (id) => this.cooledDown.push(id),
    }));
    await processJob(delivery, { ...this.deps, cooldowns }, AbortSignal.any([this.lock.signal, this.stop.signal]));
  }

  /** A delivery to a worker that died right after it had left these lines. */
  died(...lines: readonly JournalLine[]): this {
    this.#attempt += 1;
    this.lines.push(...lines.map((line) => JSON.stringify(line)));
    return this;
  }

  /** The same job for another worker: with what this one left in the queue, the books and admission. */
  successor(scripts: readonly Script[]): Recording {
    const next = new Recording({ config: this.deps.config, job: this.job, scripts });
    next.died();
    next.lines.push(...this.lines);
    next.mayBeBilled = this.mayBeBilled;
    for (const callId of this.reserved) next.reserved.add(callId);
    for (const [callId, event] of this.booked) next.booked.set(callId, event);
    return next;
  }

  abort(why: StopReason): void {
    if (why === 'lock-lost') this.lock.abort(new Error('another worker has it'));
    else this.stop.abort(why);
  }

  get events(): TokenEvent[] {
    return this.frames.flatMap(({ events }) => events);
  }

  get lastEvent(): TokenEvent | undefined {
    return this.events.at(-1);
  }

  get answerText(): string {
    return this.events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
  }

  /** `call:outcome:error code:cost ceiling` of what the ledger would book, in order. */
  get books(): string[] {
    return [...this.booked.values()].map(({ callId, outcome, error, costCeilingNanoUsd }) =>
      [callOf(callId), outcome, error?.code ?? '', costCeilingNanoUsd ?? ''].join(':'),
    );
  }

  /** Each reservation has its event and each event its reservation; and nothing followed the last word. */
  assertClosed(): void {
    assert.deepEqual([...this.booked.keys()].sort(), [...this.reserved].sort(), 'one usage event per reservation');
    for (const attempt of new Set(this.frames.map((frame) => frame.attempt))) {
      const frames = this.frames.filter((frame) => frame.attempt === attempt);
      assert.deepEqual(
        frames.map(({ seq }) => seq),
        frames.map((_, index) => index),
        'seq counts from 0',
      );
      const ends = frames.flatMap(({ events }) => events).filter(({ type }) => /^answer-(end|error)$/.test(type));
      assert.ok(ends.length <= 1, 'announced once');
    }
  }

  #append(event: UsageEvent): void {
    this.offered.push(event);
    const failure = this.appendsFail ? new Error('the log is away') : this.appends.shift();
    if (failure) {
      this.effects.push(`append ${callOf(event.callId)} fails`);
      throw failure;
    }
    this.effects.push(`append ${callOf(event.callId)} ${event.outcome}`);
    if (!this.booked.has(event.callId)) this.booked.set(event.callId, event);
  }

  #reserve(request: ReservationRequest): ReservationResult {
    this.reserveRequests.push(request);
    const scripted = this.reservations.shift();
    this.effects.push(`reserve ${callOf(request.callId)}`);
    if (scripted instanceof Error) throw scripted;
    const { outputTokensCap } = request;
    const result = scripted ?? { type: 'admitted', outputTokensCap, reservedNanoUsd: 1, accounts: [] };
    if (result.type === 'admitted') this.reserved.add(request.callId);
    return result;
  }

  async *#call(
    call: {
      deployment: Deployment;
      timeouts: CallTimeouts;
      mayBeSent: Promise<void>;
      request: Readonly<Record<string, unknown>>;
    },
    outputTokensCap: number | null,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ProviderEvent[]> {
    await call.mayBeSent;
    const script = this.#scripts.shift();
    const { deployment: at, timeouts } = call;
    this.calls.push({ deploymentId: at.id, outputTokensCap, timeouts, messages: call.request['messages'] });
    this.effects.push(`call ${at.id}`);
    if (!script) throw new Error('the provider has no script for this call');
    if (script.some((step) => (step instanceof ProviderError ? step.mayBeBilled : step !== 'silence'))) {
      this.mayBeBilled += 1;
    }
    for (const step of script) {
      if (step instanceof Error) throw step;
      if (typeof step === 'function') step();
      else if (step === 'silence') await aborted(signal);
      else yield step;
      if (signal.aborted) throw signal.reason;
    }
  }
}

function callOf(callId: string): string {
  return callId.slice(callId.lastIndexOf(':') + 1);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
