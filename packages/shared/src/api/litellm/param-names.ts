import { z } from 'zod';

const namesMax = 64;
const nameCharsMax = 128;

/** Without these there is no request, or none that has a price. */
const undroppable: ReadonlySet<string> = new Set(
  [
    ['model', 'messages', 'prompt', 'input', 'query', 'documents', 'stream'],
    ['max_tokens', 'max_completion_tokens'],
  ].flat(),
);

/** Names of parameters, as `allowed_openai_params` has them. */
export const ParamNames = z.array(z.string().min(1).max(nameCharsMax)).max(namesMax);

/** Names of parameters that are left out, whatever the model supports: `additional_drop_params`. */
export const DropNames = z
  .array(
    z
      .string()
      .min(1)
      .max(nameCharsMax)
      .refine(isDroppable, 'expected the name of a parameter that a request can do without, at its top level'),
  )
  .max(namesMax);

/** Whether a request can do without it; what is inside of a parameter, as in `tools[*].strict`, has no name here. */
export function isDroppable(name: string): boolean {
  return !undroppable.has(name) && !/[.[\]]/.test(name);
}

/** What a body's field says, which the ingress has checked; empty for nothing. */
export function paramNamesIn(
  body: Readonly<Record<string, unknown>>,
  field: 'additional_drop_params' | 'allowed_openai_params',
): ReadonlySet<string> {
  const names = body[field];
  return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
}
