/**
 * Calls the OCI simulator from a process of its own and tells what CPU time a call cost: through the worker's
 * provider, or with a request signed by hand on `node:http`, which is the least that a signed call can cost.
 */
import { createHash, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { openSigners } from '../../services/worker/src/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '../../services/worker/src/providers/oci/oci-provider.ts';
import { CallerSpec, type CallerResult } from './caller-spec.ts';
import { promptOf, upstreamModel } from './requests.ts';

const concurrency = 16;
const maxTokens = 400;

process.on('message', (message) => {
  run(CallerSpec.parse(message)).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function run(spec: CallerSpec): Promise<CallerResult> {
  const prompt = promptOf({ streamed: false, outputTokens: 40, gapMs: 0, promptBytes: spec.promptBytes });
  await using caller = spec.by === 'provider' ? openByProvider(spec, prompt) : openByHand(spec, prompt);
  await calls(caller.call, spec.warmUpCalls);
  const before = process.cpuUsage();
  await calls(caller.call, spec.calls);
  const { user, system } = process.cpuUsage(before);
  return { cpuMsPerCall: (user + system) / 1_000 / spec.calls };
}

async function calls(call: () => Promise<void>, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    for (; left > 0;) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
}

interface Caller extends AsyncDisposable {
  readonly call: () => Promise<void>;
}

function openByProvider({ url, identity }: CallerSpec, prompt: string): Caller {
  const { region, compartmentId, tenancy, user, fingerprint, keyPem } = identity;
  const signers = openSigners({ env: {}, log: silentLogger }); // an API key leaves nothing to close
  const provider = openOciProvider({ signers, connectionsPerDeployment: concurrency });
  const deployment: Deployment = {
    id: 'bench',
    alias: 'bench',
    provider: 'oci',
    model: `oci/${upstreamModel}`,
    upstreamModel,
    target: {
      api: 'oci',
      region,
      endpoint: url,
      compartmentId,
      servingMode: { type: 'ON_DEMAND' },
      identity: { type: 'api_key', tenancy, user, fingerprint, privateKeyPem: keyPem, passphrase: null },
    },
    price: { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0 },
    priceSource: 'config',
    maxOutputTokens: null,
    maxInputTokens: null,
    weight: null,
    numRetries: null,
    timeoutMs: null,
    streamTimeoutMs: null,
    defaultParams: {},
  };
  const timeouts = { connectMs: 5_000, firstTokenMs: 30_000, betweenTokensMs: 30_000 };
  const never = new AbortController().signal;
  let count = 0;
  return {
    async call() {
      count += 1;
      const answer = provider.chat(
        {
          callId: callIdOf(RequestId.parse(`chatcmpl-bench-${count}`), 1),
          deployment,
          request: { model: 'bench', messages: [{ role: 'user', content: prompt }] },
          stream: false,
          outputTokensCap: maxTokens,
          dropParams: false,
          timeouts,
          mayBeSent: Promise.resolve(),
        },
        never,
      );
      let events = 0;
      for await (const batch of answer) events += batch.length;
      if (events < 3) throw new Error('the provider answered with too little');
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}

/** The body is built and the key parsed once per call and once per run: only what a signed call cannot do without. */
function openByHand({ url, identity }: CallerSpec, prompt: string): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const key = createPrivateKey(identity.keyPem);
  const target = new URL('/20231130/actions/chat', url);
  return {
    async call() {
      const body = Buffer.from(
        JSON.stringify({
          compartmentId: identity.compartmentId,
          servingMode: { servingType: 'ON_DEMAND', modelId: upstreamModel },
          chatRequest: {
            apiFormat: 'GENERIC',
            messages: [{ role: 'USER', content: [{ type: 'TEXT', text: prompt }] }],
            maxTokens,
          },
        }),
      );
      const headers = await signedHeaders({ target, body, keyId: identity.keyId, key });
      const answer: unknown = JSON.parse(await post(target, { agent, headers, body }));
      if (typeof answer !== 'object' || answer === null || !('chatResponse' in answer)) throw new Error('no answer');
    },
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

async function signedHeaders(call: { target: URL; body: Buffer; keyId: string; key: KeyObject }) {
  const { target, body, keyId, key } = call;
  const fields = {
    date: new Date().toUTCString(),
    host: target.host,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-content-sha256': createHash('sha256').update(body).digest('base64'),
  };
  const lines = [
    `(request-target): post ${target.pathname}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  ];
  const names = ['(request-target)', ...Object.keys(fields)].join(' ');
  const signature = await new Promise<Buffer>((resolve, reject) => {
    sign('sha256', Buffer.from(lines.join('\n')), key, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  const parameters = `keyId="${keyId}",algorithm="rsa-sha256",headers="${names}"`;
  const authorization = `Signature version="1",${parameters},signature="${signature.toString('base64')}"`;
  return { ...fields, authorization };
}

function post(target: URL, sent: { agent: Agent; headers: Record<string, string>; body: Buffer }): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(target, { method: 'POST', agent: sent.agent, headers: sent.headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`the simulator answered ${response.statusCode}: ${text}`));
      });
    });
    request.on('error', reject);
    request.end(sent.body);
  });
}
