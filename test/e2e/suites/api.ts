import { endpointOcid } from '../../oci-simulator/models.ts';
import type { GatewayOptions } from '../gateway.ts';
import { models as inferenceModels } from '../inference-requests.ts';
import { limitBytes } from '../wrong-bodies.ts';
import { chatFormats } from './chat-formats.ts';
import { idempotency } from './idempotency.ts';
import { inferenceRoutes } from './inference-routes.ts';
import { modelsAsTold } from './models.ts';
import { openaiSdk } from './openai-sdk.ts';
import type { Suite } from './shared-gateway.ts';
import { spendInvariants } from './spend-invariants.ts';
import { whatWasSpent } from './spend.ts';
import { virtualKeys } from './virtual-keys.ts';
import { wrongInput } from './wrong-input.ts';

/** What clients ask of a gateway, as long as nothing goes wrong behind it. */
export const apiSuites: readonly Suite[] = [
  whatWasSpent, // these two read the rows of all keys: before others have written any
  spendInvariants,
  modelsAsTold,
  openaiSdk,
  chatFormats,
  inferenceRoutes,
  virtualKeys,
  idempotency,
  wrongInput,
];

const commandA = 'oci/cohere.command-a-03-2025';
const thinker = 'cohere.command-a-reasoning-08-2025';

export const apiOptions: GatewayOptions = {
  models: {
    retiring: { model: 'oci/meta.llama-3.1-405b-instruct' },
    'gpt-oss': { model: 'oci/openai.gpt-oss-120b' },
    gpt: { model: 'oci/openai.gpt-4.1' },
    vision: { model: 'oci/cohere.command-a-vision-07-2025' },
    thinker: {
      model: `oci/${thinker}`,
      oci_serving_mode: 'DEDICATED',
      oci_endpoint_id: endpointOcid(thinker),
    },
    // They drop what the model lacks, or a part of it.
    drops: { model: commandA, drop_params: true },
    'drops-one': { model: commandA, additional_drop_params: ['logit_bias'] },
    ...inferenceModels,
  },
  config: { sluice_settings: { max_request_mb: limitBytes / 1024 ** 2 } },
};
