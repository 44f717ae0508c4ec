import type { Authenticate } from '../../../auth/create-authenticate.ts';
import type { Files } from '../../../files/files.ts';
import type { SteadyArrival } from '../../../http/arrival.ts';
import type { TransferLimits } from './transfers.ts';

export interface FilesDeps {
  readonly authenticate: Authenticate;
  readonly files: Omit<Files, 'show'>;
  /** The largest file that a client may store. */
  readonly maxBytes: number;
  /** How many at a time, and how slow they may be; as the routes say where it is not given. */
  readonly uploads?: TransferLimits;
  readonly uploadArrival?: SteadyArrival;
  readonly downloads?: TransferLimits;
  readonly downloadPieceMs?: number;
}
