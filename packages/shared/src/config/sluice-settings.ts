import type { PriceBook } from '../prices/price-book.ts';
import { checkKeys } from './check-keys.ts';
import type { SluiceSettings } from './gateway-config.ts';
import { readUsdPerSearch, readUsdPerToken } from './model-facts.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

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
    defaultPrice: {
      inputNanoUsdPerMillion:
        readUsdPerToken([price], 'input_cost_per_token') ?? prices.defaultPrice.inputNanoUsdPerMillion,
      outputNanoUsdPerMillion:
        readUsdPerToken([price], 'output_cost_per_token') ?? prices.defaultPrice.outputNanoUsdPerMillion,
      searchNanoUsd: readUsdPerSearch([price], 'input_cost_per_query') ?? prices.defaultPrice.searchNanoUsd,
    },
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
