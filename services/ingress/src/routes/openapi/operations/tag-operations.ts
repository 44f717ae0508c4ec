import { TagListQuery, TagNamed, TagRequest, TagsNamed } from '@sluice/shared/api/litellm/tag.ts';
import { tagDau, tagDistinct, tagMau, TagSummaryQuery, tagWau } from '../../spend/tag-activity.ts';
import * as answers from '../answers/tag-answers.ts';
import type { Section } from '../operation.ts';

const { ActiveUsers, DailyActiveUsers, DistinctTags, TagChanged, TagDeleted, Tags, TagsByName, TagSummary } = answers;

export const tagSection: Section = {
  tag: 'Tags',
  description: 'What requests are marked with, the limits of that, and who works with it.',
  kind: 'management',
  operations: {
    'POST /tag/new': {
      summary: 'Makes a tag, whose budget limits all requests that carry it.',
      body: { TagRequest },
      answer: { TagChanged },
      errors: ['not_found', 'already_exists'],
    },
    'POST /tag/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { TagRequest },
      answer: { TagChanged },
      errors: ['not_found', 'already_exists'],
    },
    'POST /tag/info': {
      summary: 'Shows all of the named tags, or none if one does not exist.',
      body: { TagsNamed },
      changesNothing: true,
      answer: { TagsByName },
      errors: ['not_found'],
    },
    'GET /tag/list': {
      summary: 'All tags, and then those that requests have carried and nothing limits.',
      query: [TagListQuery],
      answer: { Tags },
    },
    'POST /tag/delete': {
      summary: 'Deletes a tag; requests may go on to carry it.',
      body: { TagNamed },
      answer: { TagDeleted },
      errors: ['not_found'],
    },
    'GET /tag/distinct': {
      summary: 'The tags that most requests carried.',
      query: [tagDistinct.query],
      answer: { DistinctTags },
    },
    'GET /tag/dau': {
      summary: 'How many users worked with each tag on each day.',
      query: [tagDau.query],
      answer: { DailyActiveUsers },
    },
    'GET /tag/wau': {
      summary: 'The same in each of the last seven weeks.',
      query: [tagWau.query],
      answer: { ActiveUsers },
    },
    'GET /tag/mau': {
      summary: 'The same in each of the last months, thirty days each.',
      query: [tagMau.query],
      answer: { ActiveUsers },
    },
    'GET /tag/summary': {
      summary: 'What requests with each tag were, and of how many users.',
      query: [TagSummaryQuery],
      answer: { TagSummary },
    },
  },
};
