import { z } from 'zod';
import { TextInput } from './text-input.ts';

/** Each text is a call of its own to the provider. */
const moderationInputsMax = 32;

const names = z
  .array(z.string().regex(/^[A-Za-z][A-Za-z_]{0,63}$/, 'expected a name of letters and underscores'))
  .min(1)
  .max(32);

/** POST /v1/moderations, with a model. `categories` and `pii_types` are ours: what to look for, if not the usual. */
export const ModerationRequest = z.looseObject({
  model: z.string().min(1),
  input: z.union([TextInput, z.array(TextInput).min(1).max(moderationInputsMax)]),
  /** The provider's categories in any case, `prompt_injection`, `pii`. */
  categories: names.nullish(),
  /** The kinds of personal data that `pii` looks for. */
  pii_types: names.nullish(),
  user: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type ModerationRequest = z.infer<typeof ModerationRequest>;
