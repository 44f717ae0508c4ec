import * as requests from '@sluice/shared/api/litellm/customer.ts';
import * as answers from '../answers/customer-answers.ts';
import type { Operations, Section } from '../operation.ts';

const { CustomerListQuery, CustomerQuery, CustomerRequest, CustomersNamed } = requests;
const { Customer, Customers, CustomersBlocked, CustomersDeleted, CustomersUnblocked } = answers;

/** By method and what follows either of LiteLLM's names for customers. */
const operations: Operations = {
  'POST new': {
    summary: 'Makes a customer.',
    body: { CustomerRequest },
    answer: { Customer },
    errors: ['not_found', 'already_exists'],
  },
  'POST update': {
    summary: 'Changes what the body names; null clears a field.',
    body: { CustomerRequest },
    answer: { Customer },
    errors: ['not_found', 'already_exists'],
  },
  'GET info': {
    summary: 'Shows a customer with their limits and spend.',
    query: [CustomerQuery],
    answer: { Customer },
    errors: ['not_found'],
  },
  'GET list': {
    summary: 'A page of the customers, the oldest first.',
    query: [CustomerListQuery],
    answer: { Customers },
  },
  'POST delete': {
    summary: 'Deletes all of the named customers, or none if one does not exist.',
    body: { CustomersNamed },
    answer: { CustomersDeleted },
    errors: ['not_found'],
  },
  'POST block': {
    summary: 'Has requests for customers refused everywhere within a second; also for whom nobody has met yet.',
    body: { CustomersNamed },
    answer: { CustomersBlocked },
  },
  'POST unblock': {
    summary: 'Takes back blocks.',
    body: { CustomersNamed },
    answer: { CustomersUnblocked },
    errors: ['not_found'],
  },
};

export const customerSection: Section = {
  tag: 'Customers',
  description: 'End users, whom requests name and on whose behalf they are made.',
  kind: 'management',
  operations: Object.fromEntries(
    ['/customer', '/end_user'].flatMap((prefix) =>
      Object.entries(operations).map(([place, operation]) => [place.replace(' ', ` ${prefix}/`), operation]),
    ),
  ),
};
