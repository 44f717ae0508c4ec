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
  return new CallMeter();
}

class CallMeter implements Meter {
  provided: Usage | null = null;
  outputCharacters = 0;
  #pieces = 0;
  #bytes = 0;
  #reasoningBytes = 0;

  get hasContent(): boolean {
    return this.#pieces > 0;
  }

  note(event: ProviderEvent): void {
    switch (event.type) {
      case 'usage':
        this.provided = event.usage;
        break;
      case 'text-delta':
      case 'refusal-delta':
        this.#count(event.text);
        break;
      case 'reasoning-delta':
        this.#reasoningBytes += this.#count(event.text);
        break;
      case 'tool-call-delta':
        this.#count((event.name ?? '') + event.arguments);
        break;
      case 'embedding':
      case 'rank':
      case 'moderation':
        this.#pieces += 1;
        break;
      // What is said of the answer is no part of it.
      case 'logprobs':
      case 'url-citation':
      case 'provider-fields':
      case 'accepted':
      case 'choice-end':
        break;
    }
  }

  estimate(bounds: { inputTokensEstimate: number; inputTokensMax: number; outputTokensCap: number }): Usage {
    const { inputTokensEstimate, inputTokensMax, outputTokensCap } = bounds;
    const written = Math.max(this.#pieces, Math.ceil(this.#bytes / bytesPerToken));
    const outputTokens = Math.min(written, outputTokensCap);
    return {
      inputTokens: Math.min(inputTokensEstimate, inputTokensMax),
      outputTokens,
      cachedInputTokens: 0,
      reasoningTokens: Math.min(Math.ceil(this.#reasoningBytes / bytesPerToken), outputTokens),
    };
  }

  /** @returns its size in bytes */
  #count(text: string): number {
    if (text === '') return 0;
    const size = Buffer.byteLength(text);
    this.#pieces += 1;
    this.outputCharacters += text.length;
    this.#bytes += size;
    return size;
  }
}
