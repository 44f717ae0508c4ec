import type { TokenPrice } from '../contracts/token-price.ts';
import type { PriceBook } from '../prices/price-book.ts';
import { readBatchSettings } from './batch-settings.ts';
import type { BatchSettings } from './batch-settings.ts';
import { checkKeys } from './check-keys.ts';
import { readFilesSettings } from './files-settings.ts';
import type { FilesSettings } from './files-settings.ts';
import { readUsdPerSearch, readUsdPerToken } from './model-facts.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';
import { readWebhooks } from './webhook-settings.ts';
import type { WebhookSettings } from './webhook-settings.ts';

/** Sluice's own settings, under `sluice_settings`. */
export interface SluiceSettings {
  /** The output cap of a request that names none, if the model allows as much. Tokens. */
  readonly defaultMaxTokens: number;
  /** Upstream time limits that LiteLLM's file has no words for. */
  readonly connectTimeoutMs: number;
  readonly betweenTokensTimeoutMs: number;
  /** The largest request body. */
  readonly maxRequestBytes: number;
  /** Jobs that one worker process runs at once, per alias. */
  readonly workerConcurrency: number;
  /** Open upstream connections per deployment and worker. */
  readonly upstreamConnections: number;
  /** Jobs that may wait in one queue; more are refused. */
  readonly maxQueued: number;
  readonly fairShare: {
    /** By team id, or by alias for keys without a team; relative to each other. */
    readonly weights: ReadonlyMap<string, number>;
    readonly defaultWeight: number;
  };
  /** How long a stopping process may finish what is running. */
  readonly drainMs: number;
  /**
   * The part of `drainMs` for which a stopping ingress, no longer ready, still takes requests: until every load
   * balancer has noticed.
   */
  readonly shutdownDelayMs: number;
  /** How often the ledger holds the books against themselves and admission's counters; 0: never. */
  readonly reconcileIntervalMs: number;
  /** What becomes of a call whose client has left: stopped, or finished and booked by the provider's own count. */
  readonly onClientGone: 'stop' | 'finish';
  /** A streamed answer of which nothing comes for so long is kept alive by a comment; 0: never. */
  readonly sseHeartbeatMs: number;
  readonly files: FilesSettings;
  /** For models without a price anywhere. */
  readonly defaultPrice: TokenPrice;
  readonly batch: BatchSettings;
  readonly webhooks: readonly WebhookSettings[];
}

/** A greater difference would leave the least of them nothing. */
const weightBounds = { min: 0.01, max: 100 } as const;

/** The longest time that Node's timers can wait. */
const maxMs = 2 ** 31 - 1;
const bytesPerMb = 1024 * 1024;
const clientGoneActions = ['stop', 'finish'] as const satisfies readonly SluiceSettings['onClientGone'][];

/** Our own section, in which an unknown key stops the start. A default price is completed by the price book's. */
export function readSluiceSettings(section: Section, prices: PriceBook): SluiceSettings {
  checkKeys(section, vocabularies.sluiceSettings);
  const price = section.section('default_price');
  checkKeys(price, vocabularies.defaultPrice);
  const positive = { integer: true, min: 1 } as const;
  const duration = { ...positive, max: maxMs } as const;
  const megabytes = section.number('max_request_mb', { min: 0.001, max: 1024 }) ?? 32;
  const drainMs = section.number('drain_ms', { integer: true, min: 0, max: maxMs }) ?? 30_000;
  return {
    defaultMaxTokens: section.number('default_max_tokens', positive) ?? 4096,
    connectTimeoutMs: section.number('connect_timeout_ms', duration) ?? 10_000,
    betweenTokensTimeoutMs: section.number('between_tokens_timeout_ms', duration) ?? 60_000,
    maxRequestBytes: Math.round(megabytes * bytesPerMb),
    workerConcurrency: section.number('worker_concurrency', { ...positive, max: 100_000 }) ?? 256,
    upstreamConnections: section.number('upstream_connections', { ...positive, max: 100_000 }) ?? 256,
    maxQueued: section.number('max_queued', { ...positive, max: 10_000_000 }) ?? 50_000,
    fairShare: readFairShare(section.section('fair_share')),
    onClientGone: section.oneOf('on_client_gone', clientGoneActions) ?? 'stop',
    sseHeartbeatMs: section.number('sse_heartbeat_ms', { integer: true, min: 0, max: maxMs }) ?? 10_000,
    drainMs,
    shutdownDelayMs:
      section.number('shutdown_delay_ms', { integer: true, min: 0, max: drainMs }) ?? Math.min(5_000, drainMs),
    reconcileIntervalMs: section.number('reconcile_interval_ms', { integer: true, min: 0, max: maxMs }) ?? 60_000,
    files: readFilesSettings(section.section('files')),
    defaultPrice: {
      inputNanoUsdPerMillion:
        readUsdPerToken([price], 'input_cost_per_token') ?? prices.defaultPrice.inputNanoUsdPerMillion,
      outputNanoUsdPerMillion:
        readUsdPerToken([price], 'output_cost_per_token') ?? prices.defaultPrice.outputNanoUsdPerMillion,
      searchNanoUsd: readUsdPerSearch([price], 'input_cost_per_query') ?? prices.defaultPrice.searchNanoUsd,
    },
    batch: readBatchSettings(section.section('batch')),
    webhooks: readWebhooks(section),
  };
}

function readFairShare(section: Section): SluiceSettings['fairShare'] {
  checkKeys(section, vocabularies.fairShare);
  const weights = section.section('weights');
  const entries = weights.keys.flatMap((name): [string, number][] => {
    const weight = weights.number(name, weightBounds);
    return weight === null ? [] : [[name, weight]];
  });
  return { weights: new Map(entries), defaultWeight: section.number('default_weight', weightBounds) ?? 1 };
}
