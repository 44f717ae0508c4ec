import { chooseBehaviour } from '../oci-simulator/admit.ts';
import { isFields, isInteger, isList, isText, isWord } from '../oci-simulator/checks.ts';
import { embeddingJson } from '../oci-simulator/embedding.ts';
import { jsonOf, sendJson } from '../oci-simulator/exchange.ts';
import { createPace } from '../oci-simulator/pace.ts';
import { countTokens } from '../oci-simulator/tokens.ts';
import { Refusal } from '../provider-simulator/refusal.ts';
import type { ProviderDeps, ProviderExchange } from '../provider-simulator/simulated-provider.ts';
import { invalid } from './chat-request.ts';
import { embeddingDimensions } from './openai-models.ts';

const isInputs = isList(isText, 1, 2048);
const isRequest = isFields(
  { model: isText, input: (value: unknown): value is string | readonly string[] => isText(value) || isInputs(value) },
  { encoding_format: isWord('float', 'base64'), dimensions: isInteger(1, 3072), user: isText },
);

/** `POST /v1/embeddings` */
export async function embeddings(
  deps: ProviderDeps,
  { request, response, body, callId }: ProviderExchange,
): Promise<void> {
  const asked = jsonOf(body);
  if (!isRequest(asked)) throw invalid('Invalid embeddings request.', 'input');
  const full = embeddingDimensions.get(asked.model);
  if (full === undefined) throw modelNotFound(asked.model);
  const inputs = typeof asked.input === 'string' ? [asked.input] : asked.input;
  const promptTokens = inputs.reduce((sum, input) => sum + countTokens(input), 0);

  const pace = createPace(response);
  const start = { model: asked.model, format: 'OPENAI', streamed: false, promptTokens } as const;
  const behaviour = await chooseBehaviour(deps, { ...start, steeringText: inputs[0] ?? '' }, pace);
  if (behaviour.drop) return void response.socket?.resetAndDestroy();
  const clientRequestId = request.headers['x-client-request-id'];
  const call = deps.book.open({
    ...start,
    callId,
    clientRequestId: typeof clientRequestId === 'string' ? clientRequestId : null,
    retryToken: null,
    completionTokens: 0,
    reasoningTokens: 0,
    cachedTokens: 0,
  });
  response.once('close', () => call.close({ completed: response.writableFinished && !behaviour.truncatedJson }));
  if (behaviour.delayMs > 0) await pace.wait(behaviour.delayMs);
  if (pace.gone()) return undefined;

  const data = inputs.map((input, index) => {
    const vector = embeddingJson(input, asked.dimensions ?? full, asked.encoding_format ?? 'float');
    return `{"object":"embedding","index":${index},"embedding":${vector}}`;
  });
  const usage = JSON.stringify({ prompt_tokens: promptTokens, total_tokens: promptTokens });
  const model = JSON.stringify(asked.model);
  return sendJson(
    response,
    `{"object":"list","data":[${data.join(',')}],"model":${model},"usage":${usage}}`,
    behaviour,
  );
}

export function modelNotFound(name: string): Refusal {
  const message = `The model \`${name}\` does not exist or you do not have access to it.`;
  return new Refusal(404, message, { type: 'invalid_request_error', code: 'model_not_found' });
}
