import type { Section } from './operation.ts';
import { batchSection } from './operations/batch-operations.ts';
import { budgetSection } from './operations/budget-operations.ts';
import { customerSection } from './operations/customer-operations.ts';
import { fileSection } from './operations/file-operations.ts';
import { globalSpendSection } from './operations/global-spend-operations.ts';
import { inferenceSection } from './operations/inference-operations.ts';
import { keySection } from './operations/key-operations.ts';
import { modelSection } from './operations/model-operations.ts';
import { organizationSection } from './operations/organization-operations.ts';
import { auditSection, documentSection, healthSection, metricsSection } from './operations/other-operations.ts';
import { spendSection } from './operations/spend-operations.ts';
import { tagSection } from './operations/tag-operations.ts';
import { teamSection } from './operations/team-operations.ts';
import { userSection } from './operations/user-operations.ts';

/** Every route there is, by tag, in the order of the document. A test holds them and the app together. */
export const sections: readonly Section[] = [
  inferenceSection,
  fileSection,
  batchSection,
  modelSection,
  keySection,
  teamSection,
  userSection,
  organizationSection,
  customerSection,
  tagSection,
  budgetSection,
  spendSection,
  globalSpendSection,
  auditSection,
  documentSection,
  healthSection,
  metricsSection,
];
