import { badFormat } from '../failure.ts';
import type { ApiFormat } from '../models.ts';
import type { ChatFormat } from './chat-format.ts';
import { cohereFormat } from './cohere.ts';
import { genericFormat } from './generic.ts';

/** Every `apiFormat`. COHEREV2 is known by name, but not spoken yet. */
export const chatFormats: Readonly<Record<ApiFormat, ChatFormat>> = {
  GENERIC: genericFormat,
  COHERE: cohereFormat,
  COHEREV2: {
    readTurn: () => {
      throw badFormat();
    },
  },
};
