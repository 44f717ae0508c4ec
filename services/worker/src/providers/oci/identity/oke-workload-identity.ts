import { objectFromJson, textOf } from '../wire.ts';
import { identityRefused } from './identity-error.ts';
import { readIdentityFile } from './identity-file.ts';
import { sendIdentityRequest } from './identity-request.ts';
import type { IdentitySource } from './renewing-signer.ts';
import { createSessionKey } from './session-key.ts';
import { readSessionToken } from './session-token.ts';

export interface OkeWorkloadIdentityOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT_PROXYMUX`, which every pod of an enhanced cluster has. */
  readonly host: string | null;
  readonly port: string | null;
  /** Of the service account; null: where Kubernetes puts them. */
  readonly caFile: string | null;
  readonly tokenFile: string | null;
}

const who = 'OKE workload identity';
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The pod's service account, exchanged for a token at the cluster's own endpoint (oci-wire.md §2.5), which is known
 * by the cluster's authority alone. Kubernetes renews the account's token in place, so it is read each time.
 */
export function createOkeWorkloadIdentity(options: OkeWorkloadIdentityOptions): IdentitySource {
  const { host, port, caFile, tokenFile } = options;
  return {
    name: who,
    renewal: 'early',
    whenExpired: 'Check the clock.',
    async obtain(signal) {
      if (!host || !port) {
        const missing = 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT_PROXYMUX are not both set';
        throw identityRefused(`${who}: ${missing}. It works in pods of enhanced OKE clusters only.`);
      }
      const [ca, accountToken, sessionKey] = await Promise.all([
        readIdentityFile(caFile ?? `${serviceAccount}/ca.crt`, `${who}: the cluster's certificate`),
        readIdentityFile(tokenFile ?? `${serviceAccount}/token`, `${who}: the service account's token`),
        createSessionKey(),
      ]);
      const bearer = accountToken.trim();
      if (!/^[\x21-\x7e]+$/.test(bearer)) throw identityRefused(`${who}: the service account's token is not one.`);
      const answer = await sendIdentityRequest(
        {
          method: 'POST',
          url: `https://${host.includes(':') ? `[${host}]` : host}:${port}/resourcePrincipalSessionTokens`,
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify({ podKey: sessionKey.publicKey })),
          ca,
          who: `${who}: the cluster's token service`,
          hint: 'Check that the cluster is an enhanced one.',
        },
        signal,
      );
      const token = readSessionToken(tokenIn(answer), who);
      return { identity: { keyId: token.keyId, privateKey: sessionKey.privateKey }, expiresAt: token.expiresAt };
    },
  };
}

/** The answer is JSON in base64, in quotes or not; its token has the `ST$` of a key id already. */
function tokenIn(answer: string): string {
  const json = Buffer.from(answer.replaceAll('"', ''), 'base64').toString();
  const token = textOf(objectFromJson(json)?.['token']);
  if (token === '') throw identityRefused(`${who}: the cluster's token service answered without a token.`);
  return token.startsWith('ST$') ? token.slice('ST$'.length) : token;
}
