import * as requests from '@sluice/shared/api/litellm/user.ts';
import * as answers from '../answers/user-answers.ts';
import type { Section } from '../operation.ts';

const { UserBulkUpdateRequest, UserDeleteRequest, UserListQuery, UserNewRequest, UserQuery } = requests;
const { UserUpdateRequest } = requests;
const { User, UserCreated, UserInfoAnswer, UserPage, UsersBulkUpdated, UsersDeleted, UserUpdated } = answers;

export const userSection: Section = {
  tag: 'Users',
  description: 'People, who have roles, keys of their own and places in teams.',
  kind: 'management',
  operations: {
    'POST /user/new': {
      summary: 'Makes a user, with a key of their own unless they are to have none.',
      body: { UserNewRequest },
      answer: { UserCreated },
      errors: ['not_found', 'already_exists', 'already_member'],
    },
    'GET /user/info': {
      summary: 'Shows a user with their keys and teams; without `user_id`, the caller.',
      query: [UserQuery],
      answer: { UserInfoAnswer },
      errors: ['not_found'],
    },
    'GET /v2/user/info': {
      summary: 'Shows a user alone.',
      query: [UserQuery],
      answer: { User },
      errors: ['not_found'],
    },
    'POST /user/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { UserUpdateRequest },
      answer: { UserUpdated },
      errors: ['not_found', 'already_exists'],
    },
    'POST /user/bulk_update': {
      summary: 'Changes many users, each for themselves.',
      body: { UserBulkUpdateRequest },
      answer: { UsersBulkUpdated },
    },
    'GET /user/list': {
      summary: 'A page of the users that the caller may see.',
      query: [UserListQuery],
      answer: { UserPage },
    },
    'POST /user/delete': {
      summary: 'Deletes users with their keys and memberships.',
      body: { UserDeleteRequest },
      answer: { UsersDeleted },
      errors: ['not_found'],
    },
  },
};
