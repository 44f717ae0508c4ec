import { z } from 'zod';
import { type Mode, modes } from '../config/gateway-config.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import { maxUsdPerToken, nanoUsdPerMillion } from './nano-usd-per-million.ts';
import listed from './oci-prices.json' with { type: 'json' };

/** The day from which `oci-prices.json` holds. Change it with the file: spend rows name the version they were priced by. */
const effectiveFrom = '2026-11-21';

export interface PriceBook {
  /** As spend rows name it: `oci-prices@2026-11-21`. */
  readonly version: string;
  /** ISO date. */
  readonly effectiveFrom: string;
  /**
   * For a model that is priced nowhere: the dearest input and the dearest output of all chat models in the book,
   * each on its own. A model without a price must fail closed. Too dear stops a budget early and somebody asks; too
   * cheap, or free, would spend real money that no budget sees.
   */
  readonly defaultPrice: TokenPrice;
  readonly entries: readonly PriceBookEntry[];
  /** @param model with its provider prefix, as in `oci/xai.grok-4` */
  find(model: string): PriceBookEntry | null;
}

export interface PriceBookEntry {
  /** With provider prefix. */
  readonly model: string;
  readonly mode: Mode;
  readonly price: TokenPrice;
  /** Tokens; null: not listed. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** Numbers of an embedding; null: not listed, or no embedding model. */
  readonly outputVectorSize: number | null;
  /** What the list says that the model can do; null: it says nothing. */
  readonly supports: {
    readonly functionCalling: boolean | null;
    readonly responseSchema: boolean | null;
    readonly nativeStreaming: boolean | null;
    readonly vision: boolean | null;
    readonly reasoning: boolean | null;
    readonly embeddingImageInput: boolean | null;
  };
}

/** Reads the price book that ships with Sluice. @throws when the file is not what it should be */
export function loadPriceBook(): PriceBook {
  const entries = z.array(Listed).min(1).parse(listed).map(toEntry);
  const byModel = new Map(entries.map((entry) => [entry.model, entry]));
  if (byModel.size !== entries.length) throw new Error('oci-prices.json lists a model twice');
  const chatPrices = entries.filter(({ mode }) => mode === 'chat').map(({ price }) => price);
  return {
    version: `oci-prices@${effectiveFrom}`,
    effectiveFrom,
    defaultPrice: {
      inputNanoUsdPerMillion: Math.max(...chatPrices.map((price) => price.inputNanoUsdPerMillion)),
      outputNanoUsdPerMillion: Math.max(...chatPrices.map((price) => price.outputNanoUsdPerMillion)),
    },
    entries,
    find: (model) => byModel.get(model) ?? null,
  };
}

const usdPerToken = z.number().min(0).max(maxUsdPerToken);
const tokens = z.int().positive().nullish();
const flag = z.boolean().optional();

/** One row of LiteLLM's price list, in its own words. Unknown fields are left alone. */
const Listed = z.object({
  model: z.string().startsWith('oci/'),
  mode: z.enum(modes),
  input_cost_per_token: usdPerToken,
  output_cost_per_token: usdPerToken,
  cache_read_input_token_cost: usdPerToken.optional(),
  max_input_tokens: tokens,
  max_output_tokens: tokens,
  output_vector_size: z.int().positive().optional(),
  supports_function_calling: flag,
  supports_response_schema: flag,
  supports_native_streaming: flag,
  supports_vision: flag,
  supports_reasoning: flag,
  supports_embedding_image_input: flag,
});

function toEntry(row: z.infer<typeof Listed>): PriceBookEntry {
  return {
    model: row.model,
    mode: row.mode,
    price: {
      inputNanoUsdPerMillion: nanoUsdPerMillion(row.input_cost_per_token),
      outputNanoUsdPerMillion: nanoUsdPerMillion(row.output_cost_per_token),
      ...(row.cache_read_input_token_cost !== undefined && {
        cachedInputNanoUsdPerMillion: nanoUsdPerMillion(row.cache_read_input_token_cost),
      }),
    },
    maxInputTokens: row.max_input_tokens ?? null,
    maxOutputTokens: row.max_output_tokens ?? null,
    outputVectorSize: row.output_vector_size ?? null,
    supports: {
      functionCalling: row.supports_function_calling ?? null,
      responseSchema: row.supports_response_schema ?? null,
      nativeStreaming: row.supports_native_streaming ?? null,
      vision: row.supports_vision ?? null,
      reasoning: row.supports_reasoning ?? null,
      embeddingImageInput: row.supports_embedding_image_input ?? null,
    },
  };
}
