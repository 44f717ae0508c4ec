import type { IncomingHttpHeaders } from 'node:http';
import { kindOf } from '@sluice/shared/contracts/call-type.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { asGatewayError } from '../http/as-gateway-error.ts';
import { originBodyOf, requestOrigin } from '../surfaces/openai/request-origin.ts';
import { newRequestId } from './admit-job.ts';
import { originOfLine } from './batch-line.ts';
import type { BatchLine } from './batch-line.ts';
import type { InferenceEndpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { modelIn } from './requested-model.ts';

/** A request of which no more may be known than who sent it. */
export interface UnreadRequest {
  /** As it was sent: of any type. undefined: there was no reading it. */
  readonly value?: unknown;
  readonly authenticated: Authenticated;
  readonly headers: IncomingHttpHeaders;
  readonly ip: string | undefined;
  readonly exchange: Exchange;
  readonly line?: BatchLine;
}

/** JSON's parser quotes what it stumbles over, and that may be a prompt: the books keep none. */
const unreadable = 'The request body could not be read.';

/**
 * Leaves the row of a request that was refused before it was known what it asks for: for its key, its body, or its
 * idempotency key. Of the body it says what every row says: the model, whom it is for, its tags and its metadata.
 */
export function recordUnread(
  { callType }: Pick<InferenceEndpoint<unknown>, 'callType'>,
  { value, authenticated: { caller, principal }, headers, ip, exchange, line }: UnreadRequest,
  thrown: unknown,
  deps: Pick<InferenceSteps, 'recordRefusal' | 'config' | 'now' | 'newId'>,
): void {
  const error = asGatewayError(thrown);
  if (!(error instanceof GatewayError)) return;
  const { tenancy } = deps.config;
  const from = { headers, ip };
  const origin = requestOrigin(from, originBodyOf(value), caller, exchange.callId, tenancy, principal?.team);
  const job = {
    requestId: newRequestId(callType, deps),
    kind: kindOf(callType),
    callType,
    alias: modelIn(value) ?? '',
    stream: false,
    accounts: [],
    caller,
    origin: line === undefined ? origin : originOfLine(origin, line),
    admittedAt: deps.now(),
  };
  deps.recordRefusal(job, error.code === 'malformed_body' ? new GatewayError(error.code, unreadable) : error);
}
