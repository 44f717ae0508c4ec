import { BatchesQuery } from '../../openai/batches/list-batches.ts';
import { NewBatchBody } from '../../openai/batches/new-batch.ts';
import { BatchList, BatchObject, BatchOrDryRun } from '../answers/batch-answers.ts';
import type { Section } from '../operation.ts';
import { rootAndV1, under } from './under.ts';

export const batchSection: Section = {
  tag: 'Batches',
  description: 'Many requests at once, answered when there is room.',
  kind: 'batch',
  operations: under(rootAndV1, {
    'POST /batches': {
      summary: 'Runs the requests of a file within a time, as far as others leave room for them.',
      body: { NewBatchBody },
      answer: { BatchOrDryRun },
      errors: ['unsupported_parameter', 'too_many_batches', 'deadline_exceeded', 'overloaded'],
    },
    'GET /batches': {
      summary: "The batches of the key's team, or of the key if it has none, the latest first.",
      query: [BatchesQuery],
      answer: { BatchList },
    },
    'GET /batches/:id': { summary: 'One of them.', answer: { BatchObject }, errors: ['not_found'] },
    'POST /batches/:id/cancel': {
      summary: 'Ends it within seconds; what was answered stays.',
      answer: { BatchObject },
      errors: ['not_found', 'batch_over'],
    },
  }),
};
