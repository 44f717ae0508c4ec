/** How the models of one vendor talk: the differences of §4.2 and §7.1 as data. */
export interface FamilyRules {
  readonly vendor: 'cohere' | 'meta' | 'xai' | 'google' | 'openai' | 'imported';
  /** Tokens of an answer when the request sets no limit (§3.2; open question 7). */
  readonly defaultMaxTokens: number;
  /** Whether a stream opens with an event of empty text. */
  readonly opensEmpty: boolean;
  /** The event that carries the finish reason of a text. */
  readonly finish: 'with-empty-text' | 'bare' | 'on-last-text';
  readonly tools: ToolStyle;
  /** Finish reason when the limit cut the answer. */
  readonly cutWord: 'length' | 'max_tokens';
  /** Whether a stream tells its usage without being asked. */
  readonly tellsUsageUnasked: boolean;
  readonly usage: UsageStyle;
  /** On every event, and on every choice of a whole answer. */
  readonly serviceTier: string | null;
}

/**
 * - `whole`: a complete call per event
 * - `whole-without-id`: the same, and the client has to make up the id
 * - `fragments`: id and name, then arguments, the last fragment empty and with the finish reason
 * - `fragments-opened-empty`: id, name and empty arguments, then arguments
 */
export type ToolStyle = 'whole' | 'whole-without-id' | 'fragments' | 'fragments-opened-empty';

/**
 * - `plain`: three counts; nothing reasons
 * - `reasoning-inside`: `completionTokens` includes reasoning
 * - `reasoning-outside`: it does not, `totalTokens` does
 * - `reasoning-outside-sparse`: the same, and without text there is no `completionTokens`
 */
export type UsageStyle = 'plain' | 'reasoning-inside' | 'reasoning-outside' | 'reasoning-outside-sparse';

export const families = {
  cohere: {
    vendor: 'cohere',
    defaultMaxTokens: 20,
    opensEmpty: false,
    finish: 'bare',
    tools: 'whole-without-id',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'plain',
    serviceTier: null,
  },
  llama: {
    vendor: 'meta',
    defaultMaxTokens: 20,
    opensEmpty: true,
    finish: 'with-empty-text',
    tools: 'fragments',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'plain',
    serviceTier: null,
  },
  grok: {
    vendor: 'xai',
    defaultMaxTokens: 4096,
    opensEmpty: false,
    finish: 'bare',
    tools: 'whole',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'reasoning-outside',
    serviceTier: null,
  },
  gemini: {
    vendor: 'google',
    defaultMaxTokens: 4096,
    opensEmpty: false,
    finish: 'bare',
    tools: 'whole-without-id',
    cutWord: 'max_tokens',
    tellsUsageUnasked: true,
    usage: 'reasoning-outside-sparse',
    serviceTier: null,
  },
  gpt: {
    vendor: 'openai',
    defaultMaxTokens: 4096,
    opensEmpty: false,
    finish: 'bare',
    tools: 'fragments-opened-empty',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'reasoning-inside',
    serviceTier: 'default',
  },
  'gpt-oss': {
    vendor: 'openai',
    defaultMaxTokens: 20,
    opensEmpty: false,
    finish: 'on-last-text',
    tools: 'fragments-opened-empty',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'reasoning-inside',
    serviceTier: null,
  },
  imported: {
    vendor: 'imported',
    defaultMaxTokens: 20,
    opensEmpty: true,
    finish: 'with-empty-text',
    tools: 'fragments',
    cutWord: 'length',
    tellsUsageUnasked: false,
    usage: 'reasoning-inside',
    serviceTier: null,
  },
} as const satisfies Record<string, FamilyRules>;

export type Family = keyof typeof families;
