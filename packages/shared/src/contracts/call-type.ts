import { z } from 'zod';

/** What a worker is asked to do. */
export const JobKind = z.enum(['chat', 'embedding', 'rerank', 'moderation']);
export type JobKind = z.infer<typeof JobKind>;

/** How the client asked for it, in the words of LiteLLM's spend rows. */
export const CallType = z.enum(['acompletion', 'atext_completion', 'aembedding', 'arerank', 'amoderation']);
export type CallType = z.infer<typeof CallType>;

const kinds: Readonly<Record<CallType, JobKind>> = {
  acompletion: 'chat',
  atext_completion: 'chat',
  aembedding: 'embedding',
  arerank: 'rerank',
  amoderation: 'moderation',
};

export function kindOf(callType: CallType): JobKind {
  return kinds[callType];
}

const usual: Readonly<Record<JobKind, CallType>> = {
  chat: 'acompletion',
  embedding: 'aembedding',
  rerank: 'arerank',
  moderation: 'amoderation',
};

/** A job that does not say how it was asked for was asked for in the usual way. */
export function callTypeOf({ kind, callType }: { kind: JobKind; callType?: CallType | undefined }): CallType {
  return callType ?? usual[kind];
}
