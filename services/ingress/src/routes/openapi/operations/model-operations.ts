import { ModelGroupQuery } from '../../management/models/model-group-info.ts';
import { ModelInfoPageQuery, ModelInfoQuery } from '../../management/models/model-info.ts';
import { ModelsQuery } from '../../openai/models.ts';
import { Model, ModelGroupList, ModelInfoList, ModelInfoPage, ModelList } from '../answers/model-answers.ts';
import type { Operation, Section } from '../operation.ts';

const list: Operation = {
  summary: 'The models that the caller may use.',
  query: [ModelsQuery],
  answer: { ModelList },
};

const retrieve: Operation = {
  summary: 'One of the models that the caller may use; its name may have slashes in it.',
  answer: { Model },
  errors: ['malformed_body', 'not_found'],
};

const info: Operation = {
  summary: 'The deployments that the caller may use, with limits, prices and abilities.',
  query: [ModelInfoQuery],
  answer: { ModelInfoList },
  errors: ['not_found'],
};

export const modelSection: Section = {
  tag: 'Models',
  description: 'What may be asked for.',
  kind: 'management',
  operations: {
    'GET /models': list,
    'GET /v1/models': list,
    'GET /models/*model': retrieve,
    'GET /v1/models/*model': retrieve,
    'GET /model/info': info,
    'GET /v1/model/info': info,
    'GET /v2/model/info': { summary: 'The same in pages.', query: [ModelInfoPageQuery], answer: { ModelInfoPage } },
    'GET /model_group/info': {
      summary: 'Each name that the caller may use, with what its deployments have together.',
      query: [ModelGroupQuery],
      answer: { ModelGroupList },
    },
  },
};
