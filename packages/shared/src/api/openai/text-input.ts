import { z } from 'zod';

/** A text of the client's. OpenAI takes token numbers and picture parts here too; OCI takes text. */
export const TextInput = z.string({
  error: ({ input }) =>
    typeof input === 'number' || Array.isArray(input)
      ? 'tokens are not supported, send the text itself'
      : typeof input === 'object' && input !== null
        ? 'content parts are not supported, send the text itself'
        : undefined,
});
