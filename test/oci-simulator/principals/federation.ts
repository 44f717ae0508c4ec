import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isFields, isList, isText, isWord } from '../checks.ts';
import { parseBody, sendJson } from '../exchange.ts';
import { OciFailure } from '../failure.ts';
import { createPace } from '../pace.ts';
import { createSignatureVerifier, type SignedRequest } from '../signature.ts';
import { publicKeyOf, type Principals } from './principals.ts';

export const federationPath = '/v1/x509';

const isFederation = isFields(
  { certificate: isText, publicKey: isText, purpose: isWord('DEFAULT') },
  { intermediateCertificates: isList(isText) },
);

/**
 * The auth service: a token for an instance's certificate, if the chain leads to us and the leaf's key has signed
 * (§2.4, §2.5).
 *
 * @throws OciFailure 401, the same for every reason
 */
export async function federate(
  principals: Principals,
  { request, response, body }: { request: IncomingMessage; response: ServerResponse; body: Buffer },
  now: () => number,
): Promise<void> {
  principals.count('federations');
  const { drop, delayMs, failStatus } = principals.behaviour();
  if (drop) return void request.socket.destroy();
  await createPace(response).wait(delayMs);
  if (failStatus !== null) throw new OciFailure(failStatus, 'This failure was asked for.', { by: 'gateway' });

  const asked = parseBody(body, isFederation);
  const { method = '', url: target = '', headers } = request;
  const leaf = await verifiedLeaf(principals, asked.certificate, asked.intermediateCertificates ?? []);
  const keyId = `${principals.tenancy}/fed-x509/${leaf.fingerprint.toLowerCase()}`;
  const publicKeyPem = leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signed: SignedRequest = { method, target, headers, body };
  createSignatureVerifier([{ keyId, publicKeyPem, compartmentId: '' }], now).verify(signed);

  const instance = /opc-instance:(\S+)/.exec(leaf.subject)?.[1] ?? '';
  const token = await principals.issue(publicKeyOf(asked.publicKey), { sub: instance, 'opc-instance': instance });
  sendJson(response, JSON.stringify({ token }));
}

async function verifiedLeaf(
  principals: Principals,
  certificate: string,
  intermediates: readonly string[],
): Promise<X509Certificate> {
  const issuer = new X509Certificate((await principals.instance()).intermediate.certificatePem);
  try {
    const leaf = new X509Certificate(Buffer.from(certificate, 'base64'));
    const isOurs = intermediates.some((text) => Buffer.from(text, 'base64').equals(issuer.raw));
    if (isOurs && leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)) return leaf;
  } catch {
    // Not a certificate: refused below.
  }
  throw new OciFailure(401, 'The certificate is not one of this realm.', { by: 'gateway' });
}
