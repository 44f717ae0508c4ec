import type { Batch, NewBatch } from '../../src/batches/batch.ts';

export const createdAt = Date.UTC(2026, 10, 20, 12);

/** A batch as a request makes it; ids count up from `n`. */
export function newBatch(n: number, changes: Partial<NewBatch> = {}): NewBatch {
  return {
    batchId: `batch_${n.toString(16).padStart(32, '0')}`,
    owner: 'team:a',
    keyFirstHash: 'a'.repeat(64),
    endpoint: '/v1/chat/completions',
    inputFileId: 'file-1',
    completionWindow: '24h',
    metadata: { Purpose: 'test' },
    outputExpiresAfterSeconds: null,
    dryRun: false,
    createdAt,
    expiresAt: createdAt + 86_400_000,
    ...changes,
  };
}

/** The same as it is stored. */
export function storedBatch(n: number, changes: Partial<Batch> = {}): Batch {
  return {
    ...newBatch(n),
    model: null,
    status: 'validating',
    totalLines: 0,
    completedLines: 0,
    failedLines: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    costNanoUsd: 0,
    errors: [],
    estimate: null,
    pausedReason: null,
    outputFileId: null,
    errorFileId: null,
    inProgressAt: null,
    finalizingAt: null,
    completedAt: null,
    failedAt: null,
    expiredAt: null,
    cancellingAt: null,
    cancelledAt: null,
    runner: null,
    leaseUntil: null,
    leaseEpoch: 0,
    linesRemovedAt: null,
    ...changes,
  };
}
