import { randomUUID } from 'node:crypto';
import { UsageEvent } from '../../src/contracts/usage-event.ts';

/** A completed call of 10 input and 5 output tokens; each has ids of its own. */
export function sampleUsageEvent(changes: Partial<UsageEvent> = {}): UsageEvent {
  const requestId = `chatcmpl-${randomUUID()}`;
  const now = Date.now();
  return UsageEvent.parse({
    version: 1,
    callId: `${requestId}:1`,
    requestId,
    callType: 'acompletion',
    outcome: 'completed',
    countedBy: 'provider',
    usage: { inputTokens: 10, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 },
    inputCharacters: 40,
    outputCharacters: 20,
    price: { inputNanoUsdPerMillion: 720_000_000, outputNanoUsdPerMillion: 720_000_000 },
    priceSource: 'test',
    costCeilingNanoUsd: null,
    accounts: [{ id: 'key:sample', windowStart: 0 }],
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
    alias: 'sample',
    answeredBy: 'sample',
    model: 'oci/meta.llama-3.3-70b-instruct',
    deploymentId: 'deployment',
    provider: 'oci',
    apiBase: 'http://127.0.0.1',
    providerRequestId: null,
    streamed: false,
    attempt: 1,
    retries: 0,
    error: null,
    admittedAt: now - 100,
    startedAt: now - 90,
    firstTokenAt: now - 50,
    endedAt: now,
    ...changes,
  });
}
