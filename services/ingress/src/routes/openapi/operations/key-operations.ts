import {
  KeyBlockRequest,
  KeyDeleteRequest,
  KeyGenerateRequest,
  KeyUpdateRequest,
} from '@sluice/shared/api/litellm/key.ts';
import { KeyInfoQuery } from '../../management/keys/key-info.ts';
import { KeyListQuery } from '../../management/keys/key-list.ts';
import { KeyGenerated, KeyInfoAnswer, KeyPage, KeyRow, KeysDeleted, KeyUpdated } from '../answers/key-answers.ts';
import type { Section } from '../operation.ts';

export const keySection: Section = {
  tag: 'Keys',
  description: 'Virtual keys: who may call what, and how much.',
  kind: 'management',
  operations: {
    'POST /key/generate': {
      summary: 'Makes a key, which is in this answer and nowhere else.',
      body: { KeyGenerateRequest },
      answer: { KeyGenerated },
      errors: ['not_found'],
    },
    'GET /key/info': {
      summary: "Shows a key with its limits and spend; without `key`, the caller's own.",
      query: [KeyInfoQuery],
      answer: { KeyInfoAnswer },
      errors: ['not_found'],
    },
    'POST /key/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { KeyUpdateRequest },
      answer: { KeyUpdated },
      errors: ['not_found'],
    },
    'POST /key/delete': {
      summary: 'Deletes all of the named keys, or none if one does not exist.',
      body: { KeyDeleteRequest },
      answer: { KeysDeleted },
      errors: ['not_found'],
    },
    'GET /key/list': {
      summary: 'A page of the keys that the caller may see.',
      query: [KeyListQuery],
      answer: { KeyPage },
    },
    'POST /key/block': {
      summary: 'Has a key refused everywhere within a second, until it is unblocked.',
      body: { KeyBlockRequest },
      answer: { KeyRow },
      errors: ['not_found'],
    },
    'POST /key/unblock': {
      summary: 'Takes back a block.',
      body: { KeyBlockRequest },
      answer: { KeyRow },
      errors: ['not_found'],
    },
  },
};
