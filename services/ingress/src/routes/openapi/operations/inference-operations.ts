import { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import { Controls } from '../../../surfaces/openai/request-controls.ts';
import { AnyModeration } from '../../../inference/endpoints/moderations.ts';
import {
  ChatCompletion,
  ChatCompletionChunk,
  EmbeddingList,
  Moderations,
  Reranking,
  TextCompletion,
} from '../answers/inference-answers.ts';
import type { Section } from '../operation.ts';
import { rootAndV1, under } from './under.ts';

/** Where OpenAI's clients look for it, and those of Azure OpenAI and of OpenAI's first API, with the model in the path. */
const everywhere = ['', '/v1', '/engines/*model', '/openai/deployments/*model'];

export const inferenceSection: Section = {
  tag: 'Inference',
  description: 'Chat, completions, embeddings, moderations and reranking.',
  kind: 'inference',
  operations: {
    ...under(everywhere, {
      'POST /chat/completions': {
        summary: 'Answers a chat, whole or streamed.',
        body: { ChatCompletionRequest, RequestControls: Controls },
        answer: { ChatCompletion },
        events: { ChatCompletionChunk },
      },
      'POST /completions': {
        summary: "Completes a text, whole or streamed: OpenAI's legacy form, answered by chat models.",
        body: { CompletionRequest, RequestControls: Controls },
        answer: { TextCompletion },
        events: { TextCompletion },
      },
      'POST /embeddings': {
        summary: 'Turns texts, or pictures, into vectors.',
        body: { EmbeddingRequest, RequestControls: Controls },
        answer: { EmbeddingList },
      },
    }),
    ...under(rootAndV1, {
      'POST /moderations': {
        summary: 'Says what in a text is harmful, by the guardrails of OCI.',
        body: { ModerationRequest: AnyModeration, RequestControls: Controls },
        answer: { Moderations },
      },
    }),
    ...under([...rootAndV1, '/v2'], {
      'POST /rerank': {
        summary: "Ranks documents by how well they fit a query, in Cohere's words.",
        body: { RerankRequest, RequestControls: Controls },
        answer: { Reranking },
      },
    }),
  },
};
