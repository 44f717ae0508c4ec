import * as requests from '@sluice/shared/api/litellm/team.ts';
import * as answers from '../answers/team-answers.ts';
import type { Operation, Section } from '../operation.ts';

const { MemberAddRequest, MemberBulkAddRequest, MemberDeleteRequest, MemberUpdateRequest } = requests;
const { TeamDeleteRequest, TeamFields, TeamModelsRequest, TeamNamed, TeamNewRequest } = requests;
const { TeamListQuery, TeamPageQuery, TeamPermissionsRequest, TeamQuery, TeamUpdateRequest } = requests;
const { MembersAdded, MembersBulkAdded, MemberUpdated, Team, TeamInfoAnswer, TeamPage } = answers;
const { TeamPermissions, Teams, TeamsWithKeys, TeamUpdated } = answers;

const noLogging: Operation = {
  summary: 'Always refused: there are no logging callbacks, of teams or of anybody.',
  errors: ['not_found', 'invalid_management_request', 'malformed_body', 'body_too_large'],
};

export const teamSection: Section = {
  tag: 'Teams',
  description: 'Teams, their members and what these may do.',
  kind: 'management',
  operations: {
    'POST /team/new': {
      summary: 'Makes a team, with its first members.',
      body: { TeamNewRequest },
      answer: { Team },
      errors: ['not_found', 'already_exists'],
    },
    'POST /team/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { TeamUpdateRequest },
      answer: { TeamUpdated },
      errors: ['not_found'],
    },
    'PATCH /team/:team_id': {
      summary: 'The same as /team/update, with the team alone in the answer.',
      body: { TeamFields },
      answer: { Team },
      errors: ['not_found'],
    },
    'GET /team/info': {
      summary: 'Shows a team with its members and those of its keys that the caller may see.',
      query: [TeamQuery],
      answer: { TeamInfoAnswer },
      errors: ['not_found'],
    },
    'GET /team/list': {
      summary: 'Teams with their keys: all, or those that the caller may see.',
      query: [TeamListQuery],
      answer: { TeamsWithKeys },
    },
    'GET /v2/team/list': {
      summary: 'A page of the teams that the caller may see.',
      query: [TeamPageQuery],
      answer: { TeamPage },
    },
    'POST /team/member_add': {
      summary: 'Makes users members; none of them if one is a member already.',
      body: { MemberAddRequest },
      answer: { MembersAdded },
      errors: ['not_found', 'already_member'],
    },
    'POST /team/member_update': {
      summary: 'Changes the role or the limits of a member.',
      body: { MemberUpdateRequest },
      answer: { MemberUpdated },
      errors: ['not_found'],
    },
    'POST /team/member_delete': {
      summary: 'Takes a member out of a team, with the keys that they had there.',
      body: { MemberDeleteRequest },
      answer: { Team },
      errors: ['not_found'],
    },
    'POST /team/bulk_member_add': {
      summary: 'Makes many users members; who is one already stays as they are.',
      body: { MemberBulkAddRequest },
      answer: { MembersBulkAdded },
      errors: ['not_found'],
    },
    'POST /team/delete': {
      summary: 'Deletes teams with their keys.',
      body: { TeamDeleteRequest },
      answer: { Teams },
      errors: ['not_found'],
    },
    'POST /team/block': {
      summary: "Has a team's keys refused everywhere within a second, until it is unblocked.",
      body: { TeamNamed },
      answer: { Team },
      errors: ['not_found'],
    },
    'POST /team/unblock': {
      summary: 'Takes back a block.',
      body: { TeamNamed },
      answer: { Team },
      errors: ['not_found'],
    },
    'POST /team/model/add': {
      summary: "Adds to the team's list of models.",
      body: { TeamModelsRequest },
      answer: { Team },
      errors: ['not_found'],
    },
    'POST /team/model/delete': {
      summary: "Takes from the team's list of models.",
      body: { TeamModelsRequest },
      answer: { Team },
      errors: ['not_found'],
    },
    'GET /team/permissions_list': {
      summary: 'Shows which routes members may call for their team.',
      query: [TeamQuery],
      answer: { TeamPermissions },
      errors: ['not_found'],
    },
    'POST /team/permissions_update': {
      summary: 'Says which routes members may call for their team.',
      body: { TeamPermissionsRequest },
      answer: { TeamPermissions },
      errors: ['not_found'],
    },
    'POST /team/:team_id/callback': noLogging,
    'GET /team/:team_id/callback': { ...noLogging, errors: ['not_found', 'invalid_management_request'] },
    'POST /team/:team_id/disable_logging': noLogging,
  },
};
