import { ExceptionsQuery } from '../../spend/activity-exceptions.ts';
import { globalActivity, globalActivityCacheHits, globalActivityModel } from '../../spend/activity.ts';
import { SpendReportQuery } from '../../spend/global-spend-report.ts';
import { globalSpendTeams } from '../../spend/global-spend-teams.ts';
import { providerBudgets } from '../../spend/provider-budgets.ts';
import * as topSpenders from '../../spend/top-spenders.ts';
import * as answers from '../answers/global-spend-answers.ts';
import {
  Activity,
  ActivityByModel,
  CacheHits,
  Exceptions,
  ExceptionsByDeployment,
} from '../answers/activity-answers.ts';
import type { Section } from '../operation.ts';

const { CustomerNames, GlobalSpend, GlobalSpendByCustomer, GlobalSpendByDay, GlobalSpendByKey } = answers;
const { GlobalSpendByModel, GlobalSpendByProvider, GlobalSpendByTag, GlobalSpendByTeam } = answers;
const { ProviderBudgets, SpendReport, TagNames } = answers;
const { globalSpendEndUsers, globalSpendKeys, globalSpendLogs, globalSpendModels } = topSpenders;
const { globalSpendProvider, globalSpendTags } = topSpenders;

export const globalSpendSection: Section = {
  tag: 'Spend of everybody',
  description: 'What all spent together, for who may see that.',
  kind: 'management',
  operations: {
    'GET /global/spend': {
      summary: 'What everybody has spent since the first call, and the budget for it.',
      answer: { GlobalSpend },
    },
    'GET /global/spend/keys': {
      summary: 'What keys spent in the last 30 days.',
      query: [globalSpendKeys.query],
      answer: { GlobalSpendByKey },
    },
    'GET /global/spend/models': {
      summary: 'What was spent on each upstream model in the last 30 days.',
      query: [globalSpendModels.query],
      answer: { GlobalSpendByModel },
    },
    'GET /global/spend/teams': {
      summary: 'What teams spent on each of the last 30 days.',
      query: [globalSpendTeams.query],
      answer: { GlobalSpendByTeam },
    },
    'GET /global/spend/tags': {
      summary: 'What requests with each tag cost.',
      query: [globalSpendTags.query],
      answer: { GlobalSpendByTag },
    },
    'GET /global/spend/all_tag_names': {
      summary: 'Every tag that a request ever carried.',
      answer: { TagNames },
    },
    'GET /global/spend/logs': {
      summary: 'What was spent on each of the last 30 days, by one key if it is named.',
      query: [globalSpendLogs.query],
      answer: { GlobalSpendByDay },
    },
    'GET /global/spend/provider': {
      summary: 'What was spent at each provider.',
      query: [globalSpendProvider.query],
      answer: { GlobalSpendByProvider },
    },
    'GET /global/spend/report': {
      summary: 'What was spent by day and team or customer, or by key.',
      query: [SpendReportQuery],
      answer: { SpendReport },
    },
    'POST /global/spend/end_users': {
      summary: 'The hundred customers that cost most.',
      body: { SpendByCustomerRequest: globalSpendEndUsers.query },
      changesNothing: true,
      answer: { GlobalSpendByCustomer },
    },
    'POST /global/spend/reset': {
      summary: 'Always refused: spend is the sum of rows that nobody can change.',
      errors: ['invalid_management_request', 'malformed_body', 'body_too_large'],
    },
    'GET /global/all_end_users': {
      summary: 'Every customer that a request ever named.',
      answer: { CustomerNames },
    },
    'GET /global/activity': {
      summary: 'Requests and tokens of each day.',
      query: [globalActivity.query],
      answer: { Activity },
    },
    'GET /global/activity/model': {
      summary: 'The same of the ten aliases that were asked most.',
      query: [globalActivityModel.query],
      answer: { ActivityByModel },
    },
    'GET /global/activity/exceptions': {
      summary: 'Requests that failed on each day.',
      query: [ExceptionsQuery],
      answer: { Exceptions },
    },
    'GET /global/activity/exceptions/deployment': {
      summary: 'The same by where they failed.',
      query: [ExceptionsQuery],
      answer: { ExceptionsByDeployment },
    },
    'GET /global/activity/cache_hits': {
      summary: 'What the response cache answered.',
      query: [globalActivityCacheHits.query],
      answer: { CacheHits },
    },
    'GET /provider/budgets': {
      summary: 'What was spent at each provider; providers have no budgets here.',
      query: [providerBudgets.query],
      answer: { ProviderBudgets },
    },
  },
};
