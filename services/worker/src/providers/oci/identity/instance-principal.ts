import { createPrivateKey, X509Certificate } from 'node:crypto';
import { Realm, Region } from 'oci-common';
import { signFederationPost } from '../signing.ts';
import type { SigningIdentity } from '../signing.ts';
import { objectFromJson, textOf } from '../wire.ts';
import { identityRefused } from './identity-error.ts';
import { sendIdentityRequest } from './identity-request.ts';
import type { IdentitySource } from './renewing-signer.ts';
import { createSessionKey } from './session-key.ts';
import { readSessionToken } from './session-token.ts';

export interface InstancePrincipalOptions {
  /** Where the metadata service is, its version included. Null: where every instance has it. */
  readonly metadataUrl: string | null;
  /** Scheme and host of the auth service. Null: of the region in which the instance runs. */
  readonly authUrl: string | null;
  readonly now: () => number;
}

const who = 'instance principal';
const usualMetadataUrl = 'http://169.254.169.254/opc/v2';
const hint = 'It answers on OCI compute instances only, and to pods only where the network policy lets them.';

/**
 * The instance's certificate, exchanged for a token (oci-wire.md §2.5): the metadata service has the certificate and
 * its key, the auth service gives a token for a key of our own.
 */
export function createInstancePrincipal(options: InstancePrincipalOptions): IdentitySource {
  const metadata = createMetadata(options.metadataUrl ?? usualMetadataUrl);
  let authUrl = options.authUrl;
  return {
    name: who,
    renewal: 'early',
    whenExpired: 'Check the clock.',
    async obtain(signal) {
      authUrl ??= authUrlOf(await metadata('instance/region', signal));
      // Read anew each time: the instance gets new ones several times a day.
      const [leaf, sessionKey] = await Promise.all([readLeaf(metadata, signal), createSessionKey()]);
      const body = Buffer.from(
        JSON.stringify({
          certificate: leaf.certificate.raw.toString('base64'),
          publicKey: sessionKey.publicKey,
          intermediateCertificates: leaf.intermediates,
          purpose: 'DEFAULT',
        }),
      );
      const token = readSessionToken(await federate(authUrl, leaf.identity, body, options.now(), signal), who);
      return {
        identity: { keyId: token.keyId, privateKey: sessionKey.privateKey },
        expiresAt: token.expiresAt,
      };
    },
  };
}

type Metadata = (path: string, signal: AbortSignal) => Promise<string>;

function createMetadata(base: string): Metadata {
  const prefix = base.replace(/\/*$/, '/');
  const headers = { authorization: 'Bearer Oracle', accept: '*/*' };
  return (path, signal) =>
    sendIdentityRequest(
      { method: 'GET', url: `${prefix}${path}`, headers, who: `${who}: the metadata service`, hint },
      signal,
    );
}

/** @param region `iad` or `us-ashburn-1`; one that the SDK does not know is taken for one of the commercial realm */
function authUrlOf(region: string): string {
  const name = region.trim().toLowerCase();
  if (!/^[a-z0-9][a-z0-9.-]{1,62}$/.test(name)) throw identityRefused(`${who}: the metadata service names no region.`);
  const id = Region.getRegionIdFromShortCode(name);
  const realm = Region.values().find(({ regionId }) => regionId === id)?.realm ?? Realm.OC1;
  return `https://auth.${id}.${realm.secondLevelDomain}`;
}

interface Leaf {
  readonly certificate: X509Certificate;
  /** Signs only to the auth service. */
  readonly identity: SigningIdentity;
  /** In base64. */
  readonly intermediates: readonly string[];
}

/** The metadata service may change all three between two answers, so what does not fit is read once more. */
async function readLeaf(metadata: Metadata, signal: AbortSignal): Promise<Leaf> {
  return (await tryLeaf(metadata, signal)) ?? (await tryLeaf(metadata, signal)) ?? failLeaf();
}

async function tryLeaf(metadata: Metadata, signal: AbortSignal): Promise<Leaf | null> {
  const files = ['cert.pem', 'key.pem', 'intermediate.pem'].map((file) => metadata(`identity/${file}`, signal));
  const [certificatePem = '', keyPem = '', intermediatePem = ''] = await Promise.all(files);
  try {
    const certificate = new X509Certificate(certificatePem);
    const privateKey = createPrivateKey(keyPem);
    if (!certificate.checkPrivateKey(privateKey)) return null;
    const keyId = `${tenancyOf(certificate)}/fed-x509/${certificate.fingerprint.toLowerCase()}`;
    const intermediates = intermediatePem
      .split(/(?=-----BEGIN CERTIFICATE-----)/)
      .filter((pem) => pem.includes('-----BEGIN'))
      .map((pem) => new X509Certificate(pem).raw.toString('base64'));
    return { certificate, identity: { keyId, privateKey }, intermediates };
  } catch (error) {
    throw identityRefused(`${who}: the certificates of the metadata service cannot be read.`, error);
  }
}

function failLeaf(): never {
  throw identityRefused(`${who}: the metadata service gives a key that does not belong to its certificate.`);
}

/** Stands in one of the subject's parts, such as `OU=opc-tenant:ocid1.tenancy…`. */
function tenancyOf({ subject }: X509Certificate): string {
  const tenancy = /opc-(?:tenant|identity):([\w.:+=@~-]{1,512})/.exec(subject)?.[1];
  if (tenancy === undefined) throw new Error('the certificate names no tenancy');
  return tenancy;
}

/** @returns the token, which is secret */
async function federate(
  authUrl: string,
  leaf: SigningIdentity,
  body: Buffer,
  nowMs: number,
  signal: AbortSignal,
): Promise<string> {
  const url = `${authUrl.replace(/\/+$/, '')}/v1/x509`;
  const { host, pathname: target } = new URL(url);
  const headers = await signFederationPost(leaf, { target, host, date: new Date(nowMs) }, body);
  const answer = await sendIdentityRequest(
    { method: 'POST', url, headers, body, who: `${who}: the auth service`, hint: 'Check the network and the proxy.' },
    signal,
  );
  const token = textOf(objectFromJson(answer)?.['token']);
  if (token === '') throw identityRefused(`${who}: the auth service answered without a token.`);
  return token;
}
