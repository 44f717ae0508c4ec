import { OciFailure } from '../oci-simulator/failure.ts';

/** A refusal as OpenAI and Anthropic word it. What the simulators share throws OciFailure, which is the same without. */
export class Refusal extends OciFailure {
  readonly type: string | null;
  /** The field at fault. */
  readonly param: string | null;

  constructor(
    status: number,
    message: string,
    { type, param, code }: { readonly type?: string; readonly param?: string; readonly code?: string } = {},
  ) {
    super(status, message, code === undefined ? {} : { code });
    this.type = type ?? null;
    this.param = param ?? null;
  }
}
