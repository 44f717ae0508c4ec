import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { OciFailure } from '../oci-simulator/failure.ts';
import { Refusal } from '../provider-simulator/refusal.ts';
import { openSimulatedProvider } from '../provider-simulator/simulated-provider.ts';
import type { SimulatedProvider } from '../provider-simulator/simulated-provider.ts';
import { chatCompletions } from './chat-completions.ts';
import { embeddings, modelNotFound } from './embeddings.ts';
import { findOpenAiModel } from './openai-models.ts';
import type { OpenAiModel } from './openai-models.ts';

export interface OpenAiSimulatorOptions {
  /** Taken as `Authorization: Bearer`, and as Azure's `api-key`. Null: none is needed, as at Ollama. */
  readonly apiKey: string | null;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** A server that speaks OpenAI's API: chat and embeddings under `/v1`. */
export function openOpenAiSimulator({ apiKey, now = Date.now }: OpenAiSimulatorOptions): Promise<SimulatedProvider> {
  return openSimulatedProvider(
    {
      newCallId: () => `req_${randomUUID().replaceAll('-', '')}`,
      callIdHeader: 'x-request-id',
      failureBody: openAiErrorBody,
      async answer(deps, exchange) {
        refuseUnknownKey(exchange.request, apiKey);
        const route = `${exchange.request.method} ${exchange.request.url?.split('?', 1)[0]}`;
        if (route === 'POST /v1/chat/completions') return chatCompletions(deps, exchange, servedModel);
        if (route === 'POST /v1/embeddings') return embeddings(deps, exchange);
        throw new Refusal(404, `Invalid URL (${route})`, { type: 'invalid_request_error' });
      },
    },
    now,
  );
}

function servedModel(name: string): OpenAiModel {
  const model = findOpenAiModel(name);
  if (model === undefined) throw modelNotFound(name);
  return model;
}

function refuseUnknownKey({ headers }: IncomingMessage, apiKey: string | null): void {
  if (apiKey === null || headers.authorization === `Bearer ${apiKey}` || headers['api-key'] === apiKey) return;
  // OpenAI shows the key that it refuses, in part; the whole is what a careless proxy would show.
  const shown = headers.authorization?.replace(/^Bearer /, '') ?? '';
  const message = `Incorrect API key provided: ${shown}. You can find your API key in your account.`;
  throw new Refusal(401, message, { type: 'invalid_request_error', code: 'invalid_api_key' });
}

const typeByStatus: ReadonlyMap<number, string> = new Map([
  [429, 'requests'],
  [500, 'server_error'],
  [503, 'service_unavailable_error'],
]);

function openAiErrorBody(failure: OciFailure): object {
  const { type, param } = failure instanceof Refusal ? failure : { type: null, param: null };
  return {
    error: {
      message: failure.message,
      type: type ?? typeByStatus.get(failure.status) ?? 'invalid_request_error',
      param,
      code: failure.code ?? null,
    },
  };
}
