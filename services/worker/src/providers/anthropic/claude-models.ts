/** What a generation of Claude understands beyond text and tools. */
export interface ClaudeGeneration {
  /** `temperature`, `top_p`, `top_k`: gone from the newest, which answer 400 to them. */
  readonly sampling: boolean;
  /** How it is made to think: with a budget of tokens, with an effort, or not at all. */
  readonly thinking: 'none' | 'budget' | 'effort';
  /** Whether what it thinks must be asked for to be seen. */
  readonly hidesThinking: boolean;
  /** `output_config.format`: answers that follow a JSON schema. */
  readonly schemas: boolean;
}

const oldest: ClaudeGeneration = { sampling: true, thinking: 'none', hidesThinking: false, schemas: false };
const newest: ClaudeGeneration = { sampling: false, thinking: 'effort', hidesThinking: true, schemas: true };

/** By the start of the model's name, the first that fits; a name that is not known is newer than this table. */
const generations: readonly (readonly [RegExp, ClaudeGeneration])[] = [
  [/^claude-(2|instant|3-[05]|3-(opus|sonnet|haiku))/, oldest],
  [/^claude-(3-7|(opus|sonnet)-4-([01](\D|$)|20))/, { ...oldest, thinking: 'budget' }],
  [/^claude-(opus|sonnet|haiku)-4-5/, { ...oldest, thinking: 'budget', schemas: true }],
  [/^claude-(opus|sonnet|haiku)-4-6/, { ...newest, sampling: true, hidesThinking: false }],
];

export function generationOf(upstreamModel: string): ClaudeGeneration {
  return generations.find(([name]) => name.test(upstreamModel))?.[1] ?? newest;
}
