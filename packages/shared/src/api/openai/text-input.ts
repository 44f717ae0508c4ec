import { z } from 'zod';

/** A text of the client's. OpenAI takes token numbers and picture parts here too; OCI takes text. */
export const TextInput = z.string({ error: ({ input }) => textInputFault(input) });

/** What a client should know who sent something else; undefined: nothing in particular. */
export function textInputFault(input: unknown): string | undefined {
  if (typeof input === 'number' || Array.isArray(input)) return 'tokens are not supported, send the text itself';
  const isPart = typeof input === 'object' && input !== null;
  return isPart ? 'content parts are not supported, send the text itself' : undefined;
}
