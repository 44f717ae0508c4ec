import { z } from 'zod';
import { CallId, RequestId } from '../ids.ts';
import { TokenPrice } from './token-price.ts';
import { Account } from './account.ts';
import { CallType } from './call-type.ts';
import { Caller, RequestOrigin } from './caller.ts';
import { jsonCodec } from './codec.ts';
import { Usage } from './token-event.ts';

/**
 * What became of one reservation: of a model call, or of a request that never made one. Worker → ledger, and
 * ingress → ledger for requests that no worker ran.
 * At least once, in no promised order. `callId` is the key the ledger deduplicates on, and the reservation that
 * it settles; so every reservation is closed by exactly one usage event, whatever happened.
 */
export const UsageEvent = z.object({
  version: z.literal(1),
  callId: CallId,
  requestId: RequestId,
  callType: CallType,
  /**
   * completed: the provider's answer arrived whole.
   * cut: the call began and ended early: client gone, deadline, stream broken, worker lost. It may have been billed.
   * failed: no call was billed: refused, withdrawn before it began, or the provider answered with an error.
   */
  outcome: z.enum(['completed', 'cut', 'failed']),
  /** `provider`: the provider's own counts. `gateway`: estimated, because the provider gave none. */
  countedBy: z.enum(['provider', 'gateway']),
  usage: Usage,
  /** Characters sent and received: OCI bills some families by them. */
  inputCharacters: z.int().nonnegative(),
  outputCharacters: z.int().nonnegative(),
  /** The price that applied when the call was made; null when no call was made. */
  price: TokenPrice.nullable(),
  /** Which book the price is from, for example `oci-prices@2026-11-21` or `config`. */
  priceSource: z.string().nullable(),
  /**
   * Set instead of tokens × price when nothing is known of what a lost call generated: the whole reservation,
   * the most it can have cost. Nano-USD.
   */
  costCeilingNanoUsd: z.int().nonnegative().nullable(),
  /** The same for token budgets: the most tokens, input and output, that it can have been. */
  tokenCeiling: z.int().nonnegative().optional(),
  accounts: z.array(Account),
  caller: Caller,
  origin: RequestOrigin,
  /** The gateway's own cache was asked under this key, and had the answer or not. Absent: it was not asked. */
  cache: z.object({ key: z.string(), hit: z.boolean() }).optional(),
  /** The alias that the client asked for. */
  alias: z.string(),
  /** The alias that answered; another after a fallback. */
  answeredBy: z.string(),
  /** Upstream id with provider prefix; '' if no provider was reached. */
  model: z.string(),
  deploymentId: z.string().nullable(),
  provider: z.string().nullable(),
  apiBase: z.string().nullable(),
  /** `opc-request-id` of the provider's response: ties our row to the provider's own records. */
  providerRequestId: z.string().nullable(),
  streamed: z.boolean(),
  attempt: z.int().nonnegative(),
  retries: z.int().nonnegative(),
  error: z.object({ code: z.string(), status: z.int(), message: z.string() }).nullable(),
  /** Epoch milliseconds. `admittedAt` is the same in every copy of an event: it decides the row's partition. */
  admittedAt: z.int(),
  startedAt: z.int(),
  firstTokenAt: z.int().nullable(),
  endedAt: z.int(),
});
export type UsageEvent = z.infer<typeof UsageEvent>;
export const usageEventCodec = jsonCodec(UsageEvent);
