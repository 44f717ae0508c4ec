import { errorCatalog } from '@sluice/shared/errors.ts';
import { z } from 'zod';

const types = [...new Set(Object.values(errorCatalog).map(({ type }) => type))];

/** Every error but one; docs/errors.md. */
export const ErrorBody = z.object({
  error: z.object({
    message: z.string().describe('For people.'),
    type: z.enum(types).describe('For programs.'),
    param: z.string().nullable().describe('The field at fault, as the client spelt it: messages.0.role.'),
    code: z.string().describe('The status, as text.'),
    litellm_call_id: z.string().optional().describe('The call, with include_call_id_in_error_body.'),
  }),
  detail: z.string().optional().describe('The same where LiteLLM answers in the shape of its framework.'),
});

/** A management request with fields of wrong types: status 422. */
export const ValidationErrorBody = z.object({
  detail: z.array(
    z.object({
      type: z.string(),
      loc: z.array(z.union([z.string(), z.int()])).describe('["body", "models", 0]'),
      msg: z.string(),
      input: z.unknown(),
    }),
  ),
});
