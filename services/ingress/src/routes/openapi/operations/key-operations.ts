import * as requests from '@sluice/shared/api/litellm/key.ts';
import { KeyAliasesQuery } from '../../management/keys/key-aliases.ts';
import { KeyInfoQuery } from '../../management/keys/key-info.ts';
import { KeyListQuery } from '../../management/keys/key-list.ts';
import * as answers from '../answers/key-answers.ts';
import type { Operation, Section } from '../operation.ts';

const { KeyBlockRequest, KeyBulkUpdateRequest, KeyDeleteRequest, KeyGenerateRequest } = requests;
const { KeyRegenerateRequest, KeyResetSpendRequest, KeysInfoRequest, KeyUpdateRequest } = requests;
const { KeyAliases, KeyGenerated, KeyHealth, KeyInfoAnswer, KeyPage, KeyRow } = answers;
const { KeysBulkUpdated, KeysDeleted, KeysInfoAnswer, KeySpendReset, KeyUpdated } = answers;

const regenerate: Operation = {
  summary: 'Gives a key a new secret, which is in this answer and nowhere else; what it has spent stays.',
  body: { KeyRegenerateRequest },
  answer: { KeyGenerated },
  errors: ['not_found'],
};

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
    'POST /key/service-account/generate': {
      summary: 'Makes a key of a team and of nobody in it, which outlives every user.',
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
    'POST /v2/key/info': {
      summary: 'Shows those of the named keys that exist.',
      body: { KeysInfoRequest },
      changesNothing: true,
      answer: { KeysInfoAnswer },
      errors: ['not_found'],
    },
    'POST /key/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { KeyUpdateRequest },
      answer: { KeyUpdated },
      errors: ['not_found'],
    },
    'POST /key/bulk_update': {
      summary: 'Changes many keys, each for itself.',
      body: { KeyBulkUpdateRequest },
      answer: { KeysBulkUpdated },
    },
    'POST /key/regenerate': regenerate,
    'POST /key/:key/regenerate': regenerate,
    'POST /key/:key/reset_spend': {
      summary: 'Sets what a key counts as having spent in the current window of its budget; downwards only.',
      body: { KeyResetSpendRequest },
      answer: { KeySpendReset },
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
      errors: ['invalid_management_request'],
    },
    'GET /key/aliases': {
      summary: 'A page of the aliases of those keys.',
      query: [KeyAliasesQuery],
      answer: { KeyAliases },
    },
    'POST /key/health': {
      summary: 'Tells the caller that their key works; one that does not is refused as anywhere.',
      answer: { KeyHealth },
      errors: ['malformed_body', 'body_too_large'],
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
