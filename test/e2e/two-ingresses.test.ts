import { after, before, describe } from 'node:test';
import { customers, customersConfig, customersModels } from './suites/customers.ts';
import { idempotencyAcrossIngresses } from './suites/idempotency-ingresses.ts';
import { keyRotation } from './suites/key-rotation.ts';
import { organizations } from './suites/organizations.ts';
import { teams } from './suites/teams.ts';
import { openTwoIngresses, type TwoIngresses } from './two-ingresses.ts';

describe('distributed, one gateway with two ingresses', () => {
  let ingresses: TwoIngresses;
  before(async () => {
    ingresses = await openTwoIngresses({ models: customersModels, config: customersConfig });
  });
  after(() => ingresses[Symbol.asyncDispose]());

  for (const suite of [keyRotation, organizations, teams, customers, idempotencyAcrossIngresses]) {
    suite({ open: () => Promise.resolve(ingresses) });
  }
});
