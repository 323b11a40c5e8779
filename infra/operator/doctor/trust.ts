import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import * as z from 'zod';
import { isApiError } from '../../../shared/clients/api-error.ts';
import type { CallOptions, Calls } from '../../../shared/clients/calls.ts';
import { httpConfig } from '../../../shared/clients/http-options.ts';
import type { ClientOptions } from '../../../shared/clients/http-options.ts';

const ProfileAnswer = z.object({ id: z.string(), name: z.string(), iam_id: z.string() });
export type Profile = z.infer<typeof ProfileAnswer>;

const Link = z.object({
  cr_type: z.string().optional(),
  link: z.object({
    crn: z.string().optional(),
    component_type: z.string().optional(),
    component_name: z.string().optional(),
  }),
});
const LinksAnswer = z.object({ links: z.array(Link) });
const RulesAnswer = z.object({ rules: z.array(z.unknown()) });

/** What a profile trusts of Code Engine. */
export interface Trust {
  /** Components that are named exactly. */
  components: { type: string; name: string }[];
  /** How many rules there are besides. */
  ruleCount: number;
}

/** Trusted profiles, as far as the doctor looks at them. https://cloud.ibm.com/apidocs/iam-identity-token-api */
export class Profiles {
  readonly #sdk: IamIdentityV1;
  readonly #calls: Calls;

  constructor({ serviceUrl, authenticator, http, calls }: ClientOptions & { calls: Calls }) {
    this.#sdk = new IamIdentityV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#calls = calls;
  }

  /** Null when there is none. */
  async get(id: string, signal: AbortSignal): Promise<Profile | null> {
    const call: CallOptions = { operation: 'getProfile', kind: 'reads', signal };
    try {
      return await this.#calls.send(call, ProfileAnswer, (attempt) =>
        this.#sdk.getProfile({ profileId: id, signal: attempt }),
      );
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  async trustOf(profileId: string, signal: AbortSignal): Promise<Trust> {
    const [{ links }, { rules }] = await Promise.all([
      this.#calls.send({ operation: 'listLinks', kind: 'reads', signal }, LinksAnswer, (attempt) =>
        this.#sdk.listLinks({ profileId, signal: attempt }),
      ),
      this.#calls.send({ operation: 'listClaimRules', kind: 'reads', signal }, RulesAnswer, (attempt) =>
        this.#sdk.listClaimRules({ profileId, signal: attempt }),
      ),
    ]);
    const components = links.map(({ link }) => ({ type: link.component_type ?? '', name: link.component_name ?? '' }));
    return { components, ruleCount: rules.length };
  }
}
