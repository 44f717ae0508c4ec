import type { ApiFormat } from '../models.ts';
import type { ChatFormat } from './chat-format.ts';
import { cohereFormat } from './cohere.ts';
import { cohereV2Format } from './cohere-v2.ts';
import { genericFormat } from './generic.ts';

/** Every `apiFormat`. */
export const chatFormats: Readonly<Record<ApiFormat, ChatFormat>> = {
  GENERIC: genericFormat,
  COHERE: cohereFormat,
  COHEREV2: cohereV2Format,
};
