import { z } from 'zod';

export const Model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
});

export const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) });

/** One deployment under one name. */
export const ModelInfo = z.object({
  model_name: z.string(),
  litellm_params: z.looseObject({ model: z.string(), custom_llm_provider: z.string() }),
  model_info: z
    .looseObject({ id: z.string(), mode: z.string().nullable(), litellm_provider: z.string() })
    .describe('Limits, prices, abilities and the day of retirement, as far as they are known.'),
});

export const ModelInfoList = z.object({ data: z.array(ModelInfo) });

export const ModelInfoPage = z.object({
  data: z.array(ModelInfo),
  total_count: z.int(),
  current_page: z.int(),
  total_pages: z.int(),
  size: z.int(),
});

export const ModelGroupList = z.object({
  data: z.array(
    z.looseObject({
      model_group: z.string(),
      providers: z.array(z.string()),
      max_input_tokens: z.number().nullable(),
      max_output_tokens: z.number().nullable(),
      input_cost_per_token: z.number().nullable(),
      output_cost_per_token: z.number().nullable(),
      mode: z.string().nullable(),
    }),
  ),
});
