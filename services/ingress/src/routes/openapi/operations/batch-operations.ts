import { BatchesQuery } from '../../openai/batches/list-batches.ts';
import { NewBatchBody } from '../../openai/batches/new-batch.ts';
import { BatchList, BatchObject, BatchOrDryRun } from '../answers/batch-answers.ts';
import type { Operation, Section } from '../operation.ts';

const create: Operation = {
  summary: 'Runs the requests of a file within a time, as far as others leave room for them.',
  body: { NewBatchBody },
  answer: { BatchOrDryRun },
  errors: ['unsupported_parameter', 'too_many_batches', 'deadline_exceeded', 'overloaded'],
};

const list: Operation = {
  summary: "The batches of the key's team, or of the key if it has none, the latest first.",
  query: [BatchesQuery],
  answer: { BatchList },
};

const retrieve: Operation = { summary: 'One of them.', answer: { BatchObject }, errors: ['not_found'] };

const cancel: Operation = {
  summary: 'Ends it within seconds; what was answered stays.',
  answer: { BatchObject },
  errors: ['not_found', 'batch_over'],
};

export const batchSection: Section = {
  tag: 'Batches',
  description: 'Many requests at once, answered when there is room.',
  kind: 'batch',
  operations: {
    'POST /batches': create,
    'POST /v1/batches': create,
    'GET /batches': list,
    'GET /v1/batches': list,
    'GET /batches/:id': retrieve,
    'GET /v1/batches/:id': retrieve,
    'POST /batches/:id/cancel': cancel,
    'POST /v1/batches/:id/cancel': cancel,
  },
};
