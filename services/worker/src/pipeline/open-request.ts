import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { BodyStore } from '@sluice/shared/ports/body-store.ts';

export type OpenedRequest = { readonly inputCharacters: number } & (
  | { readonly kind: 'chat'; readonly body: ChatCompletionRequest }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest }
);

/**
 * The client's request, from the job or from where it was left.
 * @throws Error when it is gone or is not what the ingress let in
 */
export async function openRequest(job: InferenceJob, bodies: BodyStore): Promise<OpenedRequest> {
  const text = 'inline' in job.body ? job.body.inline : await bodies.get(job.body.claim);
  if (text === null) throw new Error(`the body of ${job.requestId} is gone`);
  const parsed: unknown = JSON.parse(text);
  if (job.kind === 'embedding') {
    const body = EmbeddingRequest.parse(parsed);
    const inputs = typeof body.input === 'string' ? [body.input] : body.input;
    return { kind: 'embedding', body, inputCharacters: inputs.reduce((sum, input) => sum + input.length, 0) };
  }
  const body = ChatCompletionRequest.parse(parsed);
  return { kind: 'chat', body, inputCharacters: charactersOf(body) };
}

/** Characters of the prompt's text: OCI bills some families by them. */
function charactersOf({ messages }: ChatCompletionRequest): number {
  let characters = 0;
  for (const { content } of messages) {
    if (typeof content === 'string') characters += content.length;
    else for (const part of content ?? []) if (part.type === 'text') characters += part.text.length;
  }
  return characters;
}
