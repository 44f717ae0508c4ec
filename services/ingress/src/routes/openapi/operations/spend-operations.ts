import { CostEstimateRequest } from '../../spend/cost-estimate.ts';
import { ActivityQuery, activityNames } from '../../spend/daily-activity.ts';
import { ReconciliationQuery } from '../../spend/spend-reconciliation.ts';
import { SpendCalculateRequest } from '../../spend/spend-calculate.ts';
import { SpendExportQuery } from '../../spend/spend-export.ts';
import { SpendLogsPageQuery } from '../../spend/spend-logs-page.ts';
import { SpendLogsQuery } from '../../spend/spend-logs.ts';
import { SpendUsersQuery } from '../../spend/spend-users.ts';
import { spendTags } from '../../spend/top-spenders.ts';
import { KeyRows } from '../answers/key-answers.ts';
import { DailyActivity } from '../answers/activity-answers.ts';
import { Reconciliation } from '../answers/reconciliation.ts';
import {
  CostEstimate,
  SpendCalculated,
  SpendExport,
  SpendLogPage,
  SpendLogs,
  SpendTags,
  SpendUsers,
} from '../answers/spend-answers.ts';
import type { Operation, Section } from '../operation.ts';

const page: Operation = {
  summary: 'Rows of a period in pages, by any of their fields; without dates, of the last 24 hours.',
  query: [SpendLogsPageQuery],
  answer: { SpendLogPage },
};

const activityOf = (kind: keyof typeof activityNames): Operation => ({
  summary: `Days of what each ${kind} did, the newest first, with breakdowns.`,
  query: [ActivityQuery, activityNames[kind]],
  answer: { DailyActivity },
});

const ofCustomers = activityOf('customer');

export const spendSection: Section = {
  tag: 'Spend',
  description: 'What was spent, by whom and on what. `x-sluice-truncated: true` tells that an answer has been cut.',
  kind: 'management',
  operations: {
    'GET /spend/logs': {
      summary: 'Booked calls in the order of their starts; with dates, sums of each day.',
      query: [SpendLogsQuery],
      answer: { SpendLogs },
    },
    'GET /spend/logs/v2': page,
    'GET /spend/logs/ui': page,
    'GET /spend/keys': {
      summary: "Keys by what they have spent in their budget's current window.",
      answer: { KeyRows },
    },
    'GET /spend/users': {
      summary: 'Users by what they have ever spent.',
      query: [SpendUsersQuery],
      answer: { SpendUsers },
    },
    'GET /spend/tags': {
      summary: 'What requests with each tag cost.',
      query: [spendTags.query],
      answer: { SpendTags },
    },
    'GET /spend/export': {
      summary: 'Charge-back: what was spent in a period by any groups, with all digits.',
      query: [SpendExportQuery],
      answer: { SpendExport },
      media: { 'text/csv': 'A line for each combination of the groups, after one with the names of the columns.' },
      errors: ['overloaded'],
    },
    'GET /spend/reconciliation': {
      summary: 'Whether admissions, rows, sums, chain and counters agree, by day.',
      query: [ReconciliationQuery],
      answer: { Reconciliation },
    },
    'POST /spend/calculate': {
      summary: 'What an answer cost, or about what messages would.',
      body: { SpendCalculateRequest },
      changesNothing: true,
      answer: { SpendCalculated },
      errors: ['unknown_model', 'model_not_allowed'],
    },
    'POST /cost/estimate': {
      summary: 'What so many requests of one size would cost.',
      body: { CostEstimateRequest },
      changesNothing: true,
      answer: { CostEstimate },
      errors: ['unknown_model', 'model_not_allowed'],
    },
    'GET /user/daily/activity': activityOf('user'),
    'GET /user/daily/activity/aggregated': { ...activityOf('user'), summary: 'The same without pages.' },
    'GET /team/daily/activity': activityOf('team'),
    'GET /tag/daily/activity': activityOf('tag'),
    'GET /customer/daily/activity': ofCustomers,
    'GET /end_user/daily/activity': ofCustomers,
    'GET /organization/daily/activity': activityOf('organization'),
  },
};
