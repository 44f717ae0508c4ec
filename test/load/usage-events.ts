import { createHash } from 'node:crypto';
import type { Account } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';

const keys = 50;
const teams = 10;
const models = 6;
const price = { inputNanoUsdPerMillion: 720_000_000, outputNanoUsdPerMillion: 1_440_000_000 };

/**
 * A call as a worker reports it, on eight accounts, of which every call shares one and a fiftieth of them all but one.
 * The nth is always the same, but for the time.
 *
 * @param at epoch milliseconds
 */
export function loadEvent(n: number, at: number): UsageEvent {
  const draw = (salt: number, size: number) => (Math.imul(n + 1, 2654435761 + 2 * salt) >>> 8) % size;
  const requestId = RequestId.parse(`chatcmpl-${String(n).padStart(28, '0')}`);
  const key = draw(1, keys);
  const keyHash = createHash('sha256').update(`key-${key}`).digest('hex');
  const model = (key + draw(2, 3)) % models;
  const names = { user: `user-${key}`, team: `team-${key % teams}`, organization: `organization-${key % 2}` };
  const customer = draw(3, 3) === 0 ? `customer-${key * 20 + draw(4, 20)}` : null;
  const failed = draw(5, 50) === 0;
  return {
    version: 1,
    callId: callIdOf(requestId, 1),
    requestId,
    callType: 'acompletion',
    outcome: failed ? 'failed' : 'completed',
    countedBy: 'provider',
    usage: {
      inputTokens: 50 + draw(6, 2_000),
      outputTokens: failed ? 0 : 20 + draw(7, 800),
      cachedInputTokens: 0,
      reasoningTokens: 0,
    },
    inputCharacters: 4_000,
    outputCharacters: 1_600,
    price,
    priceSource: 'oci-prices@2026-11-21',
    costCeilingNanoUsd: null,
    accounts: accountsOf([
      `key:${keyHash}`,
      `user:${names.user}`,
      `team:${names.team}`,
      `member:${names.team}:${names.user}`,
      `organization:${names.organization}`,
      customer === null ? 'tag:nightly' : `customer:${customer}`,
      `key-model:${keyHash}:oci/model-${model}`,
      'proxy:all',
    ]),
    caller: {
      keyHash,
      keyAlias: `notebook-${key}`,
      keyName: 'sk-...abcd',
      userId: names.user,
      teamId: names.team,
      organizationId: names.organization,
      metadata: { team: names.team, owner: `${names.user}@example.com` },
    },
    origin: {
      litellmCallId: `call-${n}`,
      ipAddress: '10.0.0.7',
      endUser: customer,
      sessionId: `session-${Math.floor(n / 10)}`,
      tags: [customer === null ? 'nightly' : 'interactive', `User-Agent: client-${key % 3}`],
      metadata: { experiment: 'seven' },
    },
    alias: `alias-${model}`,
    answeredBy: `alias-${model}`,
    model: `oci/model-${model}`,
    deploymentId: `deployment-${model}`,
    provider: 'oci',
    apiBase: 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com',
    providerRequestId: `opc-${n}`,
    streamed: true,
    attempt: 1,
    retries: 0,
    error: failed ? { code: 'provider_failed', status: 502, message: 'The provider failed.' } : null,
    admittedAt: at,
    startedAt: at + 3,
    firstTokenAt: at + 250,
    endedAt: at + 1_800,
  };
}

function accountsOf(ids: readonly string[]): Account[] {
  return ids.map((id) => ({ id, windowStart: 0 }));
}

/** Reckoned here, and not with the function under test: each side is rounded up to a nano-USD; a failed call is free. */
export function costOf({ outcome, usage }: UsageEvent): bigint {
  if (outcome === 'failed') return 0n;
  const side = (tokens: number, nanoUsdPerMillion: number) =>
    (BigInt(tokens) * BigInt(nanoUsdPerMillion) + 999_999n) / 1_000_000n;
  return (
    side(usage.inputTokens, price.inputNanoUsdPerMillion) + side(usage.outputTokens, price.outputNanoUsdPerMillion)
  );
}
