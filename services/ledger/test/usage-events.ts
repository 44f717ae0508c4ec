import { createHash } from 'node:crypto';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';

/** 2026-11-21 10:00 UTC. */
export const startOfTests = Date.UTC(2026, 10, 21, 10);

export function keyHashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** A completed chat call as a worker reports it; the nth is distinct from every other. */
export function usageEvent(n: number, change: Partial<UsageEvent> = {}): UsageEvent {
  const requestId = RequestId.parse(`chatcmpl-${String(n).padStart(12, '0')}`);
  const keyHash = change.caller?.keyHash ?? keyHashOf('sk-one');
  const admittedAt = startOfTests + n;
  return {
    version: 1,
    callId: callIdOf(requestId, 1),
    requestId,
    callType: 'acompletion',
    outcome: 'completed',
    countedBy: 'provider',
    usage: { inputTokens: 120, outputTokens: 340, cachedInputTokens: 20, reasoningTokens: 40 },
    inputCharacters: 480,
    outputCharacters: 1360,
    price: {
      inputNanoUsdPerMillion: 720_000_000,
      outputNanoUsdPerMillion: 720_000_000,
      cachedInputNanoUsdPerMillion: 72_000_000,
    },
    priceSource: 'oci-prices@2026-11-21',
    costCeilingNanoUsd: null,
    accounts: [{ id: `key:${keyHash}`, windowStart: 0 }],
    caller: {
      keyHash,
      keyAlias: 'notebook',
      keyName: 'sk-...one1',
      userId: 'alice',
      teamId: null,
      organizationId: null,
      metadata: { team: 'research', owner: 'alice@example.com' },
    },
    origin: {
      litellmCallId: `call-${n}`,
      ipAddress: '10.0.0.7',
      endUser: null,
      sessionId: 'session-1',
      tags: ['nightly', 'User-Agent: openai'],
      metadata: { experiment: 'seven' },
    },
    alias: 'grok',
    answeredBy: 'grok',
    model: 'oci/xai.grok-4',
    deploymentId: 'deployment-1',
    provider: 'oci',
    apiBase: 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com',
    providerRequestId: `opc-${n}`,
    streamed: true,
    attempt: 1,
    retries: 0,
    error: null,
    admittedAt,
    startedAt: admittedAt + 3,
    firstTokenAt: admittedAt + 250,
    endedAt: admittedAt + 1800,
    ...change,
  };
}
