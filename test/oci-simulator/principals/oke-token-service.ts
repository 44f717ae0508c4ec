import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isFields, isText } from '../checks.ts';
import { parseBody, readBody } from '../exchange.ts';
import { failureBody, OciFailure } from '../failure.ts';
import { createPace } from '../pace.ts';
import { createCertificate } from './certificate.ts';
import { publicKeyOf, type Principals } from './principals.ts';

/** The endpoint of an OKE cluster that exchanges service accounts for tokens (§2.5), over TLS of the cluster's own. */
export interface OkeTokenService extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** What a pod has as `ca.crt`. */
  readonly caPem: string;
  /** What a pod has as `token`. */
  readonly accountToken: string;
}

const path = '/resourcePrincipalSessionTokens';
const isPodKey = isFields({ podKey: isText }, {});

export async function openOkeTokenService(principals: Principals): Promise<OkeTokenService> {
  const host = '127.0.0.1';
  const authority = await createCertificate({ subject: [['CN', 'kubernetes-ca']], isAuthority: true });
  const { certificatePem, keyPem } = await createCertificate({
    subject: [['CN', 'proxymux']],
    issuer: authority,
    address: host,
  });
  const accountToken = `account.${randomBytes(24).toString('base64url')}.token`;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    if (request.method !== 'POST' || request.url !== path) throw new OciFailure(404, 'Not found', { by: 'gateway' });
    principals.count('okeTokens');
    const { drop, delayMs, failStatus } = principals.behaviour();
    if (drop) return void request.socket.destroy();
    await createPace(response).wait(delayMs);
    if (failStatus !== null) throw new OciFailure(failStatus, 'This failure was asked for.', { by: 'gateway' });
    if (request.headers.authorization !== `Bearer ${accountToken}`) {
      throw new OciFailure(401, 'The service account is not known.', { by: 'gateway' });
    }
    const { podKey } = parseBody(body, isPodKey);
    const token = `ST$${await principals.issue(publicKeyOf(podKey), { ptype: 'workload' })}`;
    response.end(Buffer.from(JSON.stringify({ token })).toString('base64'));
  };

  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const failure =
        error instanceof OciFailure ? error : new OciFailure(500, `Bug in the simulator: ${String(error)}`);
      if (!response.headersSent) response.writeHead(failure.status, { 'content-type': 'application/json' });
      response.end(failureBody(failure, 'words'));
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    caPem: authority.certificatePem,
    accountToken,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
