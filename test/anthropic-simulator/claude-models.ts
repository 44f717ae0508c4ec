/** A model as Anthropic's API serves it. */
export interface ClaudeModel {
  readonly name: string;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  /** The fields of a request that it refuses. */
  readonly refuses: readonly string[];
  /** Which kinds of `thinking` it takes. */
  readonly thinking: readonly ('enabled' | 'adaptive')[];
}

const sampling = ['temperature', 'top_p', 'top_k'];

const models: readonly ClaudeModel[] = [
  {
    name: 'claude-3-5-haiku-20241022',
    contextTokens: 200_000,
    maxOutputTokens: 8192,
    refuses: ['thinking', 'output_config'],
    thinking: [],
  },
  {
    name: 'claude-sonnet-4-5',
    contextTokens: 200_000,
    maxOutputTokens: 64_000,
    refuses: [],
    thinking: ['enabled'],
  },
  {
    name: 'claude-opus-4-8',
    contextTokens: 1_000_000,
    maxOutputTokens: 128_000,
    refuses: sampling,
    thinking: ['adaptive'],
  },
];

export function findClaudeModel(name: string): ClaudeModel | undefined {
  return models.find((model) => model.name === name);
}
