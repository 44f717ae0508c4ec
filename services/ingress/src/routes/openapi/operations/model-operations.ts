import { ModelGroupQuery } from '../../management/models/model-group-info.ts';
import { ModelInfoPageQuery, ModelInfoQuery } from '../../management/models/model-info.ts';
import { ModelsQuery } from '../../openai/models.ts';
import { Model, ModelGroupList, ModelInfoList, ModelInfoPage, ModelList } from '../answers/model-answers.ts';
import type { Section } from '../operation.ts';
import { rootAndV1, under } from './under.ts';

export const modelSection: Section = {
  tag: 'Models',
  description: 'What may be asked for.',
  kind: 'management',
  operations: {
    ...under(rootAndV1, {
      'GET /models': { summary: 'The models that the caller may use.', query: [ModelsQuery], answer: { ModelList } },
      'GET /models/*model': {
        summary: 'One of the models that the caller may use; its name may have slashes in it.',
        answer: { Model },
        errors: ['malformed_body', 'not_found'],
      },
      'GET /model/info': {
        summary: 'The deployments that the caller may use, with limits, prices and abilities.',
        query: [ModelInfoQuery],
        answer: { ModelInfoList },
        errors: ['not_found'],
      },
    }),
    'GET /v2/model/info': { summary: 'The same in pages.', query: [ModelInfoPageQuery], answer: { ModelInfoPage } },
    'GET /model_group/info': {
      summary: 'Each name that the caller may use, with what its deployments have together.',
      query: [ModelGroupQuery],
      answer: { ModelGroupList },
    },
  },
};
