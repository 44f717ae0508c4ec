import { createPublicKey, randomUUID, sign, type KeyObject } from 'node:crypto';
import { isFlag, isInteger, isNumber, isPatch, orNull, type Check } from '../checks.ts';
import { OciFailure } from '../failure.ts';
import type { RegisteredIdentity } from '../identity.ts';
import type { SignatureVerifier } from '../signature.ts';
import { createCertificate, type Certified } from './certificate.ts';

/** How the services behave that issue tokens. */
export interface PrincipalBehaviour {
  /** Of each token from now on. */
  readonly tokenLifeS: number;
  /** Before the answer of the federation endpoint or the token service. */
  readonly delayMs: number;
  /** Answer with this status instead of a token. */
  readonly failStatus: number | null;
  /** Reset the connection instead of an answer, the metadata service's too. */
  readonly drop: boolean;
}

const plain: PrincipalBehaviour = { tokenLifeS: 3600, delayMs: 0, failStatus: null, drop: false };

export const isPrincipalPatch: Check<Partial<PrincipalBehaviour>> = isPatch<PrincipalBehaviour>({
  tokenLifeS: isInteger(1, 86_400),
  delayMs: isNumber(0, 3_600_000),
  failStatus: orNull(isInteger(400, 599)),
  drop: isFlag,
});

/** What was asked since the start, failed or not. */
export interface PrincipalCounts {
  metadata: number;
  federations: number;
  okeTokens: number;
  issuedTokens: number;
  /** Answers with 401 by the inference API. */
  refusals: number;
}

/** The certificates of a compute instance and who signed them. */
export interface Instance {
  readonly leaf: Certified;
  readonly intermediate: Certified;
}

/**
 * Principals of the simulated tenancy that sign with tokens instead of API keys. All may do what the first
 * registered identity may.
 */
export interface Principals {
  readonly tenancy: string;
  behaviour(): PrincipalBehaviour;
  /** What is not named goes back to the default. */
  set(behaviour: Partial<PrincipalBehaviour>): void;
  counts(): Readonly<PrincipalCounts>;
  count(what: keyof PrincipalCounts): void;
  /** A token without its `ST$`, and from now on good for signatures of this key. */
  issue(publicKey: KeyObject, claims?: Readonly<Record<string, string>>): Promise<string>;
  /** Those that were issued until now are refused from now on, whatever they say of their end. */
  revokeTokens(): void;
  /** Made with the first use: it takes four key pairs. */
  instance(): Promise<Instance>;
}

export function createPrincipals(
  owner: RegisteredIdentity | undefined,
  verifier: SignatureVerifier,
  now: () => number,
): Principals {
  const [tenancy = ''] = owner?.keyId.split('/') ?? [];
  const compartmentId = owner?.compartmentId ?? tenancy;
  const counts: PrincipalCounts = { metadata: 0, federations: 0, okeTokens: 0, issuedTokens: 0, refusals: 0 };
  const valid = new Map<string, number>();
  let behaviour = plain;
  let authority: Promise<Certified> | undefined;
  let instance: Promise<Instance> | undefined;

  const issuer = () => (authority ??= createCertificate({ subject: [['CN', 'PKISVC']], isAuthority: true }));
  const forgetEnded = () => {
    for (const [keyId, expiresAt] of valid) {
      if (expiresAt > now()) break;
      verifier.forget(keyId);
      valid.delete(keyId);
    }
  };

  return {
    tenancy,
    behaviour: () => behaviour,
    set: (patch) => {
      behaviour = { ...plain, ...patch };
    },
    counts: () => ({ ...counts }),
    count: (what) => {
      counts[what] += 1;
    },
    issue: async (publicKey, claims = {}) => {
      const { privateKey } = await issuer();
      const iat = Math.floor(now() / 1000);
      const exp = iat + behaviour.tokenLifeS;
      const { n, e, kty } = publicKey.export({ format: 'jwk' });
      const token = jwtOf(
        {
          sub: tenancy,
          iss: 'authService.oracle.com',
          iat,
          exp,
          jti: randomUUID(),
          tenant: tenancy,
          'opc-tenant': tenancy,
          ...claims,
          jwk: JSON.stringify({ kid: 'asw', n, e, kty, alg: 'RS256', use: 'sig' }),
        },
        privateKey,
      );
      forgetEnded();
      const keyId = `ST$${token}`;
      const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      verifier.register({ keyId, publicKeyPem, compartmentId, tenancy, expiresAt: exp * 1000 });
      valid.set(keyId, exp * 1000);
      counts.issuedTokens += 1;
      return token;
    },
    revokeTokens: () => {
      for (const keyId of valid.keys()) verifier.forget(keyId);
      valid.clear();
    },
    instance: () => (instance ??= createInstance(issuer(), tenancy, compartmentId)),
  };
}

/** The key that a service of OCI gets in base64, without a frame. @throws OciFailure 400 */
export function publicKeyOf(base64: string): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), type: 'spki', format: 'der' });
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // Refused below, as a key of another kind is.
  }
  throw new OciFailure(400, 'The public key cannot be read.', { by: 'gateway' });
}

async function createInstance(root: Promise<Certified>, tenancy: string, compartmentId: string): Promise<Instance> {
  const intermediate = await createCertificate({
    subject: [['CN', 'PKISVC Identity Intermediate us-ashburn-1']],
    issuer: await root,
    isAuthority: true,
  });
  const id = `ocid1.instance.oc1.iad.${randomUUID().replaceAll('-', '')}`;
  const leaf = await createCertificate({
    subject: [
      ['CN', id],
      ['OU', 'opc-certtype:instance'],
      ['OU', `opc-compartment:${compartmentId}`],
      ['OU', `opc-instance:${id}`],
      ['OU', `opc-tenant:${tenancy}`],
    ],
    issuer: intermediate,
  });
  return { leaf, intermediate };
}

function jwtOf(claims: object, key: KeyObject): string {
  const head = { kid: 'asw_iad', alg: 'RS256' };
  const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}
