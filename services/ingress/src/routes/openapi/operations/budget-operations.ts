import * as requests from '@sluice/shared/api/litellm/budget.ts';
import { Budgets, BudgetSettings } from '../answers/budget-answers.ts';
import { Budget } from '../answers/limit-rows.ts';
import type { Section } from '../operation.ts';

const { BudgetDeleteRequest, BudgetInfoRequest, BudgetNewRequest, BudgetQuery, BudgetUpdateRequest } = requests;

export const budgetSection: Section = {
  tag: 'Budgets',
  description: 'Limits with a name, for whatever refers to them.',
  kind: 'management',
  operations: {
    'POST /budget/new': {
      summary: 'Makes a budget, which limits nothing until something refers to it.',
      body: { BudgetNewRequest },
      answer: { Budget },
      errors: ['already_exists'],
    },
    'POST /budget/update': {
      summary: 'Changes what the body names, for whatever refers to it; null clears a field.',
      body: { BudgetUpdateRequest },
      answer: { Budget },
      errors: ['not_found'],
    },
    'POST /budget/info': {
      summary: 'Shows the named budgets, or none if one does not exist.',
      body: { BudgetInfoRequest },
      changesNothing: true,
      answer: { Budgets },
      errors: ['not_found'],
    },
    'GET /budget/list': {
      summary: "All budgets, with those that are one holder's own.",
      answer: { Budgets },
    },
    'GET /budget/settings': {
      summary: 'The fields of a budget, each by itself.',
      query: [BudgetQuery],
      answer: { BudgetSettings },
      errors: ['not_found'],
    },
    'POST /budget/delete': {
      summary: 'Deletes a budget that nothing refers to.',
      body: { BudgetDeleteRequest },
      answer: { Budget },
      errors: ['not_found', 'in_use'],
    },
  },
};
