import { checkKeys } from './check-keys.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

/** How batches are checked and run: `sluice_settings.batch`. */
export interface BatchSettings {
  /** The most lines of an input file. */
  readonly maxLines: number;
  /** Whether the lines of one batch may name different models. */
  readonly mixedModels: boolean;
  /** What a line costs, in proportion to the same request outside of a batch. */
  readonly priceFactor: number;
  /** Lines that one runner has on their way at a time, over all of its batches. */
  readonly window: number;
  /** How long one attempt at a line may take, its wait in the queue included. */
  readonly lineTimeoutMs: number;
  /** Batches of one owner that have not ended; one more is refused. */
  readonly maxUnfinished: number;
  /** How long a batch is there after its end. */
  readonly retentionMs: number;
}

const dayMs = 86_400_000;

export function readBatchSettings(section: Section): BatchSettings {
  checkKeys(section, vocabularies.batch);
  const positive = { integer: true, min: 1 } as const;
  return {
    maxLines: section.number('max_lines', { ...positive, max: 1_000_000 }) ?? 50_000,
    mixedModels: section.boolean('mixed_models') ?? true,
    priceFactor: section.number('price_factor', { min: 0.01, max: 10 }) ?? 1,
    window: section.number('window', { ...positive, max: 100_000 }) ?? 1_000,
    lineTimeoutMs: section.seconds('line_timeout', { min: 1 }) ?? 600_000,
    maxUnfinished: section.number('max_unfinished', { ...positive, max: 100_000 }) ?? 1_000,
    retentionMs: (section.number('retention_days', { ...positive, max: 3_650 }) ?? 30) * dayMs,
  };
}
