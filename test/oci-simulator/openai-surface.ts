import { chatCompletions } from '../openai-simulator/chat-completions.ts';
import type { OpenAiModel } from '../openai-simulator/openai-models.ts';
import type { AdmitDeps } from './admit.ts';
import { headerOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { notFound, OciFailure } from './failure.ts';
import { findChatModel } from './models.ts';
import { mayUse } from './serving.ts';

/** Where the OpenAI-compatible surface is, today and before (§1.4). */
export const openAiPaths: ReadonlySet<string> = new Set([
  '/openai/v1/chat/completions',
  '/20231130/actions/v1/chat/completions',
]);

/**
 * Chat in OpenAI's shape: called by a signer who names a compartment, or with an API key, whose own compartment it is.
 *
 * @throws OciFailure 404 for a compartment that the signer may not use
 */
export async function openAiSurface(
  deps: AdmitDeps & { readonly now: () => number },
  exchange: Omit<Exchange, 'identity'> & { readonly identity: Exchange['identity'] | null },
): Promise<void> {
  const { identity, request } = exchange;
  const compartmentId = headerOf(request, 'opc-compartment-id');
  if (identity !== null && (compartmentId === null || !mayUse(identity, compartmentId))) throw notFound();
  return chatCompletions(deps, exchange, servedModel);
}

/** @throws OciFailure 404, or 400 for models that speak only OCI's own protocols */
function servedModel(name: string): OpenAiModel {
  const model = findChatModel(name);
  if (model === undefined || model.dedicatedOnly) throw notFound();
  if (model.family === 'cohere') throw new OciFailure(400, 'Unsupported OpenAI operation');
  return {
    name: model.name,
    contextTokens: model.contextTokens,
    reasoning: model.reasoning,
    reasoningField: 'reasoning_content',
    refuses: model.refuses.includes('maxTokens') ? ['max_tokens'] : [],
  };
}
