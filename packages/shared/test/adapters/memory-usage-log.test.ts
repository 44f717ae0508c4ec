import { createMemoryUsageLog } from '../../src/adapters/memory/memory-usage-log.ts';
import { usageLogConformance } from '../conformance/usage-log.ts';

usageLogConformance('memory', async () => ({
  ...createMemoryUsageLog(() => {}),
  [Symbol.asyncDispose]: async () => {},
}));
