import type { OpenAiTarget } from './gateway-config.ts';

/** How a provider is spoken to, and what LiteLLM calls its variables. */
export interface ProviderDialect {
  readonly api: 'openai' | 'anthropic';
  /** Where `api_base` and its variables say nothing; null: there is no usual place. */
  readonly baseUrl: string | null;
  readonly baseVariables: readonly string[];
  /** The path of its API, for an address without one. */
  readonly path: string;
  readonly keyVariables: readonly string[];
  readonly keyRequired: boolean;
  /** The parameter that limits an answer; `by-model`: as OpenAI's own models want it, `max_tokens` for others. */
  readonly tokenLimit: OpenAiTarget['tokenLimit'] | 'by-model';
}

/**
 * The providers besides OCI, by the prefix that LiteLLM gives them in `model`. Places and names of variables are
 * LiteLLM's; Ollama and Gemini are spoken to by their OpenAI-compatible surface.
 */
export const dialects: Readonly<Record<string, ProviderDialect>> = {
  openai: {
    api: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    baseVariables: ['OPENAI_BASE_URL', 'OPENAI_API_BASE'],
    path: '',
    keyVariables: ['OPENAI_API_KEY'],
    keyRequired: true,
    tokenLimit: 'by-model',
  },
  azure: {
    api: 'openai',
    baseUrl: null,
    baseVariables: ['AZURE_API_BASE'],
    path: '',
    keyVariables: ['AZURE_API_KEY', 'AZURE_OPENAI_API_KEY'],
    keyRequired: true,
    tokenLimit: 'max_completion_tokens',
  },
  ollama: ollama(),
  ollama_chat: ollama(),
  openrouter: {
    api: 'openai',
    baseUrl: 'https://openrouter.ai/api/v1',
    baseVariables: ['OPENROUTER_API_BASE'],
    path: '/api/v1',
    keyVariables: ['OPENROUTER_API_KEY', 'OR_API_KEY'],
    keyRequired: true,
    tokenLimit: 'max_tokens',
  },
  hosted_vllm: {
    api: 'openai',
    baseUrl: null,
    baseVariables: ['HOSTED_VLLM_API_BASE'],
    path: '/v1',
    keyVariables: ['HOSTED_VLLM_API_KEY'],
    keyRequired: false,
    tokenLimit: 'max_tokens',
  },
  groq: {
    api: 'openai',
    baseUrl: 'https://api.groq.com/openai/v1',
    baseVariables: ['GROQ_API_BASE'],
    path: '/openai/v1',
    keyVariables: ['GROQ_API_KEY'],
    keyRequired: true,
    tokenLimit: 'max_completion_tokens',
  },
  gemini: {
    api: 'openai',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    baseVariables: ['GEMINI_API_BASE'],
    path: '/v1beta/openai',
    keyVariables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    keyRequired: true,
    tokenLimit: 'max_tokens',
  },
  anthropic: {
    api: 'anthropic',
    baseUrl: 'https://api.anthropic.com',
    baseVariables: ['ANTHROPIC_API_BASE', 'ANTHROPIC_BASE_URL'],
    path: '',
    keyVariables: ['ANTHROPIC_API_KEY'],
    keyRequired: true,
    tokenLimit: 'max_tokens',
  },
};

function ollama(): ProviderDialect {
  return {
    api: 'openai',
    baseUrl: 'http://localhost:11434/v1',
    baseVariables: ['OLLAMA_API_BASE'],
    path: '/v1',
    keyVariables: ['OLLAMA_API_KEY'],
    keyRequired: false,
    tokenLimit: 'max_tokens',
  };
}

export const providerNames: readonly string[] = ['oci', ...Object.keys(dialects)];

/** OpenAI's own models, also under the names that OCI and fine-tuning give them. */
const openAiModel = /^(?:ft:|openai[./])?(?:gpt-(?!oss)|chatgpt-|o\d)/;

export function tokenLimitOf(limit: ProviderDialect['tokenLimit'], model: string): OpenAiTarget['tokenLimit'] {
  if (limit !== 'by-model') return limit;
  return openAiModel.test(model) ? 'max_completion_tokens' : 'max_tokens';
}
