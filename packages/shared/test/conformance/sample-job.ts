import { randomUUID } from 'node:crypto';
import { InferenceJob } from '../../src/contracts/inference-job.ts';

/** A job that means nothing, complete; each has a request id of its own. */
export function sampleJob(changes: Partial<InferenceJob> = {}): InferenceJob {
  const now = Date.now();
  return InferenceJob.parse({
    version: 1,
    kind: 'chat',
    requestId: `chatcmpl-${randomUUID()}`,
    alias: 'sample',
    replyTo: 'inbox',
    body: { inline: '{"model":"sample","messages":[{"role":"user","content":"Grüße, 世界"}]}' },
    stream: false,
    outputTokensCap: 16,
    inputTokensEstimate: 8,
    inputTokensMax: 32,
    reservedNanoUsd: 1_000,
    accounts: [{ id: 'key:sample', windowStart: 0, budgetNanoUsd: null }],
    caller: {
      keyHash: 'a'.repeat(64),
      keyAlias: null,
      keyName: 'sk-...abcd',
      userId: null,
      teamId: null,
      organizationId: null,
      metadata: {},
    },
    origin: { litellmCallId: 'call', ipAddress: null, endUser: null, sessionId: null, tags: [], metadata: {} },
    fallbacks: [],
    dropParams: false,
    admittedAt: now,
    deadlineAt: now + 60_000,
    ...changes,
  });
}
