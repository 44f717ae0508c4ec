import * as requests from '@sluice/shared/api/litellm/organization.ts';
import * as answers from '../answers/organization-answers.ts';
import type { Section } from '../operation.ts';

const { OrganizationDeleteRequest, OrganizationListQuery, OrganizationMemberAddRequest } = requests;
const { OrganizationMemberDeleteRequest, OrganizationMemberUpdateRequest, OrganizationNewRequest } = requests;
const { OrganizationQuery, OrganizationUpdateRequest } = requests;
const { Organization, OrganizationInfo, OrganizationInfos, OrganizationMembersAdded } = answers;
const { OrganizationMembership, Organizations } = answers;

export const organizationSection: Section = {
  tag: 'Organizations',
  description: 'Organizations, which have teams, members and limits for all of them.',
  kind: 'management',
  operations: {
    'POST /organization/new': {
      summary: 'Makes an organization, limited by a named budget or by one of its own.',
      body: { OrganizationNewRequest },
      answer: { Organization },
      errors: ['not_found', 'already_exists'],
    },
    'PATCH /organization/update': {
      summary: 'Changes what the body names; null clears a field.',
      body: { OrganizationUpdateRequest },
      answer: { Organization },
      errors: ['not_found', 'already_exists'],
    },
    'GET /organization/info': {
      summary: 'Shows an organization with those of its members and teams that the caller may see.',
      query: [OrganizationQuery],
      answer: { OrganizationInfo },
      errors: ['not_found'],
    },
    'GET /organization/list': {
      summary: 'The organizations that the caller may see.',
      query: [OrganizationListQuery],
      answer: { OrganizationInfos },
    },
    'DELETE /organization/delete': {
      summary: 'Deletes all of the named organizations, or none if one does not exist or still has teams or keys.',
      body: { OrganizationDeleteRequest },
      answer: { Organizations },
      errors: ['not_found', 'in_use'],
    },
    'POST /organization/member_add': {
      summary: 'Makes users members; none of them if one is a member already.',
      body: { OrganizationMemberAddRequest },
      answer: { OrganizationMembersAdded },
      errors: ['not_found', 'already_exists'],
    },
    'PATCH /organization/member_update': {
      summary: 'Changes the role or the budget of a member.',
      body: { OrganizationMemberUpdateRequest },
      answer: { OrganizationMembership },
      errors: ['not_found', 'already_exists'],
    },
    'DELETE /organization/member_delete': {
      summary: 'Takes a member out of an organization; their keys stay.',
      body: { OrganizationMemberDeleteRequest },
      answer: { OrganizationMembership },
      errors: ['not_found'],
    },
  },
};
