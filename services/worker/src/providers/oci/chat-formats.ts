import type { ChatFormat } from './chat-format.ts';
import { createCohereEventReader } from './cohere/from-cohere-event.ts';
import { fromCohereResponse } from './cohere/from-cohere-response.ts';
import { toCohereRequest } from './cohere/to-cohere-request.ts';
import { createCohereV2EventReader } from './cohere-v2/from-cohere-v2-event.ts';
import { fromCohereV2Response } from './cohere-v2/from-cohere-v2-response.ts';
import { toCohereV2Request } from './cohere-v2/to-cohere-v2-request.ts';
import { createGenericEventReader } from './generic/from-generic-event.ts';
import { fromGenericResponse } from './generic/from-generic-response.ts';
import { toGenericRequest } from './generic/to-generic-request.ts';
import type { ApiFormat } from './model-family.ts';

export const chatFormats: Readonly<Record<ApiFormat, ChatFormat>> = {
  GENERIC: {
    toRequest: toGenericRequest,
    fromResponse: fromGenericResponse,
    createEventReader: createGenericEventReader,
  },
  COHERE: {
    toRequest: toCohereRequest,
    fromResponse: fromCohereResponse,
    createEventReader: createCohereEventReader,
  },
  COHEREV2: {
    toRequest: toCohereV2Request,
    fromResponse: fromCohereV2Response,
    createEventReader: createCohereV2EventReader,
  },
};
