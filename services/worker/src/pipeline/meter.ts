import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { ProviderEvent } from '../providers/provider.ts';

/** Counts what a call writes, for answers that end without the provider's own count. */
export interface Meter {
  note(event: ProviderEvent): void;
  /** The provider's counts, or null while it has given none. */
  readonly provided: Usage | null;
  /** Anything that a client could have seen. */
  readonly hasContent: boolean;
  readonly outputCharacters: number;
  /**
   * Our estimate: a token per piece or per four bytes, whichever is more, since a provider sends at least a token
   * per piece. Never more than admission reserved for.
   */
  estimate(bounds: { inputTokensEstimate: number; inputTokensMax: number; outputTokensCap: number }): Usage;
}

const bytesPerToken = 4;

export function createMeter(): Meter {
  let provided: Usage | null = null;
  let pieces = 0;
  let characters = 0;
  let bytes = 0;
  let reasoningBytes = 0;

  const count = (text: string) => {
    if (text === '') return 0;
    const size = Buffer.byteLength(text);
    pieces += 1;
    characters += text.length;
    bytes += size;
    return size;
  };

  return {
    get provided() {
      return provided;
    },
    get hasContent() {
      return pieces > 0;
    },
    get outputCharacters() {
      return characters;
    },
    note(event) {
      switch (event.type) {
        case 'usage':
          provided = event.usage;
          break;
        case 'text-delta':
        case 'refusal-delta':
          count(event.text);
          break;
        case 'reasoning-delta':
          reasoningBytes += count(event.text);
          break;
        case 'tool-call-delta':
          count((event.name ?? '') + event.arguments);
          break;
        case 'embedding':
        case 'rank':
        case 'moderation':
          pieces += 1;
          break;
        // What is said of the answer is no part of it.
        case 'logprobs':
        case 'url-citation':
        case 'provider-fields':
        case 'accepted':
        case 'choice-end':
          break;
      }
    },
    estimate({ inputTokensEstimate, inputTokensMax, outputTokensCap }) {
      const outputTokens = Math.min(Math.max(pieces, Math.ceil(bytes / bytesPerToken)), outputTokensCap);
      return {
        inputTokens: Math.min(inputTokensEstimate, inputTokensMax),
        outputTokens,
        cachedInputTokens: 0,
        reasoningTokens: Math.min(Math.ceil(reasoningBytes / bytesPerToken), outputTokens),
      };
    },
  };
}
