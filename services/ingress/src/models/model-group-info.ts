import type { ModelInfo } from './model-info.ts';
import type { NamedModel } from './named-models.ts';

/** What LiteLLM's `/model_group/info` says of a name: the most that its deployments have, each on its own. */
export function modelGroupInfo({ name, mode }: NamedModel, infos: readonly ModelInfo[]): Record<string, unknown> {
  const facts = infos.map(({ model_info }) => model_info);
  const most = (field: string): number | null => {
    const numbers = facts.map((fact) => fact[field]).filter((value) => typeof value === 'number');
    return numbers.length === 0 ? null : Math.max(...numbers);
  };
  const any = (field: string) => facts.some((fact) => fact[field] === true);
  return {
    model_group: name,
    providers: [...new Set(facts.map(({ litellm_provider: provider }) => provider))],
    max_input_tokens: most('max_input_tokens'),
    max_output_tokens: most('max_output_tokens'),
    input_cost_per_token: most('input_cost_per_token'),
    output_cost_per_token: most('output_cost_per_token'),
    mode,
    tpm: null, // deployments have no limits of their own
    rpm: null,
    supports_parallel_function_calling: any('supports_parallel_function_calling'),
    supports_vision: any('supports_vision'),
    supports_function_calling: any('supports_function_calling'),
    supports_reasoning: any('supports_reasoning'),
    supports_web_search: any('supports_web_search'),
    is_public_model_group: false,
    health_status: null,
  };
}
