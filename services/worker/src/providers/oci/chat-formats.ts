import type { ChatFormat } from './chat-format.ts';
import { createCohereReader } from './cohere/cohere-reader.ts';
import { toCohereRequest } from './cohere/to-cohere-request.ts';
import { createCohereV2Reader } from './cohere-v2/cohere-v2-reader.ts';
import { toCohereV2Request } from './cohere-v2/to-cohere-v2-request.ts';
import { createGenericReader } from './generic/generic-reader.ts';
import { toGenericRequest } from './generic/to-generic-request.ts';
import type { ApiFormat } from './model-family.ts';

export const chatFormats: Readonly<Record<ApiFormat, ChatFormat>> = {
  GENERIC: { toRequest: toGenericRequest, createReader: createGenericReader },
  COHERE: { toRequest: toCohereRequest, createReader: createCohereReader },
  COHEREV2: { toRequest: toCohereV2Request, createReader: createCohereV2Reader },
};
