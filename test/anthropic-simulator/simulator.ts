import { randomUUID } from 'node:crypto';
import { Refusal } from '../provider-simulator/refusal.ts';
import { openSimulatedProvider } from '../provider-simulator/simulated-provider.ts';
import type { SimulatedProvider } from '../provider-simulator/simulated-provider.ts';
import { messages } from './messages.ts';
import { invalid } from './messages-request.ts';

export interface AnthropicSimulatorOptions {
  readonly apiKey: string;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** A server that speaks Anthropic's Messages API. */
export function openAnthropicSimulator(options: AnthropicSimulatorOptions): Promise<SimulatedProvider> {
  return openSimulatedProvider(
    {
      newCallId: () => `req_${randomUUID().replaceAll('-', '')}`,
      callIdHeader: 'request-id',
      failureBody: (failure, callId) => ({
        type: 'error',
        error: {
          type: (failure instanceof Refusal ? failure.type : null) ?? typeByStatus.get(failure.status) ?? 'api_error',
          message: failure.message,
        },
        request_id: callId,
      }),
      async answer(deps, exchange) {
        const { headers, method, url } = exchange.request;
        if (headers['x-api-key'] !== options.apiKey) {
          throw new Refusal(401, `invalid x-api-key: ${String(headers['x-api-key'])}`, {
            type: 'authentication_error',
          });
        }
        if (headers['anthropic-version'] !== '2023-06-01') throw invalid('anthropic-version: header is required');
        if (`${method} ${url}` !== 'POST /v1/messages')
          throw new Refusal(404, 'Not found', { type: 'not_found_error' });
        return messages(deps, exchange);
      },
    },
    options.now ?? Date.now,
  );
}

const typeByStatus: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [500, 'api_error'],
  [529, 'overloaded_error'],
]);
