import type { Authenticate } from '../../../auth/create-authenticate.ts';
import type { Files } from '../../../files/files.ts';

export interface FilesDeps {
  readonly authenticate: Authenticate;
  readonly files: Omit<Files, 'show'>;
  /** The largest file that a client may store. */
  readonly maxBytes: number;
}
