/** A model as OpenAI's API serves it. */
export interface OpenAiModel {
  readonly name: string;
  readonly contextTokens: number;
  readonly reasoning: 'none' | 'hidden' | 'shown';
  /** The name under which thoughts are shown: DeepSeek's, or the one of Ollama and newer vLLM. */
  readonly reasoningField: 'reasoning_content' | 'reasoning';
  /** Refused by name: a model that reasons knows only `max_completion_tokens`, an older server only `max_tokens`. */
  readonly refuses: readonly string[];
}

const plain: Omit<OpenAiModel, 'name'> = {
  contextTokens: 128_000,
  reasoning: 'none',
  reasoningField: 'reasoning_content',
  refuses: [],
};

const models: readonly OpenAiModel[] = [
  { ...plain, name: 'gpt-4o-mini' },
  { ...plain, name: 'o4-mini', reasoning: 'hidden', refuses: ['max_tokens', 'temperature', 'top_p', 'stop'] },
  { ...plain, name: 'deepseek-reasoner', reasoning: 'shown', refuses: ['max_completion_tokens'] },
  { ...plain, name: 'qwen3:8b', reasoning: 'shown', reasoningField: 'reasoning' },
  { ...plain, name: 'old-server', refuses: ['max_completion_tokens', 'stream_options'] },
];

export function findOpenAiModel(name: string): OpenAiModel | undefined {
  return models.find((model) => model.name === name);
}

/** Embedding models, and their dimensions. */
export const embeddingDimensions: ReadonlyMap<string, number> = new Map([
  ['text-embedding-3-small', 1536],
  ['text-embedding-3-large', 3072],
]);
