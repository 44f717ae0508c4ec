import { fallbackMessages } from '@sluice/shared/api/litellm/fallbacks.ts';
import { documentTexts, RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import { ModerationRequest } from '@sluice/shared/api/openai/moderation.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { BodyStore } from '@sluice/shared/ports/body-store.ts';

export type OpenedRequest = { readonly inputCharacters: number } & (
  | { readonly kind: 'chat'; readonly body: ChatCompletionRequest }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest }
  | { readonly kind: 'rerank'; readonly body: RerankRequest }
  | { readonly kind: 'moderation'; readonly body: ModerationRequest }
);

/**
 * The client's request, from the job or from where it was left.
 * @throws Error when it is gone or is not what the ingress let in
 */
export async function openRequest(job: InferenceJob, bodies: BodyStore): Promise<OpenedRequest> {
  const text = 'inline' in job.body ? job.body.inline : await bodies.get(job.body.claim);
  if (text === null) throw new Error(`the body of ${job.requestId} is gone`);
  const parsed: unknown = JSON.parse(text);
  switch (job.kind) {
    case 'chat': {
      const body = ChatCompletionRequest.parse(parsed);
      return { kind: 'chat', body, inputCharacters: promptCharacters(body) };
    }
    case 'embedding': {
      const body = EmbeddingRequest.parse(parsed);
      return { kind: 'embedding', body, inputCharacters: charactersOf([body.input].flat()) };
    }
    case 'rerank': {
      const body = RerankRequest.parse(parsed);
      return { kind: 'rerank', body, inputCharacters: charactersOf([body.query, ...documentTexts(body)]) };
    }
    case 'moderation': {
      const body = ModerationRequest.parse(parsed);
      return { kind: 'moderation', body, inputCharacters: charactersOf([body.input].flat()) };
    }
    default:
      return job.kind satisfies never;
  }
}

/** The request as one of its aliases gets it: a fallback may have messages of its own. */
export function withMessages(
  request: OpenedRequest,
  { inputTokensEstimate, fallbackInputTokens }: Pick<InferenceJob, 'inputTokensEstimate' | 'fallbackInputTokens'>,
  alias: string,
): { readonly request: OpenedRequest; readonly inputTokens: number } {
  const inputTokens = fallbackInputTokens?.[alias];
  const own =
    inputTokens === undefined || request.kind !== 'chat' ? undefined : fallbackMessages(request.body).get(alias);
  if (!own || inputTokens === undefined || request.kind !== 'chat')
    return { request, inputTokens: inputTokensEstimate };
  const body = { ...request.body, messages: own };
  return { request: { kind: 'chat', body, inputCharacters: promptCharacters(body) }, inputTokens };
}

/** Characters of the prompt's text: OCI bills some families by them. */
function promptCharacters({ messages }: ChatCompletionRequest): number {
  let characters = 0;
  for (const { content } of messages) {
    if (typeof content === 'string') characters += content.length;
    else for (const part of content ?? []) if (part.type === 'text') characters += part.text.length;
  }
  return characters;
}

function charactersOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
