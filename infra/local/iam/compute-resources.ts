import { z } from 'zod';
import type { CloudParts } from '../parts.ts';
import { readJwt, signJwt } from './jwt.ts';

/** A workload that logs in with its compute-resource token. */
export interface ComputeResource {
  /** CRN of the Code Engine project. */
  crn: string;
  /** Name of the project. Without it the workload satisfies no claim rule on it. */
  projectName?: string | undefined;
  componentType: 'function' | 'job' | 'application';
  componentName: string;
}

const Claims = z.object({
  crn: z.string(),
  project_name: z.string().optional(),
  component_type: z.enum(['function', 'job', 'application']),
  component_name: z.string(),
});

/** Tokens that Code Engine hands to its workloads. Nothing is kept: the signature tells which are ours. */
export class ComputeResourceTokens {
  readonly #parts: CloudParts;
  readonly #secret: string;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    // The world after a reset has the same seed, but must not take tokens of the former one.
    this.#secret = `${parts.random.hex(32)} ${parts.clock.nowMs()}`;
  }

  issue({ crn, projectName, componentType, componentName }: ComputeResource): string {
    const { clock, random } = this.#parts;
    const claims = {
      crn,
      project_name: projectName,
      component_type: componentType,
      component_name: componentName,
    };
    const issued = { iat: Math.floor(clock.nowMs() / 1_000), jti: random.hex(16) };
    return signJwt({ iss: 'https://codeengine.cloud.ibm.com', ...issued, ...claims }, this.#secret);
  }

  /** Null for a token that is not of this world. */
  read(token: string): ComputeResource | null {
    const claims = Claims.safeParse(readJwt(token, this.#secret));
    if (!claims.success) return null;
    const {
      crn,
      project_name: projectName,
      component_type: componentType,
      component_name: componentName,
    } = claims.data;
    return { crn, projectName, componentType, componentName };
  }
}
