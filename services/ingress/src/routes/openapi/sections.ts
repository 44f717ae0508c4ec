import type { Section } from './operation.ts';
import { globalSpendSection } from './operations/global-spend-operations.ts';
import { inferenceSection } from './operations/inference-operations.ts';
import { keySection } from './operations/key-operations.ts';
import { modelSection } from './operations/model-operations.ts';
import { auditSection, documentSection, healthSection, metricsSection } from './operations/other-operations.ts';
import { spendSection } from './operations/spend-operations.ts';
import { teamSection } from './operations/team-operations.ts';
import { userSection } from './operations/user-operations.ts';

/** Every route there is, by tag, in the order of the document. A test holds them and the app together. */
export const sections: readonly Section[] = [
  inferenceSection,
  modelSection,
  keySection,
  teamSection,
  userSection,
  spendSection,
  globalSpendSection,
  auditSection,
  documentSection,
  healthSection,
  metricsSection,
];
